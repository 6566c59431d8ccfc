"""What settlement needs of the ledger."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.ledger import Transfer
from backend.core.settlement.contracts import Contract
from backend.core.settlement.lines import Income
from backend.core.settlement.parties import Party
from backend.core.settlement.sharing import Before, LineOf
from backend.core.settlement.statement import FreeRides, Span, Statement
from backend.core.staff.log import Entry


@dataclass(frozen=True, slots=True)
class Titles:
    """A party's name as people write it."""

    fa: str
    en: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """One statement in the list of all."""

    day: int
    hash: bytes
    at_ms: int
    span: Span


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a statement is made of: all of one moment."""

    span: Span
    head: bytes
    incomes: Sequence[Income]
    free_rides: Sequence[FreeRides]


class SettlementStore(Protocol):
    """Every change with its entry in the staff's log, in one durable transaction. Raises StoreFailed."""

    def keep_party(self, party: Party, titles: Titles, entry: Entry) -> None:
        """An operator or owner, or its new titles."""
        ...

    def party_titles(self) -> Mapping[Party, Titles]:
        """Every operator and owner."""
        ...

    def keep_contract(self, contract: Contract, entry: Entry, *, frozen: int | None) -> bool:
        """New, or in place of one of the same vehicle and day; False if another day than `frozen` is the last now."""
        ...

    def contracts(self) -> Sequence[Contract]:
        """All of them, by vehicle and day."""
        ...

    def frozen(self) -> Sequence[Frozen]:
        """Every statement's day, oldest first."""
        ...

    def gather(self, day: int, last: Frozen | None) -> Gathered:
        """What the statement of this day takes, behind the last one. Reads long, and holds up no writer."""
        ...

    def settled(self, lines: Collection[LineOf]) -> Mapping[LineOf, Before]:
        """What all statements so far have had of these."""
        ...

    def freeze(
        self, statement: Statement, transfers: Sequence[Transfer], entry: Entry, *, by: Sequence[Contract]
    ) -> bool:
        """Keep the statement and post what it moves; False if another came first, or contracts are others than `by`."""
        ...

    def statement(self, day: int) -> Statement | None:
        """One, from its bytes. Raises WireError where they are damaged."""
        ...

    def moved(self) -> Sequence[tuple[bytes, str, str, int]]:
        """(key, debit, credit, rials) of every entry that settlements posted, in their order."""
        ...

    def newest_ms(self) -> int | None:
        """When the newest entry of the ledger was posted: Unix milliseconds; None of an empty one."""
        ...

    def settled_sums(self) -> Mapping[LineOf, Before]:
        """All that `settled` holds, for checking it against the statements."""
        ...
