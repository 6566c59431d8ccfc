"""Whose bus it is, and how its income is shared: contracts, each of one vehicle from a service day on. Pure.

Rules:
- a contract holds until the next one of its vehicle begins; what a ride of a day brings is shared by the contract of
  that day, whenever its record comes. The first one holds for all days before it, too: a clock that is wrong by years
  must not keep a day from being settled;
- an owner has a part of what is paid out, in thousandths; the operator has the rest. A bus without an owner of its own
  is the operator's;
- what carries no rider's own proof is capped: so much a vehicle and service day is paid out of proxy boardings, so much
  of bearer tickets. What lies above is held.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from protocol.errors import OutOfRange
from protocol.limits import RIALS_MAX

WHOLE_PERMILLE = 1000


@dataclass(frozen=True, slots=True)
class Contract:
    """From `from_day` on (local days since 1970), and before it where it is a vehicle's first.

    A cap of None: all of it is paid. Raises OutOfRange.
    """

    vehicle: str
    from_day: int
    operator: str
    owner: str | None = None
    owner_permille: int = 0
    proxies_max_rials: int | None = None
    tickets_max_rials: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.owner_permille <= WHOLE_PERMILLE:
            raise OutOfRange("an owner's part is 0 to 1000 thousandths", field="owner_permille")
        if self.owner is None and self.owner_permille:
            raise OutOfRange("a part for an owner, and no owner", field="owner_permille")
        for name in ("proxies_max_rials", "tickets_max_rials"):
            most = getattr(self, name)
            if most is not None and not 0 <= most <= RIALS_MAX:
                raise OutOfRange("a cap is a number of rials, or none", field=name)


class Contracts:
    """All contracts, for asking which one holds. Of two of one vehicle and day the last one given counts."""

    def __init__(self, contracts: Iterable[Contract]) -> None:
        by_vehicle: dict[str, dict[int, Contract]] = {}
        for it in contracts:
            by_vehicle.setdefault(it.vehicle, {})[it.from_day] = it
        self._by_vehicle: dict[str, tuple[list[int], Sequence[Contract]]] = {}
        for vehicle, of_day in by_vehicle.items():
            days = sorted(of_day)
            self._by_vehicle[vehicle] = days, [of_day[day] for day in days]

    def first_free_day(self, vehicle: str, frozen: int) -> int | None:
        """The first day from which a new contract changes no day up to `frozen`; None: any day, for it has none yet."""
        days, _ = self._by_vehicle.get(vehicle, ([], ()))
        return max(frozen, days[0]) + 1 if days else None

    def of(self, vehicle: str, day: int) -> Contract | None:
        """The one that holds for this vehicle on this service day; None for a vehicle without any."""
        days, contracts = self._by_vehicle.get(vehicle, ([], ()))
        return contracts[max(bisect_right(days, day) - 1, 0)] if days else None
