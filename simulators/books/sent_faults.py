"""Payouts to owners that are marked paid, the bank's outgoing entries of them, and faults planted among these."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from backend.core.limits import PAYOUT_DAYS_MAX
from backend.core.staff.subjects import PayOut
from backend.core.staff.two_people import Kind
from protocol.localtime import day_begins_ms
from simulators.books.ordinary import DAYS, FIRST_DAY
from simulators.books.payments import Row, Statement
from simulators.books.tampering import Tables

_IBAN: Final = "IR062960000000100324200001"
_A_DAY: Final = 40
_HOUR_MS: Final = 3_600_000
_AMOUNTS: Final = (40_000_000, 55_000_000)  # few: payouts of one amount are the rule
_PROPOSAL: Final = (
    "INSERT INTO proposal (name, kind, subject, content, why, proposer, proposed_ms, until_ms, state, decided_by,"
    " decided_ms) VALUES (?, ?, ?, ?, 'of the week', 'sara', ?, ?, 'approved', 'omid', ?)"
)


@dataclass(slots=True)
class MadeSent:
    """One payout that is marked paid, and its entry at the bank."""

    id: str
    reference: str
    told_ms: int
    entry: Row


def plant_sent_faults(tables: Tables, statement: Statement, *, faults: int, seed: int) -> set[str]:
    """Payouts of all days with their entries, and at least so many faults → what these must be found as."""
    rng = Random(f"sent {seed}")  # noqa: S311 - a simulation replays from its seed
    planter = _Planter(_made(tables, rng), statement, rng)
    statement.bank += [it.entry for it in planter.left]
    kinds: tuple[Callable[[], object], ...] = (
        planter.missing, planter.differs, planter.unknown, planter.doubled, planter.renamed, planter.crossed
    )  # fmt: skip
    for plant in kinds:
        plant()
    while len(planter.expected) < faults and planter.left:
        rng.choice(kinds)()
    return planter.expected


def _made(tables: Tables, rng: Random) -> list[MadeSent]:
    """Approved in the morning, booked by the bank at noon, told in the afternoon; all are due within the days."""
    made, proposals = [], []
    for day in range(FIRST_DAY, FIRST_DAY + DAYS - PAYOUT_DAYS_MAX):
        begin_ms = day_begins_ms(day)
        for n in range(_A_DAY):
            rials, name = rng.choice(_AMOUNTS), f"{rng.getrandbits(128):032x}"
            reference = f"T{rng.getrandbits(48):012}"
            it = PayOut("owner", f"owner-{n}", rials, _IBAN)
            approved_ms = begin_ms + 8 * _HOUR_MS
            proposals.append((name, Kind.PAYOUT.value, it.subject, it.content, begin_ms, approved_ms + 1, approved_ms))
            entry = Row(reference, rials, begin_ms + 12 * _HOUR_MS, "out")
            made.append(MadeSent(name, reference, begin_ms + 15 * _HOUR_MS, entry))
    tables.many(_PROPOSAL, proposals)
    tables.many(
        "INSERT INTO payout_sent (name, reference, told_ms) VALUES (?, ?, ?)",
        [(it.id, it.reference, it.told_ms) for it in made],
    )
    return made


class _Planter:
    """Each payout is used once, so that what is expected of it is known."""

    def __init__(self, made: list[MadeSent], statement: Statement, rng: Random) -> None:
        self.left, self._statement, self._rng = rng.sample(made, len(made)), statement, rng
        self.expected: set[str] = set()

    def missing(self) -> MadeSent:
        """Marked paid, and the bank has no entry."""
        it = self.left.pop()
        self._statement.bank = [row for row in self._statement.bank if row is not it.entry]
        self.expected.add(f"sent-missing:payout/{it.id}")
        return it

    def differs(self) -> None:
        """The bank sent another sum."""
        it = self.left.pop()
        it.entry.rials += self._rng.choice((-1, 1, 1_000_000))
        self.expected.add(f"sent-differs:payout/{it.id}")

    def unknown(self, like: MadeSent | None = None) -> None:
        """Money left under a reference that nobody told; with the amount and the hour of a payout."""
        like = like or self.left.pop()
        reference = f"U{self._rng.getrandbits(48):012}"
        self._statement.bank.append(Row(reference, like.entry.rials, like.entry.at_ms, "out"))
        self.expected.add(f"sent-unknown:{reference}")

    def doubled(self) -> None:
        """The bank tells it twice."""
        it = self.left.pop()
        self._statement.bank.append(Row(it.reference, it.entry.rials, it.entry.at_ms + 60_000, "out"))
        self.expected.add(f"sent-doubled:{it.reference}")

    def renamed(self) -> None:
        """One is missing, and an entry that nobody told of has its amount and hour: not each other's."""
        self.unknown(self.missing())

    def crossed(self) -> None:
        """What one has too much another has too little: the sums are right."""
        one, other = self.left.pop(), self.left.pop()
        one.entry.rials += 500_000
        other.entry.rials -= 500_000
        self.expected |= {f"sent-differs:payout/{it.id}" for it in (one, other)}
