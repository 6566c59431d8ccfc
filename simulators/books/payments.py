"""Credited top-ups in a ledger, and what provider and bank would tell of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final

from backend.core.ledger import Transfer
from backend.core.ledger import topup as credited
from backend.core.payments.topup import FIRST
from backend.core.reconciliation.statements import BANK_WHOLE, WHOLE
from protocol.localtime import service_day
from simulators.books.ordinary import spread
from simulators.books.tampering import Tables

PROVIDER: Final = FIRST
AMOUNTS: Final = (200_000, 500_000, 1_000_000, 2_000_000)  # few: neighbours of one amount are the rule
_FEE_PERMILLE = 5
_PAYOUTS_A_DAY = 60
_BOOKED_MS = 30 * 3_600_000  # a payout is at the bank the next day


@dataclass(frozen=True, slots=True)
class MadeTopUp:
    """One that was paid and credited."""

    id: str
    credential_id: bytes
    rials: int
    authority: str
    created_ms: int
    credited_ms: int


@dataclass(slots=True)
class Row:
    """One line of a provider's statement; `raw` instead of it, where it is spoilt."""

    authority: str
    rials: int
    at_ms: int
    kind: str = "payment"
    fee_rials: int = 0
    payout: str = ""
    raw: str = ""

    @property
    def text(self) -> str:
        """As a line."""
        return self.raw or ",".join((
            self.authority, str(self.rials), _time(self.at_ms), self.kind, str(self.fee_rials), self.payout
        ))  # fmt: skip


@dataclass(slots=True)
class Statement:
    """Lines of the provider's and of the bank's statement, in the order of the files."""

    rows: list[Row] = field(default_factory=list)
    bank: list[Row] = field(default_factory=list)  # `authority` is the reference

    def provider_lines(self) -> Iterator[str]:
        """The provider's file."""
        yield ",".join(WHOLE)
        yield from (row.text for row in self.rows)

    def bank_lines(self) -> Iterator[str]:
        """The bank's file."""
        yield ",".join(BANK_WHOLE)
        for row in self.bank:
            yield f"{row.authority},{row.rials},{_time(row.at_ms)},{'out' if row.kind == 'out' else 'in'}"

    def pay_out(self) -> None:
        """The bank's entries, of the rows as they are now."""
        sums: dict[str, int] = defaultdict(int)
        last: dict[str, int] = {}
        for row in self.rows:
            if row.payout and not row.raw:
                sums[row.payout] += (row.rials if row.kind == "payment" else -row.rials) - row.fee_rials
                last[row.payout] = max(last.get(row.payout, 0), row.at_ms)
        self.bank = [Row(name, rials, last[name] + _BOOKED_MS) for name, rials in sums.items() if rials > 0]


def topups_of(*, topups: int, seed: int) -> list[MadeTopUp]:
    """So many over the days, by the time of their credit."""
    rng = Random(f"top-ups {seed}")  # noqa: S311 - a simulation replays from its seed
    made = [
        MadeTopUp(
            f"{number:032x}", rng.randrange(50_000).to_bytes(8, "big"), rng.choice(AMOUNTS),
            f"A{rng.getrandbits(120):035X}", at_ms, at_ms + rng.randrange(20_000, 200_000),
        )
        for number, at_ms in enumerate(spread(topups, rng))
    ]  # fmt: skip
    return sorted(made, key=lambda it: it.credited_ms)


class Credits:
    """Top-ups and their credits as time goes by: rows at once, transfers with the next commit of taps."""

    def __init__(self, tables: Tables, made: Sequence[MadeTopUp]) -> None:
        tables.many(_INSERT, [(it.id, it.credential_id, it.rials, it.authority, it.created_ms) for it in made])
        self._made, self._at = made, 0

    def until(self, at_ms: int) -> list[Transfer]:
        """What is credited by then and was not before."""
        found = []
        while self._at < len(self._made) and self._made[self._at].credited_ms <= at_ms:
            it = self._made[self._at]
            found.append(credited(it.id, it.credential_id, it.rials))
            self._at += 1
        return found


_INSERT = (
    "INSERT INTO topup (id, credential, rials, status, authority, created_ms) VALUES (?, ?, ?, 'paid', ?, ?)"
)  # fmt: skip


def statement_of(made: Iterable[MadeTopUp]) -> Statement:
    """What the provider tells of them: each paid a minute before it was credited at most, and when it was paid out."""
    told = Statement()
    for number, it in enumerate(made):
        at_ms = it.created_ms + 15_000
        payout = f"P-{service_day(at_ms)}-{number % _PAYOUTS_A_DAY}"
        told.rows.append(Row(it.authority, it.rials, at_ms, "payment", it.rials * _FEE_PERMILLE // 1_000, payout))
    return told


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()
