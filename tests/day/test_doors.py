"""Single cases of doors and the office, with the day's city: what is shown and what is posted."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.ports import Showing
from protocol.fares.policies import Policies
from protocol.fares.pricing import Ride, adult_fare
from protocol.fares.tariff import RiderClass
from protocol.fares.verdicts import Reason, Verdict
from tests.day.city import HOUR_MS, MIDNIGHT_MS, TARIFF, City, Door, Person


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
    assert -city.store.balance(f"city:class:{who.rider_class}") == adult_fare(TARIFF, Ride(0))


def a_family(city: City, who: Person, *, apart: bool) -> list[tuple[Door, int, Showing]]:
    """One rider alone at the front, then with two companions there, then with the same two at the rear: what was shown."""
    front, rear = city.doors["bus-1-d1"], city.doors["bus-1-d2"]
    if apart:
        city.link("bus-1", up=False)
    told: list[tuple[Door, int, Showing]] = []
    for door, party in ((front, 0), (front, 2), (rear, 2)):
        showing = door.show(who.code(city.now_ms, party=party))
        assert showing is not None
        told.append((door, door.journal.head.sequence, showing))
        city.now_ms += 20_000
        if not apart:
            city.talk()
    return told


@pytest.mark.parametrize("names", [("bus-1-d1", "bus-1-d2"), ("bus-1-d2", "bus-1-d1")])
@pytest.mark.parametrize("apart", [False, True])
def test_companions_over_both_doors_are_charged_once_and_told_no_less(
    tmp_path: Path, names: tuple[str, str], *, apart: bool
) -> None:
    """P7, P20: the office charges the most companions over both doors, and no door shows less than is posted for it."""
    who = Person("Fay")
    city = a_city(tmp_path, who)
    told = a_family(city, who, apart=apart)
    fare = TARIFF.flat_fare_rials
    assert [it.fare_rials for _, _, it in told] == [fare, 2 * fare, 3 * fare if apart else 0]
    assert told[1][2].verdict is Verdict.PARTY_EXTENDED
    if not apart:
        assert (told[2][2].verdict, told[2][2].reason) == (Verdict.ALREADY_PAID, Reason.OTHER_DOOR)
    city.link("bus-1", up=True)
    for name in names:  # both doors say the same of it from now on
        again = city.doors[name].show(who.code(city.now_ms, party=2))
        assert again is not None
        assert again.verdict is Verdict.ALREADY_PAID
    city.sync(list(names))
    posted = [city.posted(door, sequence) for door, sequence, _ in told]
    assert sum(posted) == -city.store.balance(f"rider:{who.credential_id.hex()}") == 3 * fare
    assert all(it.fare_rials >= rials for (_, _, it), rials in zip(told, posted, strict=True))


def test_one_more_companion_pays_alone_whichever_door_took_the_others_on(tmp_path: Path) -> None:
    """R8: the doors were apart, and the largest party of either counts at both."""
    who = Person("Gil")
    city = a_city(tmp_path, who)
    a_family(city, who, apart=True)
    city.link("bus-1", up=True)
    for name in ("bus-1-d1", "bus-1-d2"):
        door = city.doors[name]
        for journal in city.doors.values():  # the office has seen all of it
            door.station.boarding.seen_elsewhere(journal.journal.head.epoch, journal.journal.head.sequence)
        more = door.show(who.code(city.now_ms, party=3))
        assert more is not None
        expected = Verdict.PARTY_EXTENDED if name == "bus-1-d1" else Verdict.ALREADY_PAID
        assert (more.verdict, more.fare_rials) == (expected, TARIFF.flat_fare_rials if name == "bus-1-d1" else 0)
        city.talk()
    city.sync(["bus-1-d2", "bus-1-d1"])
    assert -city.store.balance(f"rider:{who.credential_id.hex()}") == 4 * TARIFF.flat_fare_rials
