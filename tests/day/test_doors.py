"""Single cases of doors and the office, with the day's city: what is shown and what is posted."""

from dataclasses import replace
from pathlib import Path

from protocol.fares.policies import Policies
from protocol.fares.tariff import RiderClass
from tests.day.city import HOUR_MS, MIDNIGHT_MS, TARIFF, City, Person


def a_city(folder: Path, *people: Person) -> City:
    city = City(folder, [])
    city.now_ms = MIDNIGHT_MS + 6 * HOUR_MS
    for person in people:
        city.register(person)
    return city


def sync(city: City) -> None:
    """Everything that waits goes to the office."""
    city.talk()
    city.sync(list(city.doors))


def test_a_line_that_only_the_road_says_prices_nothing_at_the_office_either(tmp_path: Path) -> None:
    """P14: an inferred BRT is no BRT: the city makes up for a senior what the least fare of the city costs."""
    who = Person("Kit", rider_class=int(RiderClass.SENIOR))
    city = a_city(tmp_path, who)
    door = city.doors["bus-3-d1"]
    boarding = door.station.boarding
    boarding.take_bundle(replace(city.bundle, policies=Policies()))
    boarding.serve(replace(boarding.service, route=None))
    assert boarding.move(boarding.service, replace(boarding.service, route="brt"), fare_line=None)
    assert door.show(who.code(city.now_ms)) is not None
    sync(city)
    assert -city.store.balance(f"city:class:{who.rider_class}") == TARIFF.flat_fare_rials
