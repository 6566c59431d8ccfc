"""The port of reconciliation: what it reads, in bounded steps, and what it keeps. Part of `Store`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from backend.core.ledger import TapId
from backend.core.reconciliation.discrepancies import Discrepancy, Kept
from backend.core.reconciliation.journals import HeldJournal, Refused
from backend.core.reconciliation.losses import Taken
from backend.core.reconciliation.paid_in import Held, PaidIn
from backend.core.reconciliation.payments import Entry, HeldTopUp, Told
from backend.core.reconciliation.sent import Sent
from backend.core.reconciliation.statements import BankRow, ProviderRow, Unreadable
from backend.core.reconciliation.taps import PostedTransfer, StandingTap
from backend.core.staff.log import Entry as LogEntry


@dataclass(slots=True)
class Run:
    """One reconciliation of service days, both ends included, and where it is.

    `sources`: names and digests of the files that it was given. `place`: within the stage. `seen`: a bit for each
    transfer from `first_transfer` to `last_transfer` that a tap or a top-up accounts for. `dirty`: its blocks that are
    not kept yet.
    """

    id: int
    from_day: int
    to_day: int
    sources: str
    begun_ms: int
    stage: str
    place: Sequence[int | str]
    totals: dict[str, int]
    first_transfer: int
    last_transfer: int
    seen: bytearray
    dirty: set[int] = field(default_factory=set)
    ended_ms: int | None = None
    steps: int = 0

    def mark(self, transfer: int) -> None:
        """A transfer is accounted for; one of another time than the run's is none of its business."""
        at = transfer - self.first_transfer
        if 0 <= at <= self.last_transfer - self.first_transfer:
            self.seen[at >> 3] |= 1 << (at & 7)
            self.dirty.add(at >> 3 >> BLOCK_BITS)

    def is_seen(self, transfer: int) -> bool:
        """Whether something accounts for it."""
        at = transfer - self.first_transfer
        return bool(self.seen[at >> 3] & 1 << (at & 7))


BLOCK_BITS = 13  # 8 KiB of `seen` are kept as a row: 65,536 transfers


