"""Classes by age, with birthdays in the Jalali calendar, in which people here are born.

A birthday is the day on which a year of life is full. Who was born on 30 Esfand of a leap year has it on 1 Farvardin in
the years without that day: a child stays one until the new year begins.
"""

from dataclasses import dataclass

from persiantools.jdatetime import JalaliDate

from protocol import limits
from protocol.errors import OutOfRange
from protocol.fares.tariff import RiderClass
from protocol.jalali import service_day_of


@dataclass(frozen=True, slots=True)
class Ages:
    """Children are younger than `child_below` full years, seniors at least `senior_from`; 0: there is no such class."""

    child_below: int = 0
    senior_from: int = 0

    def __post_init__(self) -> None:
        for years in (self.child_below, self.senior_from):
            if not 0 <= years <= limits.AGE_MAX_YEARS:
                raise OutOfRange("no such age", years=years)


def birthday(born: JalaliDate, years: int) -> int:
    """The service day on which so many years are full."""
    year = born.year + years
    if (born.month, born.day) == (12, 30) and not JalaliDate.is_leap(year):
        return service_day_of(JalaliDate(year + 1, 1, 1))
    return service_day_of(JalaliDate(year, born.month, born.day))


def class_on(ages: Ages, born: JalaliDate, day: int) -> RiderClass:
    """Who rides on a service day, by age alone. Raises OutOfRange for a birth after that day."""
    if day < service_day_of(born):
        raise OutOfRange("born after the day that is asked about", born=born.isoformat())
    if ages.child_below and day < birthday(born, ages.child_below):
        return RiderClass.CHILD
    if ages.senior_from and day >= birthday(born, ages.senior_from):
        return RiderClass.SENIOR
    return RiderClass.ADULT


def holds_until(ages: Ages, born: JalaliDate, day: int) -> int | None:
    """The last service day of the class that holds on a day: a credential expires no later. None: it holds for life."""
    ends = [birthday(born, years) for years in (ages.child_below, ages.senior_from) if years]
    return min((end - 1 for end in ends if end > day), default=None)
