"""A statement as one party sees it, and as all see it together. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backend.core.errors import NotFound
from backend.core.settlement.lines import Income, Line
from backend.core.settlement.parties import Party, Role
from backend.core.settlement.sharing import Share
from backend.core.settlement.statement import Statement


@dataclass(frozen=True, slots=True)
class Row:
    """One line of one vehicle and day. `rials`: what it brought; `part_rials`: what of it is this party's.

    `payer` is told where it matters: a rider class to the city, a driver's own name to the driver. `held_rials`: not
    paid out; told to operators and owners.
    """

    of_day: int
    vehicle: str
    line: Line
    payer: str | None
    rials: int
    part_rials: int
    held_rials: int


@dataclass(frozen=True, slots=True)
class PartyStatement:
    """What one party is told of one service day. `rows` of earlier days are adjustments."""

    party: Party
    day: int
    hash: bytes
    rows: tuple[Row, ...]

    @property
    def total_rials(self) -> int:
        """What the party is owed by this statement; of a driver and the city, what they owe."""
        return sum(it.part_rials for it in self.rows)


def parties(statement: Statement) -> list[Party]:
    """Everybody who is told something, in order; the city first."""
    found = {Party(Role.CITY, "")}
    for share in statement.shares:
        found.add(Party.operator(share.terms.operator))
        owner = Party.owner(share.terms.owner)
        found |= set() if owner is None else {owner}
    found |= {
        driver for it in statement.incomes if it.line is Line.PROXIES and (driver := _driver(it.payer)) is not None
    }
    return sorted(found, key=lambda it: ([*Role].index(it.role) if it.role is not Role.CITY else -1, it.name))


def told(statement: Statement, party: Party) -> PartyStatement:
    """What this party is told. Raises NotFound where nothing of the statement is about it."""
    if party not in parties(statement):
        raise NotFound(
            f"the statement of this day says nothing of {party}", fix="ask for one of its parties", party=str(party)
        )
    rows = {
        Role.OPERATOR: lambda: _of_shares(statement.shares, lambda it: it.terms.operator == party.name, _operators),
        Role.OWNER: lambda: _of_shares(statement.shares, lambda it: it.terms.owner == party.name, _owners),
        Role.DRIVER: lambda: _of_incomes(statement, lambda it: it.line is Line.PROXIES and _driver(it.payer) == party),
        Role.CITY: lambda: _of_incomes(statement, lambda it: it.line is Line.CITY),
    }[party.role]()
    return PartyStatement(party, statement.day, statement.hash, tuple(rows))


def _operators(share: Share) -> int:
    return share.operator_rials


def _owners(share: Share) -> int:
    return share.owner_rials


def _of_shares(shares: Iterable[Share], theirs: Callable[[Share], bool], part: Callable[[Share], int]) -> list[Row]:
    return [Row(it.of_day, it.vehicle, it.line, None, it.rials, part(it), it.held_rials) for it in shares if theirs(it)]


def _of_incomes(statement: Statement, theirs: Callable[[Income], bool]) -> list[Row]:
    return [
        Row(it.of_day, it.vehicle, it.line, it.payer, it.rials, it.rials, 0) for it in statement.incomes if theirs(it)
    ]


def _driver(payer: str) -> Party | None:
    role, _, name = payer.partition(":")
    return Party(Role.DRIVER, name) if role == Role.DRIVER.value else None


@dataclass(frozen=True, slots=True)
class Joint:
    """All of a statement in sums: what each line brought, what each party is owed, what is held of each line."""

    incomes: tuple[tuple[Line, int], ...]
    owed: tuple[tuple[Party, int], ...]
    held: tuple[tuple[Line, int], ...]

    @property
    def balance(self) -> int:
        """Zero, however many operators there are."""
        return sum(n for _, n in self.incomes) - sum(n for _, n in self.owed) - sum(n for _, n in self.held)


def joint(statement: Statement) -> Joint:
    """The statement that all parties see alike."""
    incomes: dict[Line, int] = {}
    held: dict[Line, int] = {}
    owed: dict[Party, int] = {}
    for it in statement.incomes:
        incomes[it.line] = incomes.get(it.line, 0) + it.rials
    for share in statement.shares:
        held[share.line] = held.get(share.line, 0) + share.held_rials
        operator, owner = Party.operator(share.terms.operator), Party.owner(share.terms.owner)
        owed[operator] = owed.get(operator, 0) + share.operator_rials
        if owner is not None:
            owed[owner] = owed.get(owner, 0) + share.owner_rials
    return Joint(
        tuple((line, incomes[line]) for line in Line if line in incomes),
        tuple((party, owed[party]) for party in parties(statement) if party in owed),
        tuple((line, held[line]) for line in Line if held.get(line)),
    )
