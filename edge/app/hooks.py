"""What a door tells the terminal that stands beside it; a door without one tells nobody."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from protocol.wire.badges import Badge
from protocol.wire.records import Instant

log = logging.getLogger(__name__)


def _no_terminal(badge: Badge, _now: Instant) -> None:
    log.info("the badge of driver %s was shown at a door without a terminal", badge.number)


@dataclass(slots=True)
class Hooks:
    """What a terminal beside the door hears: the chain is open and nobody boards yet; a driver's badge was shown."""

    before_looking: Callable[[Instant], None] = lambda _: None
    on_badge: Callable[[Badge, Instant], None] = _no_terminal