class ReconcilingStore(Protocol):
    """Reads beside everybody else, each call at one moment; writes in short transactions. Raises StoreFailed."""

    def go_on(self, from_day: int, to_day: int, sources: str, now_ms: int, first_stage: str) -> Run:
        """The run of these days and files that has not ended, or a new one."""
        ...

    def keep_step(self, run: Run, found: Collection[Discrepancy], now_ms: int) -> int:
        """What one step found and where the run now is, in one transaction → how many were opened."""
        ...

    def end_run(self, run: Run, checked: Callable[[Discrepancy], bool], now_ms: int) -> int:
        """The run has ended: open ones of its days that it looked for and did not find match → how many.

        `checked`: whether it looked for one; no run that began after it has found it.
        """
        ...

    def standing_taps(
        self, from_ms: int, until_ms: int, after: tuple[int, int] | None, most: int, *, undated: bool = False
    ) -> tuple[Sequence[tuple[StandingTap, Sequence[PostedTransfer]]], tuple[int, int] | None]:
        """Accepted, charged taps of this time behind `after`, with the transfers under their own keys.

        `undated`: only those whose records name another day, which are not among the others; → them, and the place
        behind the last; None where there are no more.
        """
        ...

    def tap_names(
        self, from_ms: int, until_ms: int, after: tuple[int, int] | None, most: int, *, undated: bool = False
    ) -> tuple[Sequence[tuple[TapId, int, int | None]], tuple[int, int] | None]:
        """The same taps: who they are, when, and their revision; None where no table says."""
        ...

    def remembered_day(self) -> int:
        """The first service day whose travel is remembered; 0: all of it."""
        ...

    def transfers(self, after: int, until: int, most: int) -> Sequence[PostedTransfer]:
        """Those behind `after` up to `until`, by their ids."""
        ...

    def transfers_by_id(self, ids: Collection[int]) -> Sequence[PostedTransfer]:
        """These."""
        ...

    def keep_provider_rows(
        self, provider: str, digest: str, days: tuple[int, int], rows: Collection[ProviderRow],
        unreadable: Collection[Unreadable],
    ) -> None:  # fmt: skip
        """Some rows of a statement."""
        ...

    def keep_bank_rows(
        self, digest: str, days: tuple[int, int], rows: Collection[BankRow], unreadable: Collection[Unreadable]
    ) -> None:
        """Some rows of the bank's."""
        ...

    def cover(self, provider: str, days: tuple[int, int], digests: Collection[str]) -> None:
        """These files are the statements of these days: what older files told of them goes. Provider '': the bank."""
        ...

    def unreadable(self, digests: Collection[str]) -> Sequence[tuple[str, int, str, int]]:
        """(source, line, why, day) of lines that were left out of these files."""
        ...

    def told(
        self, days: tuple[int, int], after: tuple[str, str] | None, most: int
    ) -> Sequence[tuple[Told, HeldTopUp | None]]:
        """Payments of which some row lies in these days, by provider and name, each whole, and their top-ups."""
        ...

    def topups(
        self, from_ms: int, until_ms: int, after: tuple[int, str] | None, most: int
    ) -> tuple[Sequence[tuple[HeldTopUp, Told | None]], Mapping[bytes, PostedTransfer], Collection[tuple[str, int]]]:
        """Credited top-ups made in this time; the transfers of theirs; (provider, day) of statements that are held."""
        ...

    def payouts(
        self, days: tuple[int, int], booked: tuple[int, int], names: Collection[str] = ()
    ) -> Sequence[Held]:  # fmt: skip
        """Payouts whose last row lies in `days` (due), whose name the bank has in days `booked`, or of these names."""
        ...

    def paid_in(self, days: tuple[int, int], names: Collection[str] = ()) -> Mapping[tuple[str, str], PaidIn]:
        """What was posted of payouts whose last row lay in these days, and of those of these names."""
        ...

    def post_paid_in(self, some: Collection[PaidIn], at_ms: int) -> int:
        """Post these, each once whoever says so how often → how many were new."""
        ...

    def sent(self, days: tuple[int, int]) -> Sequence[tuple[Sent, int | None]]:
        """Payouts that were marked paid in these days, and the amount of the bank's outgoing entry of each."""
        ...

    def outgoing(self, days: tuple[int, int]) -> Sequence[tuple[Entry, int]]:
        """References of what went out whose first entry lies in these days, and how many payouts were told with it."""
        ...

    def days_held(self, provider: str) -> Collection[int]:
        """Days of which this provider's statement is held; '': the bank's."""
        ...

    def open_among(self, names: Collection[str]) -> Collection[str]:
        """Those of them that are open."""
        ...

    def entries(self, days: tuple[int, int]) -> Sequence[tuple[Entry, int]]:
        """References of what came in whose first entry lies in these days, and how many payouts have that name."""
        ...

    def journals(self) -> Sequence[HeldJournal]:
        """Every journal of which its device told more than is held, also one that it does not tell of any more."""
        ...

    def refused(self) -> Sequence[Refused]:
        """What is kept apart."""
        ...

    def discrepancies(self, *, open_only: bool, after: str | None, most: int) -> Sequence[Kept]:
        """By name."""
        ...

    def resolve_discrepancy(self, name: str, why: str, entry: LogEntry) -> Kept:
        """A person says why it needs no more acting; never an update. Raises NotFound; Refused if it is not open."""
        ...


class LossStore(Protocol):
    """What ordinary hours bring. Raises StoreFailed."""

    def taken(self, from_ms: int, until_ms: int) -> Sequence[Taken]:
        """Fares of each line, hour and day in this time."""
        ...

    def taken_within(self, spans: Collection[tuple[str, int, int]]) -> Mapping[tuple[str, int, int], int]:
        """(vehicle, from, until) → the fares that it took in that time."""
        ...
