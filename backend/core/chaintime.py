"""When something happened, along one journal. Pure: a function of the chain, and not of what arrived meanwhile.

A trusted clock says it. Where none is trusted, the last trusted time of the chain and the time that the device has run
since bound it from below: a restart adds nothing, for nobody knows how long the device was off. The phone's own time,
which its rider signed, counts above that: an honest phone is right, and one whose clock stands still does not make one
endless journey of its rides. So rides without a clock meet journeys and caps as all others do: an operator gains
nothing by a clock that is distrusted, and a rider nothing by a phone that is.
"""

from dataclasses import dataclass

from protocol.limits import LATEST_MS
from protocol.wire.records import Instant


@dataclass(frozen=True, slots=True)
class ChainTime:
    """How late it is at least, by the chain so far: Unix milliseconds at this reading of the monotonic clock."""

    wall_ms: int = 0
    mono_ms: int = 0

    def then(self, at: Instant) -> "ChainTime":
        """Behind one more record."""
        if at.trusted:
            return ChainTime(min(at.wall_ms, LATEST_MS), at.mono_ms)
        return ChainTime(min(self.wall_ms + max(0, at.mono_ms - self.mono_ms), LATEST_MS), at.mono_ms)


UNKNOWN_TIME = ChainTime()  # before the first record


@dataclass(frozen=True, slots=True)
class Undated:
    """A tap whose record, of a clock that tells nothing, names another service day (`record_ms`) than its own."""

    device: str
    epoch: int
    sequence: int
    record_ms: int
    wall_ms: int


def tap_ms(time: ChainTime, at: Instant, time_s: int, least_ms: int = 0) -> int:
    """When a tap was, `time` being behind its record, and `time_s` what the phone signed.

    `least_ms`: before which it cannot have been, as the credential was not there yet or the tariff not in force: where
    no clock was trusted, a phone set to 1970 would board on a day of which no travel is remembered, and so for nothing.
    """
    return min(at.wall_ms, LATEST_MS) if at.trusted else max(time.wall_ms, time_s * 1000, least_ms)
