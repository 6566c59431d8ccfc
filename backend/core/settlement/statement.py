"""A frozen statement: what of a service day, and of days before it, the ledger held when it was made. Pure.

Rules:
- the statement of day D takes every entry of the ledger up to `upto` whose ride was on D or before and which no
  statement has taken: taps that come later are adjustments of the next one, under their own day;
- so each rial of a ride stands in exactly one statement, and each statement sums to zero: what payers gave is what
  parties are owed and what is held;
- a statement is its bytes: its hash covers them and the hash of the one before, and the ledger's head at `upto`.
  Whoever has one statement's hash can show that none before it was written anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from backend.core.ledger import Transfer, TransferKind, operator_account
from backend.core.limits import STATEMENT_CONTENT_BYTES_MAX
from backend.core.settlement.lines import Income, Line
from backend.core.settlement.parties import Party, account_of
from backend.core.settlement.sharing import Share, Terms
from protocol.errors import UnknownVersion, WrongType
from protocol.jalali import day_text
from protocol.wire import cbor

GENESIS = bytes(32)  # before the first statement
_VERSION = 1


@dataclass(frozen=True, slots=True)
class FreeRides:
    """Boardings of a vehicle and service day that nobody pays: told, and no money."""

    vehicle: str
    of_day: int
    rides: int
    persons: int


@dataclass(frozen=True, slots=True)
class Span:
    """What of the ledger a statement covers, and where the next one begins.

    `upto`, `records_upto`: the last entry and record that it looked at. `later`, `records_later`: the first of those
    that are of days after it, so that the next one need not look before them; `upto` + 1 where there is none.
    """

    upto: int
    later: int
    records_upto: int
    records_later: int


@dataclass(frozen=True)
class Statement:
    """All of one service day. `head`: of the ledger's chain behind the entry `span.upto`."""

    city: str
    day: int
    previous: bytes
    span: Span
    head: bytes
    incomes: tuple[Income, ...]
    shares: tuple[Share, ...]
    free_rides: tuple[FreeRides, ...]

    @cached_property
    def content(self) -> bytes:
        """What is hashed: deterministic CBOR."""
        span = self.span
        return cbor.encode([
            _VERSION, self.city, self.day, self.head, [span.upto, span.later, span.records_upto, span.records_later],
            [[it.vehicle, it.line.value, it.payer, it.of_day, it.rials, it.entries] for it in self.incomes],
            [_row(it) for it in self.shares],
            [[it.vehicle, it.of_day, it.rides, it.persons] for it in self.free_rides],
        ])  # fmt: skip

    @cached_property
    def hash(self) -> bytes:
        """SHA-256(hash of the one before ‖ content)."""
        return sha256(self.previous + self.content).digest()

    @property
    def income_rials(self) -> int:
        """What payers gave."""
        return sum(it.rials for it in self.incomes)

    @property
    def balance(self) -> int:
        """Payers less parties less held: zero."""
        return self.income_rials - sum(it.operator_rials + it.owner_rials + it.held_rials for it in self.shares)


def decode(content: bytes, previous: bytes) -> Statement:
    """A statement's bytes → it. Raises WireError, OutOfRange."""
    read = cbor.decode(content, max_bytes=STATEMENT_CONTENT_BYTES_MAX)
    try:
        version, city, day, head, span, incomes, shares, free_rides = read
        if version != _VERSION:
            raise UnknownVersion("a statement of a newer Savar", version=version)
        return Statement(
            city, day, previous, Span(*span), head,
            tuple(Income(vehicle, Line(line), *rest) for vehicle, line, *rest in incomes),
            tuple(_share(*it) for it in shares),
            tuple(FreeRides(*it) for it in free_rides),
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise WrongType("a statement of another shape") from error


def _row(it: Share) -> list[object]:
    terms = it.terms
    return [
        it.vehicle, it.line.value, it.of_day, terms.operator, terms.owner, terms.owner_permille, it.rials,
        it.paid_rials, it.owner_rials,
    ]  # fmt: skip


def _share(vehicle: str, line: str, of_day: int, *rest: Any) -> Share:
    operator, owner, permille, *sums = rest
    return Share(vehicle, Line(line), of_day, Terms(operator, owner, permille), *sums)


def in_order(incomes: Iterable[Income]) -> tuple[Income, ...]:
    """As a statement has them."""
    return tuple(sorted(incomes, key=lambda it: (it.vehicle, it.of_day, it.line.value, it.payer)))


def entries(statement: Statement) -> list[Transfer]:
    """What freezing posts: each vehicle's income, to those whose it is. One entry a vehicle and party."""
    owed: dict[tuple[str, Party], int] = {}
    for it in statement.shares:
        for party, rials in (
            (Party.operator(it.terms.operator), it.operator_rials),
            (Party.owner(it.terms.owner), it.owner_rials),
        ):
            if party is not None:
                owed[it.vehicle, party] = owed.get((it.vehicle, party), 0) + rials
    return [_entry(statement.day, vehicle, party, rials) for (vehicle, party), rials in owed.items() if rials]


def _entry(day: int, vehicle: str, party: Party, rials: int) -> Transfer:
    key = sha256(f"settlement|{day}|{vehicle}|{account_of(party)}".encode()).digest()
    debit, credit = operator_account(vehicle), account_of(party)
    if rials < 0:  # more was taken back than came
        debit, credit = credit, debit
    return Transfer(key, TransferKind.SETTLEMENT, debit, credit, abs(rials), day)


def wrong_behind(before: Statement | None, it: Statement) -> list[str]:
    """What is wrong with a statement behind the one before it, in words; empty if nothing is."""
    wrong = []
    if it.previous != (GENESIS if before is None else before.hash):
        wrong.append(f"the statement of {day_text(it.day)} does not follow the one before it")
    if before is not None and it.day <= before.day:
        wrong.append(f"the statement of {day_text(it.day)} comes after that of {day_text(before.day)}")
    if it.balance:
        wrong.append(f"the statement of {day_text(it.day)} is off by {it.balance} rials")
    return wrong
