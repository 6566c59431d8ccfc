"""What the broker says for a device that vanishes: its death, signed while it lived."""

import logging

from edge.core.errors import SignerFailed
from protocol.wire.health import RunCause, State, encode_state
from protocol.wire.keys import Signer
from protocol.wire.records import Instant
from protocol.wire.topics import Address, Channel
from transport.mqtt import Will

log = logging.getLogger(__name__)


def will_of(address: Address, epoch: int, now: Instant, software: str, key: Signer) -> Will | None:
    """The will of a run's sessions; None where its key does not sign at the start, and then this run leaves none."""
    state = State(address.device, online=False, epoch=epoch, wall_ms=max(now.wall_ms, 0), software=software,
                  cause=RunCause.LOST)  # fmt: skip
    try:
        return Will(address.topic(Channel.STATE), encode_state(state, key))
    except SignerFailed as error:
        log.warning("this run leaves the broker no will: %s", error)
        return None
