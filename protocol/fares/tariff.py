"""Tariff and price: the one pure rule that says what a boarding costs. Integer rials.

Rules of this file (flat fares; distance, transfers and caps join it with their own issue):
- the first rider pays the share of the flat fare that the class pays; the city pays the rest of it;
- every companion pays the full adult fare;
- a share is in per mille; the rider's part is rounded down, so rounding never costs the rider;
- the tariff named in a tap record is the tariff under which it is priced, on the bus and at the backend.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from protocol import limits
from protocol.errors import OutOfRange


class RiderClass(IntEnum):
    """Who rides; four bits in a pass."""

    ADULT = 0
    CHILD = 1
    STUDENT = 2
    SENIOR = 3
    DISABLED = 4
    VETERAN = 5
    STAFF = 6


class Product(IntEnum):
    """What was bought; four bits in a pass."""

    WALLET = 0  # pay as you go


@dataclass(frozen=True, slots=True)
class Tariff:
    """One numbered tariff. `rider_permille` maps a class to the share of the flat fare it pays (missing: 1000)."""

    version: int
    flat_fare_rials: int
    rider_permille: Mapping[int, int] = field(default_factory=dict)
    repeat_window_s: int = limits.REPEAT_WINDOW_DEFAULT_S

    def __post_init__(self) -> None:
        if not 0 <= self.flat_fare_rials <= limits.FLAT_FARE_MAX_RIALS:
            raise OutOfRange("flat fare is out of range", rials=self.flat_fare_rials, most=limits.FLAT_FARE_MAX_RIALS)
        if not 0 <= self.repeat_window_s <= limits.REPEAT_WINDOW_MAX_S:
            raise OutOfRange("repeat window is out of range", seconds=self.repeat_window_s)
        for rider_class, share in self.rider_permille.items():
            if not 0 <= share <= 1000:
                raise OutOfRange("class share is not 0–1000 per mille", rider_class=rider_class, permille=share)


@dataclass(frozen=True, slots=True)
class Price:
    """What one boarding costs, in rials: the rider's party, and the city's share for the class."""

    rider_rials: int
    city_rials: int


def price(tariff: Tariff, *, rider_class: int, party: int) -> Price:
    """Price one boarding of a rider with `party` companions. Raises OutOfRange for a party beyond the limit."""
    if not 0 <= party <= limits.PARTY_MAX:
        raise OutOfRange("party is out of range", party=party, most=limits.PARTY_MAX)
    own = tariff.flat_fare_rials * tariff.rider_permille.get(rider_class, 1000) // 1000
    return Price(
        rider_rials=own + party * tariff.flat_fare_rials,
        city_rials=tariff.flat_fare_rials - own,
    )
