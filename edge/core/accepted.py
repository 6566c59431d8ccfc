"""One accepted boarding as a bus remembers it, and what names its record."""

from dataclasses import dataclass
from typing import NamedTuple

from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.passes import Presentation
from protocol.wire.sister import Along
from protocol.wire.tickets import is_ridden

UNKNOWN_MS = 0  # a wall time that no trusted clock vouched for


class RecordId(NamedTuple):
    """What names a record on one bus: an epoch belongs to one journal, of either door and of any card."""

    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted boarding, kept for the repeat and the transfer window: plain ids stay on the bus only that long.

    `wall_ms` is UNKNOWN_MS where no trusted clock said it. `annulled`: the driver took it back; its code is still a
    copy when it is shown again, and nothing else of it counts.
    """

    presentation: Presentation
    wall_ms: int
    party: int
    door: int
    adult_rials: int  # what its ride adds to its rider's history (see `pricing`)
    permille: int
    cap_permille: int
    fare_rials: int  # as it was shown
    verdict: Verdict
    reason: Reason
    tariff_version: int
    annulled: bool = False
    along: Along | None = None  # where, on a line by distance
    closes: RecordId | None = None  # of a tap-out: the boarding that it ends, at either door

    @property
    def extends(self) -> bool:
        """Whether it is companions only, who came behind their rider."""
        return self.verdict is Verdict.PARTY_EXTENDED

    @property
    def begins(self) -> bool:
        """Whether a ride begins with it: it is neither companions nor a tap-out."""
        return self.closes is None and not self.extends

    @property
    def share(self) -> tuple[int, int, int]:
        """What it adds to a history."""
        return self.adult_rials, self.permille, self.cap_permille

    @property
    def uses_ticket(self) -> bool:
        """Whether it is a ride by a bearer ticket that somebody pays: a free one uses none up."""
        return is_ridden(self.presentation) and self.adult_rials > 0 and not self.annulled


class Kept(NamedTuple):
    """What a window keeps of one record. `proven`: not by the other door's word alone."""

    record: RecordId
    accepted: Accepted
    proven: bool
