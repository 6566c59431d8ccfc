"""The price: the one pure rule that says what a ride costs, on the bus and at the backend. Integer rials.

A rider owes for a set of rides, and the price of one more is what it adds to that:

    owed    = of each week, at most the week's cap, the sum over its days of
              at most the day's cap, the dearest rides of the day of which no two lie within the transfer window

So what is owed depends on the rides and not on the order in which they become known; it is never negative, never above
the sum of the fares, and one more ride never makes it less. A validator prices with the rides that it knows, the
backend with all of them.

Rules:
- the fare of a ride is its line's, by distance where the line has bands, times the peak's share, and 0 on a free day;
- the rider pays the share of the class, or of the product where that is less; a share is in per mille and rounded down
  for each ride and each cap, so rounding never costs the rider;
- what the class saves against an adult with the same rides, the city pays; what a product saves, nobody does;
- every companion pays the adult fare, in every ride: nobody knows who they are, so they have no history;
- where a tariff has tap-out, a ride costs its line's dearest band until its rider has tapped out, and from then on that
  of the metres ridden: what was shown at the beginning can only become less;
- what is not known is decided for the rider: an unknown line or distance costs the least it can, an unknown time has no
  peak. But it is no free day, and at the door it stands outside journeys and caps: a dead clock must not make a year of
  free rides. The office dates it by what bounds it;
- rides under different tariffs do not meet: journeys and caps begin anew with a tariff.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from protocol import limits
from protocol.errors import OutOfRange
from protocol.fares.tariff import Band, LineFare, Product, RiderClass, Tariff
from protocol.fares.verdicts import TABLE, Verdict
from protocol.localtime import service_day, service_week, since_midnight_s, weekday


@dataclass(frozen=True, slots=True)
class Ride:
    """One ride to be priced. `wall_ms`: None where no clock was trusted.

    `metres`: ridden along the line, None if unknown. `left`: its rider has tapped out; where a tariff has tap-out,
    metres count from then on only.
    """

    rider_class: int
    party: int = 0
    product: int = Product.WALLET
    line: str | None = None
    metres: int | None = None
    wall_ms: int | None = None
    left: bool = False


@dataclass(frozen=True, slots=True)
class Ridden:
    """One earlier ride of a rider: when, its adult fare, the share that its rider pays of it, and of a cap.

    They differ where a product was used: what was bought makes the ride cheaper, and the class's caps stay.
    """

    wall_ms: int
    adult_rials: int
    permille: int
    cap_permille: int


@dataclass(frozen=True, slots=True)
class Price:
    """What one ride costs: the rider with the party, and the city for the class.

    `adult_rials` and the shares are what the ride adds to its rider's history.
    """

    rider_rials: int
    city_rials: int
    adult_rials: int
    permille: int
    cap_permille: int


FREE = Price(0, 0, 0, 0, 0)


def price(tariff: Tariff, ride: Ride, history: Sequence[Ridden] = ()) -> Price:
    """Price a ride behind others under the same tariff. Raises OutOfRange for a party beyond the limit."""
    if not 0 <= ride.party <= limits.PARTY_MAX:
        raise OutOfRange("party is out of range", party=ride.party, most=limits.PARTY_MAX)
    fare = adult_fare(tariff, ride)
    adult, permille, cap_permille = _terms(tariff, ride, fare)
    own, full = own_part(adult, permille), adult
    if tariff.by_history and ride.wall_ms is not None:
        whole = [*history, Ridden(ride.wall_ms, adult, permille, cap_permille)]
        own = full = owed(tariff, whole) - owed(tariff, history)
        if any((it.permille, it.cap_permille) != (1000, 1000) for it in whole):  # an adult's fare is its own in full
            full = owed(tariff, as_adult(whole)) - owed(tariff, as_adult(history))
    return Price(own + ride.party * fare, max(0, full - own), adult, permille, cap_permille)


def own_part(adult_rials: int, permille: int) -> int:
    """What a rider pays of an adult's fare or cap, alone: rounded down, for the rider."""
    return adult_rials * permille // 1000


def _terms(tariff: Tariff, ride: Ride, fare: int) -> tuple[int, int, int]:
    """What an adult with this product pays, and the rider's share of that and of a cap.

    A product was bought: nobody adds to it, and it lifts no concession's cap.
    """
    rule = tariff.products.get(ride.product)
    of_class = tariff.share_of(ride.rider_class)
    if rule is not None and rule.holds_on(ride.line) and rule.permille < of_class:
        return own_part(fare, rule.permille), 1000, of_class
    return fare, of_class, of_class


def serves(tariff: Tariff, product: int, line: str | None) -> bool:
    """Whether a product may be used on a line at all."""
    rule = tariff.products.get(product)
    return rule is None or rule.elsewhere or rule.holds_on(line)


