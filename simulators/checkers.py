"""The promises, held against what is on the disk, apart from the code that keeps them. Pure functions over facts.

- lost: a boarding that a journal accepted and charged, and that the ledger has no posting for (P1, P2, P6);
- doubled: a tap posted more than once, a posting for a tap that its journal did not accept, or a presentation that was
  charged more than once to who showed it, or a printed ticket for more rides than it was sold for (P6, P10);
- overcharged: a rider charged above what the validator showed, or charged without a proof of that rider's own (P20);
- ledger_sum: what all accounts add up to, and every difference between a stored balance and its transfers (P8).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from backend.core.ledger import COPIED, COPIED_CITY, SUSPENSE, TransferKind, rider_account, tickets_account
from protocol.fares.verdicts import TABLE, Verdict
from protocol.wire.passes import Presentation

TapId = tuple[str, int, int]  # device, epoch, sequence
_NOT_RIDERS = (COPIED, COPIED_CITY, SUSPENSE)  # who owes a boarding that is not charged to anyone's pass
_OWNERS = ("operator:", "held:")


@dataclass(frozen=True, slots=True)
class ShownTicket:
    """A printed ticket whose own proof lies sealed in a tap.

    `day`: of a card. `rides`: that its issue pays, of this day or in all; None where no trusted clock said which day.
    """

    ticket_id: bytes
    issue: str
    rides: int | None
    day: int | None


@dataclass(frozen=True, slots=True)
class JournalTap:
    """One tap of a journal. `shown` is the presentation whose own proof lies sealed in it, `ticket` the ticket.

    Either is None if there is none.
    """

    tap: TapId
    verdict: Verdict
    fare_rials: int
    shown: Presentation | None = None
    ticket: ShownTicket | None = None

    @property
    def proven(self) -> str | None:
        """The account of whoever is proven to have shown it."""
        if self.ticket is not None:
            return tickets_account(self.ticket.issue)
        return None if self.shown is None else rider_account(self.shown.credential_id)

    @property
    def charged(self) -> bool:
        """Whether it must be posted."""
        return TABLE[self.verdict].charged


@dataclass(frozen=True, slots=True)
class Posting:
    """One transfer of the ledger, with the tap it was made for where it was made for one."""

    kind: TransferKind
    debit: str
    credit: str
    rials: int
    tap: TapId | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What the comparison found; `lost`, `doubled` and `overcharged` say it in words, one line each."""

    accepted: int
    refused: dict[str, int]
    posted: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    overcharged: tuple[str, ...]
    ledger_sum: int


