"""Doors that find each other: what is announced is a hint, and whoever is called must prove itself all the same."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from edge.adapters.door_finder import MdnsFinder
from simulators.mosquitto import free_port
from tests.transport.finders import Street, StreetFinder
from tests.transport.peers import CALLING, LISTENING, SIDES, STRANGER, WAIT_S, Door
from transport.config import PeerConfig
from transport.finding import Finder
from transport.peer import PeerSession


class FoundBus:
    """Two doors without an address in their settings."""

    def __init__(self, configs: dict[str, PeerConfig], finder: Callable[[], Finder]) -> None:
        free = {"listen": None, "dial": None, "port": 0}
        self.configs = {side: config.model_copy(update=free) for side, config in configs.items()}
        self._finder = finder
        self.made: list[PeerSession] = []

    def door(self, side: str, name: str | None = None) -> Door:
        def make(**given: Callable[..., None]) -> PeerSession:
            session = PeerSession(self.configs[side], name=name or side, finder=self._finder(), **given)  # type: ignore[arg-type]
            self.made.append(session)
            return session

        return Door(make)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, [str(session.problem) for session in self.made]
            time.sleep(0.005)

    def close(self) -> None:
        for session in self.made:
            session.stop()


@pytest.fixture
def street() -> Street:
    return Street()


@pytest.fixture(params=["street", "multicast"])
def bus(request: pytest.FixtureRequest, city: dict[str, PeerConfig], street: Street) -> Iterator[FoundBus]:
    real = request.param == "multicast"
    made = FoundBus(city, (lambda: MdnsFinder("lo")) if real else lambda: StreetFinder(street))
    yield made
    made.close()


@pytest.fixture
def lied_to(city: dict[str, PeerConfig], street: Street) -> Iterator[FoundBus]:
    made = FoundBus(city, lambda: StreetFinder(street))
    yield made
    made.close()


def linked(bus: FoundBus, doors: list[Door]) -> None:
    bus.until(lambda: all(door.session.connected for door in doors))


@pytest.mark.parametrize("first", SIDES)
def test_doors_without_an_address_find_each_other_whoever_starts_first(bus: FoundBus, first: str) -> None:
    doors = [bus.door(side) for side in sorted(SIDES, key=lambda side: side != first)]
    for door in doors:
        door.session.start()
    linked(bus, doors)
    assert doors[0].session.send(b"here")
    bus.until(lambda: doors[1].heard == [b"here"])


def test_a_door_that_listens_elsewhere_after_a_restart_is_found_there(bus: FoundBus) -> None:
    listening, calling = bus.door(LISTENING), bus.door(CALLING)
    for door in (listening, calling):
        door.session.start()
    linked(bus, [listening, calling])
    listening.session.stop()
    bus.until(lambda: not calling.session.connected)
    again = bus.door(LISTENING)  # port 0: another one
    again.session.start()
    linked(bus, [again, calling])


def test_a_stranger_of_the_city_who_takes_the_name_is_called_and_let_go(
    lied_to: FoundBus, city: dict[str, PeerConfig], street: Street
) -> None:
    """It has a certificate, under another name: it is said, and no message is heard of it or told to it."""
    stranger = lied_to.door(STRANGER, name=LISTENING)  # announces itself under the sister's name
    calling = lied_to.door(CALLING)
    stranger.session.start()
    calling.session.start()
    lied_to.until(lambda: STRANGER in str(calling.session.problem))
    assert (calling.changes, stranger.changes) == ([], [])
    assert not calling.session.send(b"to nobody")
    listening = lied_to.door(LISTENING)
    listening.session.start()  # the true one is said to be there, too
    linked(lied_to, [listening, calling])
    assert stranger.changes == []


def test_a_liar_who_answers_nothing_keeps_no_door_from_the_one_that_proved_itself(
    lied_to: FoundBus, street: Street
) -> None:
    """Once they have met, the address that proved itself comes before whatever is said."""
    port = free_port()
    lied_to.configs[LISTENING] = lied_to.configs[LISTENING].model_copy(update={"port": port})
    listening, calling = lied_to.door(LISTENING), lied_to.door(CALLING)
    for door in (listening, calling):
        door.session.start()
    linked(lied_to, [listening, calling])
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        street.lies[LISTENING] = [("127.0.0.1", mute.getsockname()[1])] * 8
        asked = street.asked
        listening.session.stop()
        lied_to.until(lambda: not calling.session.connected)
        again = lied_to.door(LISTENING)
        again.session.start()
        linked(lied_to, [again, calling])
        assert street.asked - asked <= 1, "it may have asked while nobody listened, and not again"


def test_a_network_that_comes_later_is_waited_for(lied_to: FoundBus, street: Street) -> None:
    street.down = True
    listening, calling = lied_to.door(LISTENING), lied_to.door(CALLING)
    for door in (listening, calling):
        door.session.start()
    lied_to.until(lambda: all("no street" in str(door.session.problem) for door in (listening, calling)))
    street.down = False
    linked(lied_to, [listening, calling])


def test_nobody_is_heard_of(lied_to: FoundBus) -> None:
    calling = lied_to.door(CALLING)
    calling.session.start()
    lied_to.until(lambda: f"{LISTENING} is not heard of" in str(calling.session.problem))


def test_an_interface_that_is_not_there_is_said(city: dict[str, PeerConfig], street: Street) -> None:
    """Not listened for elsewhere instead: what comes in by the modem finds no door."""
    bus = FoundBus(city, lambda: StreetFinder(street))
    bus.configs[LISTENING] = bus.configs[LISTENING].model_copy(update={"interface": "no-such-nic"})
    door = bus.door(LISTENING)
    door.session.start()
    try:
        bus.until(lambda: "cannot listen for the other door" in str(door.session.problem))
    finally:
        bus.close()
    assert street.said == {}