def adult_fare(tariff: Tariff, ride: Ride) -> int:
    """What the ride alone costs an adult."""
    if ride.wall_ms is not None and service_day(ride.wall_ms) in tariff.free_days:
        return 0
    if ride.line is None:
        fares = [_of_line(fare, None) for fare in tariff.lines.values()]
        base = min([tariff.flat_fare_rials, *fares])
    else:
        own = tariff.lines.get(ride.line)
        aboard = tariff.tap_out and not ride.left
        base = (
            tariff.flat_fare_rials
            if own is None
            else _of_line(own, limits.TARIFF_METRES_MAX if aboard else ride.metres)
        )
    return min(base * _peak(tariff, ride.wall_ms) // 1000, limits.FLAT_FARE_MAX_RIALS)


def boarded_by(
    tariff: Tariff | None, verdict: Verdict, party: int, fare_rials: int, *, line: str | None, wall_ms: int | None
) -> int:
    """How many persons boarded by an answer, on the bus and at the office alike. `wall_ms`: None as in a ride.

    Of a party that grew, an answer tells the whole; boarded have those who came now, for each of whom the adult fare
    was shown. Where that is nothing, or the tariff is not known (None), one at least.
    """
    if not TABLE[verdict].boards:
        return 0
    if verdict is not Verdict.PARTY_EXTENDED:
        return 1 + party
    adult = 0 if tariff is None else adult_fare(tariff, Ride(int(RiderClass.ADULT), line=line, wall_ms=wall_ms))
    return max(1, min(party, fare_rials // adult)) if adult else 1


def by_distance(tariff: Tariff, line: str | None) -> tuple[Band, ...]:
    """The bands of which a tap-out on this line chooses one; none where there is no tap-out."""
    own = tariff.lines.get(line) if line is not None else None
    return own.bands if own is not None and tariff.tap_out else ()


def metres_ridden(boarded_m: int | None, left_m: int | None) -> int | None:
    """How far somebody rode, by two trusted places along the line; None where that is not known."""
    return left_m - boarded_m if boarded_m is not None and left_m is not None and left_m >= boarded_m else None


def band_of(bands: Sequence[int], metres: int | None) -> int:
    """The place of the band whose fare so many metres cost, of bands by their length; the least where none is known."""
    if metres is None:
        return 0
    return next((place for place, most in enumerate(bands) if metres <= most), len(bands) - 1)


def dearest_fare(tariff: Tariff) -> int:
    """The most that one adult can be asked for a ride."""
    lines = [rials for fare in tariff.lines.values() for rials in (fare.rials, *(band.rials for band in fare.bands))]
    peak = max([1000, *(peak.permille for peak in tariff.peaks)])
    return min(max([tariff.flat_fare_rials, *lines]) * peak // 1000, limits.FLAT_FARE_MAX_RIALS)


def _of_line(fare: LineFare, metres: int | None) -> int:
    if not fare.bands:
        return fare.rials
    return fare.bands[band_of([band.metres for band in fare.bands], metres)].rials


def _peak(tariff: Tariff, wall_ms: int | None) -> int:
    """Per mille of the usual fare at this time; of several peaks the least, and at no known time no more than usual."""
    if wall_ms is None:
        return min([1000, *(peak.permille for peak in tariff.peaks)])
    minute, day = since_midnight_s(wall_ms) // 60, 1 << weekday(wall_ms)
    now = [p.permille for p in tariff.peaks if p.weekdays & day and p.from_minute <= minute < p.to_minute]
    return min(now, default=1000)


def owed(tariff: Tariff, rides: Iterable[Ridden]) -> int:
    """What a rider owes for a set of rides under one tariff, companions apart."""
    return sum(steps(tariff, sorted(rides, key=lambda ride: ride.wall_ms)))


def steps(tariff: Tariff, rides: Sequence[Ridden]) -> list[int]:
    """What each ride adds to what is owed; they come in order of time."""
    weeks: dict[int, _Week] = defaultdict(_Week)
    return [weeks[service_week(ride.wall_ms)].add(tariff, ride) for ride in rides]


def as_adult(rides: Iterable[Ridden]) -> list[Ridden]:
    """The same rides, by somebody without a concession."""
    return [Ridden(ride.wall_ms, ride.adult_rials, 1000, 1000) for ride in rides]


@dataclass(slots=True)
class _Day:
    """A day's rides in order of time. `best`: for the first n of them the dearest sum of which no two are close."""

    times: list[int] = field(default_factory=list)
    best: list[int] = field(default_factory=lambda: [0])
    cap_permille: int = 0
    owed: int = 0

    def add(self, tariff: Tariff, ride: Ridden) -> int:
        """What one more ride adds to the day."""
        window_ms = tariff.transfer_window_s * 1000
        apart = bisect_right(self.times, ride.wall_ms - window_ms) if window_ms else len(self.times)
        self.times.append(ride.wall_ms)
        self.best.append(max(self.best[-1], self.best[apart] + own_part(ride.adult_rials, ride.permille)))
        self.cap_permille = max(self.cap_permille, ride.cap_permille)
        before, self.owed = self.owed, _capped(self.best[-1], tariff.day_cap_rials, self.cap_permille)
        return self.owed - before


@dataclass(slots=True)
class _Week:
    """A week's rides in order of time."""

    days: dict[int, _Day] = field(default_factory=lambda: defaultdict(_Day))
    of_days: int = 0
    cap_permille: int = 0
    owed: int = 0

    def add(self, tariff: Tariff, ride: Ridden) -> int:
        """What one more ride adds to the week."""
        self.of_days += self.days[service_day(ride.wall_ms)].add(tariff, ride)
        self.cap_permille = max(self.cap_permille, ride.cap_permille)
        before, self.owed = self.owed, _capped(self.of_days, tariff.week_cap_rials, self.cap_permille)
        return self.owed - before


def _capped(rials: int, cap: int, permille: int) -> int:
    """A cap is the class's share of an adult's; where shares differ, the largest."""
    return min(rials, own_part(cap, permille)) if cap else rials
