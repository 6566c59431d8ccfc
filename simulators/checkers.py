"""The promises, held against what is on the disk, apart from the code that keeps them. Pure functions over facts.

- lost: a boarding that a journal accepted and charged, and that the ledger has no posting for (P1, P2, P6);
- doubled: a posting more than once for a tap, or a rider charged more than once for one presentation (P6, P10);
- ledger_sum: what all accounts add up to, and every difference between a stored balance and its transfers (P8).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from protocol.fares.verdicts import TABLE, Verdict

TapId = tuple[str, int, int]  # device, epoch, sequence


@dataclass(frozen=True, slots=True)
class JournalTap:
    """One tap of a journal."""

    tap: TapId
    verdict: Verdict
    fare_rials: int

    @property
    def charged(self) -> bool:
        """Whether it must be posted."""
        return TABLE[self.verdict].charged


@dataclass(frozen=True, slots=True)
class Posting:
    """One transfer of the ledger, with the tap it was made for where it was made for one."""

    kind: str
    debit: str
    credit: str
    rials: int
    tap: TapId | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What the comparison found; `lost` and `doubled` name their taps."""

    accepted: int
    refused: dict[str, int]
    posted: int
    lost: tuple[TapId, ...]
    doubled: tuple[str, ...]
    overcharged: tuple[TapId, ...]
    ledger_sum: int


def compare(
    taps: Sequence[JournalTap],
    postings: Sequence[Posting],
    balances: Iterable[tuple[str, int]],
    charges: Iterable[tuple[bytes, int, int]],
) -> Findings:
    """Hold journals against the ledger. `balances`: stored (account, credits − debits); `charges`: presentations."""
    accepted = {tap.tap: tap for tap in taps if tap.charged}
    refused = Counter(tap.verdict.name.lower() for tap in taps if not tap.charged)
    fares = Counter(posting.tap for posting in postings if posting.kind == "fare" and posting.tap is not None)
    free = {tap.tap for tap in accepted.values() if tap.fare_rials == 0}  # the city pays all of it
    subsidised = {posting.tap for posting in postings if posting.kind == "subsidy"}
    posted = {tap for tap in accepted if fares[tap] or (tap in free and tap in subsidised)}
    doubled = [f"tap {tap} posted {times} times" for tap, times in fares.items() if times > 1]
    doubled += [f"tap {tap} posted, but its journal did not accept it" for tap in fares if tap not in accepted]
    doubled += [
        f"presentation {shown[0].hex()} charged {times} times" for shown, times in Counter(charges).items() if times > 1
    ]
    paid: Counter[TapId] = Counter()
    for posting in postings:
        if posting.kind == "fare" and posting.tap is not None:
            paid[posting.tap] += posting.rials
    return Findings(
        accepted=len(accepted),
        refused=dict(sorted(refused.items())),
        posted=len(posted),
        lost=tuple(sorted(set(accepted) - posted)),
        doubled=tuple(doubled),
        overcharged=tuple(t for t, rials in paid.items() if t in accepted and rials > accepted[t].fare_rials),
        ledger_sum=ledger_sum(postings, balances),
    )


def ledger_sum(postings: Iterable[Posting], balances: Iterable[tuple[str, int]]) -> int:
    """0 if the stored balances add up to zero and each equals its transfers; else how far they are off, in rials."""
    moved: Counter[str] = Counter()
    for posting in postings:
        moved[posting.debit] -= posting.rials
        moved[posting.credit] += posting.rials
    stored = dict(balances)
    off = sum(abs(stored.get(account, 0) - moved[account]) for account in {*stored, *moved})
    return abs(sum(stored.values())) + off