def compare(
    taps: Sequence[JournalTap],
    postings: Sequence[Posting],
    balances: Iterable[tuple[str, int]],
    begins: Mapping[tuple[str, int], int],
) -> Findings:
    """Hold journals against the ledger.

    `balances`: stored (account, credits − debits). `begins`: (device, epoch) → first sequence its journal still holds;
    what was pruned before it, or written in a journal that is not here, cannot be compared.
    """
    accepted = {tap.tap: tap for tap in taps if tap.charged}
    fares = _by_tap(postings, TransferKind.FARE)
    subsidies = _by_tap(postings, TransferKind.SUBSIDY)
    by_tap: dict[TapId, list[Posting]] = {}
    for posting in postings:
        if posting.tap is not None:
            by_tap.setdefault(posting.tap, []).append(posting)
    # A boarding for which the rider pays nothing has the city's part alone.
    posted = {tap for tap in accepted if tap in fares or (accepted[tap].fare_rials == 0 and tap in subsidies)}
    return Findings(
        accepted=len(accepted),
        refused=dict(sorted(Counter(tap.verdict.name.lower() for tap in taps if not tap.charged).items())),
        posted=len(posted),
        lost=tuple(f"{_name(tap)} was accepted and is not posted" for tap in sorted(set(accepted) - posted)),
        doubled=(
            *_posted_twice(fares, subsidies),
            *_never_accepted({*fares, *subsidies} - set(accepted), begins),
            *_charged_twice(accepted, by_tap),
            *_ridden_too_often(accepted, by_tap),
        ),
        overcharged=tuple(_overcharged(accepted, by_tap)),
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


def _by_tap(postings: Iterable[Posting], kind: TransferKind) -> dict[TapId, list[Posting]]:
    found: dict[TapId, list[Posting]] = {}
    for posting in postings:
        if posting.tap is not None and posting.kind is kind:
            found.setdefault(posting.tap, []).append(posting)
    return found


def _posted_twice(*kinds: Mapping[TapId, Sequence[Posting]]) -> Iterable[str]:
    for found in kinds:
        for tap, made in found.items():
            if len(made) > 1:
                yield f"{_name(tap)} has {len(made)} postings of kind {made[0].kind.value}"


def _never_accepted(taps: Iterable[TapId], begins: Mapping[tuple[str, int], int]) -> Iterable[str]:
    for tap in sorted(taps):
        device, epoch, sequence = tap
        begin = begins.get((device, epoch))
        if begin is not None and sequence >= begin:
            yield f"{_name(tap)} is posted, but its journal did not accept it"


def _charged_twice(accepted: Mapping[TapId, JournalTap], by_tap: Mapping[TapId, Sequence[Posting]]) -> Iterable[str]:
    """A presentation is charged, to rider and city, for one boarding; other boardings with it are paid by `copied`.

    A charge that corrections gave back whole is none.
    """
    charged: dict[Presentation, list[TapId]] = {}
    for tap, one in accepted.items():
        if one.shown is not None and any(
            rials > 0 for account, rials in _owing(by_tap.get(tap, ())).items() if account not in _NOT_RIDERS
        ):
            charged.setdefault(one.shown, []).append(tap)
    for taps in charged.values():
        if len(taps) > 1:
            yield f"one presentation is charged for {', '.join(map(_name, sorted(taps)))}"


def _ridden_too_often(accepted: Mapping[TapId, JournalTap], by_tap: Mapping[TapId, Sequence[Posting]]) -> Iterable[str]:
    """Of a ticket its issue and the city pay as many rides as it was sold for; those of copies are paid by `copied`."""
    paid: dict[ShownTicket, list[TapId]] = {}
    for tap, one in accepted.items():
        ticket = one.ticket
        if ticket is None or ticket.rides is None:
            continue
        if any(rials > 0 for payer, rials in _owing(by_tap.get(tap, ())).items() if payer not in _NOT_RIDERS):
            paid.setdefault(ticket, []).append(tap)
    for ticket, taps in paid.items():
        if len(taps) > (ticket.rides or 0):
            yield f"a ticket of {ticket.rides} is paid for {', '.join(map(_name, sorted(taps)))}"


def _overcharged(accepted: Mapping[TapId, JournalTap], by_tap: Mapping[TapId, Sequence[Posting]]) -> Iterable[str]:
    for tap, one in accepted.items():
        made = by_tap.get(tap, ())
        fares = [posting for posting in made if posting.kind in (TransferKind.FARE, TransferKind.FARE_CORRECTION)]
        fare = sum(posting.rials for posting in made if posting.kind is TransferKind.FARE)
        owing = _owing(fares)
        total = max(fare, sum(rials for payer, rials in owing.items() if payer.startswith(("rider:", "tickets:"))))
        if total > one.fare_rials:
            yield f"{_name(tap)} is charged {total} rials, and the rider was shown {one.fare_rials}"
        if any(payer not in (*_NOT_RIDERS, one.proven) for payer, rials in owing.items() if rials > 0):
            yield f"{_name(tap)} is charged to somebody of whom the journal holds no proof"


def _owing(made: Iterable[Posting]) -> Counter[str]:
    """What each account but the owner's owes for a tap, by all that was posted, paid or held."""
    found: Counter[str] = Counter()
    for posting in made:
        found[posting.debit] += posting.rials
        found[posting.credit] -= posting.rials
    return Counter({account: rials for account, rials in found.items() if not account.startswith(_OWNERS)})


def paid_unproven(made: Iterable[Posting]) -> Iterable[str]:
    """What was posted to an owner who can be paid it, and nobody's proof, ticket or float stands behind it."""
    for posting in made:
        if posting.debit in _NOT_RIDERS and posting.credit.startswith("operator:"):
            yield f"{posting.rials} rials of `{posting.debit}` went to {posting.credit}"


def paid_for_contested(claimed: Mapping[TapId, tuple[Presentation, str]], made: Iterable[Posting]) -> Iterable[str]:
    """Owners paid for a code that several vehicles tell of. `claimed`: taps that stand → code, vehicle."""
    vehicles: dict[Presentation, set[str]] = {}
    for shown, vehicle in claimed.values():
        vehicles.setdefault(shown, set()).add(vehicle)
    paid: Counter[TapId] = Counter()
    for posting in made:
        if posting.tap is None or posting.tap not in claimed or len(vehicles[claimed[posting.tap][0]]) == 1:
            continue
        owners = posting.credit.startswith("operator:") - posting.debit.startswith("operator:")
        paid[posting.tap] += posting.rials * owners
    yield from (f"{_name(tap)} is paid {rials} rials, and {len(vehicles[claimed[tap][0]])} vehicles tell of its code"
                for tap, rials in sorted(paid.items()) if rials)  # fmt: skip


def _name(tap: TapId) -> str:
    device, epoch, sequence = tap
    return f"tap {sequence} of {device} (journal {epoch:x})"
