"""What is paid out of a day's income, and to whom: pure arithmetic in whole rials.

Rules:
- of a line of one vehicle and service day, all statements together pay what its income is by now, and never more than
  its cap; what is held is not paid at all. Where more is taken back than came, its parties owe it;
- an owner's part is taken of all that was paid so far, rounded down, and the operator has the rest. So it does not
  matter in how many statements a day's taps arrive: the parts come to the same rial;
- whose a line of a vehicle and day is stays as its first statement had it, whatever contracts say later.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from backend.core.errors import Refused
from backend.core.settlement.contracts import WHOLE_PERMILLE, Contract, Contracts
from backend.core.settlement.lines import Income, Line

LineOf: TypeAlias = tuple[str, Line, int]  # vehicle, line, service day


class NoContract(Refused):
    """Vehicles with income of a day for which no contract says whose it is."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Whose a line is."""

    operator: str
    owner: str | None
    owner_permille: int


@dataclass(frozen=True, slots=True)
class Before:
    """What earlier statements had of one line, and by which terms."""

    terms: Terms
    rials: int = 0
    paid_rials: int = 0
    owner_rials: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What one statement does with one line of one vehicle and service day; differences to what was before it.

    `paid_rials` of `rials` are paid out, `owner_rials` of these to the owner; what is left of `rials` is held, or
    comes out of what was.
    """

    vehicle: str
    line: Line
    of_day: int
    terms: Terms
    rials: int
    paid_rials: int
    owner_rials: int

    @property
    def operator_rials(self) -> int:
        """The operator's part of what is paid."""
        return self.paid_rials - self.owner_rials

    @property
    def held_rials(self) -> int:
        """What is not paid out, or negative: what was held and is paid now."""
        return self.rials - self.paid_rials


def share(incomes: Iterable[Income], before: Mapping[LineOf, Before], contracts: Contracts) -> list[Share]:
    """Income → the shares of one statement, in the order of vehicle, day and line. Raises NoContract, naming all."""
    sums: dict[LineOf, int] = {}
    for it in incomes:
        key = (it.vehicle, it.line, it.of_day)
        sums[key] = sums.get(key, 0) + it.rials
    without = sorted({vehicle for vehicle, _, day in sums if contracts.of(vehicle, day) is None})
    if without:
        raise NoContract(
            f"no contract says whose income that of {', '.join(without[:5])} is",
            fix="give each of these vehicles a contract from that day on, then freeze the day again",
            vehicles=without,
        )
    found = []
    for key in sorted(sums, key=lambda it: (it[0], it[2], it[1].value)):
        contract = contracts.of(key[0], key[2])
        assert contract is not None
        terms = Terms(contract.operator, contract.owner, contract.owner_permille)
        found.append(_share(key, sums[key], before.get(key, Before(terms)), contract))
    return found


def _share(key: LineOf, rials: int, before: Before, contract: Contract) -> Share:
    vehicle, line, day = key
    paid = _payable(before.rials + rials, line, contract)
    owner = paid * before.terms.owner_permille // WHOLE_PERMILLE
    return Share(vehicle, line, day, before.terms, rials, paid - before.paid_rials, owner - before.owner_rials)


def _payable(rials: int, line: Line, contract: Contract) -> int:
    """Of all that one line has brought so far, what is paid."""
    if line is Line.HELD:
        return 0
    most = {Line.PROXIES: contract.proxies_max_rials, Line.TICKETS: contract.tickets_max_rials}.get(line)
    return rials if most is None else min(rials, most)
