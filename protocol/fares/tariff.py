"""The tariff: what a city decreed about fares, as data. What a ride costs under it is `pricing`. Integer rials.

Rules of this file:
- a tariff is numbered, starts at a time, and is never changed: a change is another tariff, known before it starts;
- nothing here is looked up elsewhere: lines by their GTFS route id, days as service days, times as local minutes;
- what is not said falls back on what is: a line without a fare of its own costs the flat fare, a class without a share
  pays all of it, a product without a rule pays as the wallet does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from types import MappingProxyType

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

    @property
    def word(self) -> str:
        """As every file, command and list names it."""
        return self.name.lower()


CLASS_NAMED: Mapping[str, RiderClass] = MappingProxyType({one.word: one for one in RiderClass})


class Product(IntEnum):
    """What was bought; four bits in a pass. What the others mean, a tariff says (`ProductRule`)."""

    WALLET = 0  # pay as you go


@dataclass(frozen=True, slots=True)
class Band:
    """A ride of up to so many metres along the line costs so much."""

    metres: int
    rials: int


@dataclass(frozen=True, slots=True)
class LineFare:
    """What a line costs an adult: `rials` flat, or by distance in ascending bands; the last one holds for any more."""

    rials: int = 0
    bands: tuple[Band, ...] = ()

    def __post_init__(self) -> None:
        for rials in (self.rials, *(band.rials for band in self.bands)):
            _require("fare of a line", rials, limits.FLAT_FARE_MAX_RIALS)
        for shorter, longer in pairwise(self.bands):
            if shorter.metres >= longer.metres or shorter.rials > longer.rials:
                raise OutOfRange("bands do not ascend", metres=longer.metres, rials=longer.rials)


@dataclass(frozen=True, slots=True)
class Peak:
    """On these weekdays (bit 0: Saturday) from a local minute to another, fares are so many per mille of the usual."""

    weekdays: int
    from_minute: int
    to_minute: int
    permille: int

    def __post_init__(self) -> None:
        if not 0 < self.weekdays < 1 << 7 or not 0 <= self.from_minute < self.to_minute <= limits.DAY_S // 60:
            raise OutOfRange("no such peak", weekdays=self.weekdays, from_minute=self.from_minute)
        _require("peak per mille", self.permille, limits.PEAK_MAX_PERMILLE)


@dataclass(frozen=True, slots=True)
class ProductRule:
    """A product: its holder pays `permille` of the adult fare on `lines` (none named: on all).

    `elsewhere`: on other lines the wallet pays; otherwise the product is of no use there.
    """

    permille: int
    lines: frozenset[str] = frozenset()
    elsewhere: bool = True

    def __post_init__(self) -> None:
        _require("product share", self.permille, 1000)

    def holds_on(self, line: str | None) -> bool:
        """Whether it is meant for this line; where the line is not known, it is (decided for the rider)."""
        return line is None or not self.lines or line in self.lines


@dataclass(frozen=True, slots=True)
class Tariff:
    """One numbered tariff. `rider_permille` maps a class to the share of the adult fare it pays (missing: 1000).

    `transfer_window_s`: rides closer than that to one another are one journey, of which the dearest is paid. Caps bound
    what an adult pays a service day and a week (from Saturday); 0: none. A class's caps are its share of them.
    `free_days`: service days on which nobody pays. `tap_out`: a distance fare ends where the code is shown again.
    """

    version: int
    flat_fare_rials: int
    rider_permille: Mapping[int, int] = field(default_factory=dict)
    repeat_window_s: int = limits.REPEAT_WINDOW_DEFAULT_S
    starts_ms: int = 0
    transfer_window_s: int = 0
    day_cap_rials: int = 0
    week_cap_rials: int = 0
    lines: Mapping[str, LineFare] = field(default_factory=dict)
    peaks: tuple[Peak, ...] = ()
    free_days: frozenset[int] = frozenset()
    products: Mapping[int, ProductRule] = field(default_factory=dict)
    tap_out: bool = False

    def __post_init__(self) -> None:
        _require("flat fare", self.flat_fare_rials, limits.FLAT_FARE_MAX_RIALS)
        _require("repeat window", self.repeat_window_s, limits.REPEAT_WINDOW_MAX_S)
        _require("transfer window", self.transfer_window_s, limits.TRANSFER_WINDOW_MAX_S)
        _require("day cap", self.day_cap_rials, limits.RIALS_MAX)
        _require("week cap", self.week_cap_rials, limits.RIALS_MAX)
        for share in self.rider_permille.values():
            _require("class share", share, 1000)

    def share_of(self, rider_class: int) -> int:
        """Per mille of the adult fare that a class pays."""
        return self.rider_permille.get(rider_class, 1000)

    @property
    def by_history(self) -> bool:
        """Whether what was ridden before changes a price."""
        return bool(self.transfer_window_s or self.day_cap_rials or self.week_cap_rials)


def _require(what: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise OutOfRange(f"{what} is out of range", value=value, most=most)
