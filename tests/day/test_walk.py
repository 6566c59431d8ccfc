"""Riders over two doors whose cable comes and goes, taken back now and then: no tap is posted above what it showed."""

from pathlib import Path
from random import Random

import pytest

from protocol import limits
from protocol.fares.pricing import Ridden, owed
from protocol.fares.tariff import RiderClass
from protocol.fares.verdicts import TABLE
from protocol.localtime import service_day
from tests.day.city import EVENING, HOUR_MS, MIDNIGHT_MS, TARIFF, City, Door, Person

STEPS = 150
WAITS_S = (1, 2, 5, 20, 60, 181, 181, 300, 900, 20_000)  # the last for a day with caps of its own, now and then
WHAT = ("shows", "shows", "shows", "shows", "again", "taken back", "taken back", "taken back", "cable", "office")


class Walk:
    """One course. `shown`: (door, sequence) of every boarding → its rials."""

    def __init__(self, folder: Path, seed: int, *, cable: bool) -> None:
        self.cable = cable  # whether it comes and goes
        self.rng, self.city = Random(seed), City(folder, [])
        self.city.now_ms = MIDNIGHT_MS + 5 * HOUR_MS
        self.people = [Person("Ann"), Person("Ben", rider_class=int(RiderClass.STUDENT))]
        for person in self.people:
            self.city.register(person)
        self.names = ["bus-1-d1", "bus-1-d2", "bus-1-d1", "bus-1-d2", "bus-2-d1"]
        self.shown: dict[tuple[str, int], int] = {}
        self.taken_back: set[tuple[str, int]] = set()
        self.linked = True
        self.sign_in()

    def show(self, door: Door, code: bytes) -> None:
        showing = door.show(code)
        if showing is None or not TABLE[showing.verdict].boards:
            return
        sequence = door.journal.head.sequence
        self.shown[door.name, sequence] = showing.fare_rials
        self.boarded.append((door, sequence, self.city.now_ms, code))

    def step(self) -> None:
        city, rng = self.city, self.rng
        city.now_ms += 1_000 * rng.choice(WAITS_S)
        door = city.doors[rng.choice(self.names)]
        match rng.choice(WHAT):
            case "shows":
                self.show(door, rng.choice(self.people).code(city.now_ms, party=rng.choice((0, 0, 0, 1, 2))))
            case "again" if self.boarded:
                self.show(door, self.boarded[-1][3])
            case "taken back":
                self.take_back()
            case "cable" if self.cable:
                self.linked = not self.linked
                city.link("bus-1", up=self.linked)
            case _:
                self.office()
        city.talk()
        self.seen()
        if service_day(city.now_ms) != self.day:
            self.sign_in()

    def sign_in(self) -> None:
        """A driver's shift ends with the day, and with it how often a boarding may be taken back."""
        self.day, self.left = service_day(self.city.now_ms), limits.ANNULS_A_DAY_MAX
        self.boarded: list[tuple[Door, int, int, bytes]] = []  # a shift takes its own back
        for bus in ("bus-1", "bus-2"):
            self.city.shift(bus, f"dr-{bus}")

    def seen(self) -> None:
        """The buses hear that the office has everything: no allowance is in the way."""
        heads = [self.city.doors[name].journal.head for name in self.names]
        for name in self.names:
            for head in heads:
                self.city.doors[name].station.boarding.seen_elsewhere(head.epoch, head.sequence)

    def take_back(self) -> None:
        """The newest boarding, as a driver may: soon, and not too often."""
        if not self.boarded or not self.left:
            return
        door, sequence, shown_ms, _ = self.boarded[-1]
        if self.city.now_ms - shown_ms < limits.ANNUL_WITHIN_S * 1000 and (door.name, sequence) not in self.taken_back:
            self.city.annul(door, sequence)
            self.taken_back.add((door.name, sequence))
            self.left -= 1

    def office(self) -> None:
        """The journals go up, in some order."""
        self.city.sync(self.rng.sample(sorted(set(self.names)), 3))

    def owed(self) -> int:
        """What the rule says of all rides that stand: each rider's journeys and caps, and all companions."""
        told = [self.city.store.claim_at(name, self.city.doors[name].journal.head.epoch, n) for name, n in self.shown]
        charged = [it for it in told if it is not None and it.charged]
        total = sum(it.rials if it.extends else it.beside_rials for it in charged)
        for person in self.people:
            own = [it for it in charged if it.presentation.credential_id == person.credential_id and not it.extends]
            for tariff in (TARIFF, EVENING):
                of_tariff = [it for it in own if it.tariff_version == tariff.version]
                rides = [Ridden(it.wall_ms, it.adult_rials, it.permille, it.cap_permille) for it in of_tariff]
                total += owed(tariff, rides)
        return total


def walked(folder: Path, seed: int, *, cable: bool) -> Walk:
    walk = Walk(folder, seed, cable=cable)
    for _ in range(STEPS):
        walk.step()
    walk.office()
    return walk


@pytest.mark.parametrize("seed", range(4))
def test_doors_that_talk_show_what_is_owed(tmp_path: Path, seed: int) -> None:
    """P20: what one bus knows of its own rides is neither less nor more than what the office then weighs."""
    walk = walked(tmp_path, seed, cable=False)
    posted = sum(walk.city.posted(walk.city.doors[name], sequence) for name, sequence in walk.shown)
    assert posted == walk.owed()


@pytest.mark.parametrize("seed", range(4))
def test_no_tap_is_posted_above_what_it_showed(tmp_path: Path, seed: int) -> None:
    """P7, P20: and what was taken back costs nobody anything."""
    walk = walked(tmp_path, seed, cable=True)
    city = walk.city
    posted = {tap: city.posted(city.doors[tap[0]], tap[1]) for tap in walk.shown}
    assert {tap: rials for tap, rials in posted.items() if rials > walk.shown[tap]} == {}
    assert [posted[tap] for tap in walk.taken_back] == [0] * len(walk.taken_back)
    owed = -sum(city.store.balance(f"rider:{person.credential_id.hex()}") for person in walk.people)
    assert sum(posted.values()) == owed > 0
    assert city.alarms == []
