"""What riders could spend that the office did not see, of each outage: by the taps that came late. Pure.

An outage is the time of one device from its first tap that the office heard of more than EXPOSURE_AFTER_MS later to the
last one before the taps come at once again. What a rider paid by taps of that time, nobody could hold against his
balance: that is exposed. The bus counts another thing (`edge.core.exposure`): what its two doors could have been shown
twice. No rider is named; of each outage there is how many they were, and the most of one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from backend.core.limits import EXPOSURE_AFTER_MS
from backend.core.reconciliation.taps import PostedTransfer, StandingTap

_WALLET = "rider:"


@dataclass(slots=True)
class Exposure:
    """One outage of one device. `until_ms`: its last late tap; `heard_ms`: when the office had all of them."""

    device: str
    from_ms: int
    until_ms: int
    heard_ms: int
    taps: int = 0
    by_rider: dict[str, int] = field(default_factory=dict)

    @property
    def rials(self) -> int:
        """All of it."""
        return sum(self.by_rider.values())

    @property
    def most_rials(self) -> int:
        """The most of one rider."""
        return max(self.by_rider.values(), default=0)


class Exposures:
    """Looks at taps in the order of their time. In memory: outages that go on, and what riders paid in them."""

    def __init__(self) -> None:
        self._open: dict[str, Exposure] = {}

    def look(self, taps: Iterable[tuple[StandingTap, Iterable[PostedTransfer]]]) -> Iterator[Exposure]:
        """Some taps → the outages that ended by them."""
        for tap, transfers in taps:
            device = tap.tap[0]
            heard_ms = min((it.at_ms for it in transfers), default=None)
            if heard_ms is None:
                continue  # nothing was moved by it
            if heard_ms - tap.wall_ms <= EXPOSURE_AFTER_MS:
                if (ended := self._open.pop(device, None)) is not None:
                    yield ended
                continue
            it = self._open.setdefault(device, Exposure(device, tap.wall_ms, tap.wall_ms, heard_ms))
            it.until_ms, it.heard_ms, it.taps = tap.wall_ms, max(it.heard_ms, heard_ms), it.taps + 1
            _add(it.by_rider, tap.flows or {})

    def rest(self) -> Iterator[Exposure]:
        """Those that had not ended."""
        yield from self._open.values()
        self._open = {}


def _add(by_rider: dict[str, int], flows: Mapping[tuple[str, str], int]) -> None:
    for (payer, _), rials in flows.items():
        if payer.startswith(_WALLET):
            by_rider[payer] = by_rider.get(payer, 0) + rials
