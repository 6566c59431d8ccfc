"""A scripted day of 600 riders: fifteen buses, three lines, thirty drivers, one of them dishonest. The cases that the
office finds are those that were planted, and nobody else's.

    04:40  a bus stands in the depot, and codes are held before it
    07:00  line r3 is so full that all its drivers let ride: nobody stands out
    08:00  the front camera of bus 13 dies; its honest driver says so until it is mended at 12:30
    09:00  the dishonest driver of bus 11 covers the front camera until 14:00, lets ride for cash, keys in friends, takes back
           … and uncovers it for one code an hour
    10:00  lines r1 and r2 have no network for six hours
    11:00  every bus's sky is forged for an hour
    13:00  a stolen tap key tells one accepted code four times
    15:00  a free day begins, told to the buses before
    16:00  the rear camera of bus 32 dies for three hours
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from backend.adapters.ledger.connection import raw
from edge.core.errors import AnnulsSpent, LocalError, RidesFree, TooLateToAnnul
from protocol.fares.policies import BoardFree, Cause, Policies
from protocol.fares.tariff import LineFare, RiderClass, Tariff
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.wire.bundles import Bundle
from protocol.wire.driver_records import AnnulReason, FreeCause
from protocol.wire.health import CameraState
from protocol.wire.records import CodeKind, Tap, decode_record
from protocol.wire.staff import make_row
from simulators.world import HOUR_MS, MINUTE_MS, World
from tests.day.city import ISSUER, MIDNIGHT_MS, RECEIPTS, SEALING, Person
from tests.day.fleet import CITY, PIN, Bus, Door, Fleet, Office

SEED = 600
LINES = {"r1": [11, 12, 13, 14, 15], "r2": [21, 22, 23, 24, 25], "r3": [31, 32, 33, 34, 35]}
TARIFF = Tariff(
    7, 60_000, {RiderClass.STUDENT: 500, RiderClass.SENIOR: 0}, 180, transfer_window_s=3_600, day_cap_rials=150_000,
    lines={"r2": LineFare(90_000)},
)  # fmt: skip
CROOK, BROKEN = "901", "902"  # drive bus 11 and bus 13 in the morning
PLANTED = {
    ("free-rides", "driver:901"),
    ("proxy-boardings", "driver:901"),
    ("annulments", "driver:901"),
    ("blind-door", "device:bus-11-d1"),
    ("parked", "vehicle:bus-25"),
    ("copied-codes", "device:bus-35-d2"),
}
RIDERS, RIDES_EACH = 600, 3
WATCHED = ("Abbas", "Banu", "Cyrus", "Dara", "Elham", "Farah")  # of the 600: their rides are written down


def hour(text: str) -> int:
    hours, minutes = map(int, text.split(":"))
    return MIDNIGHT_MS + hours * HOUR_MS + minutes * MINUTE_MS


@dataclass
class Script:
    """The day, event by event."""

    folder: Path

    def __post_init__(self) -> None:
        self.world = World(SEED, hour("04:30"))
        self.rng = self.world.rng
        drivers = [CROOK, BROKEN, *(str(n) for n in range(101, 129))]
        row = make_row(CROOK, PIN, b"salt".rjust(16))  # one for all: a hash takes 50 ms
        policies = Policies(1, (BoardFree("mehr-1", Cause.FREE_DAY, hour("15:00"), hour("24:00")),))
        bundle = Bundle(
            CITY, 1, hour("00:00"), (ISSUER.public,), (RECEIPTS.public,), SEALING.public, TARIFF, policies=policies,
            staff_number=1, staff=tuple(replace(row, number=it) for it in sorted(drivers)),
        )  # fmt: skip
        self.fleet = Fleet(self.world, self.folder, LINES, bundle)
        self.buses = self.fleet.buses
        self.honest = iter(drivers[2:])
        self.taken_back = 0
        self.shown: Counter[str] = Counter()  # what each rider was told
        self.records_at: dict[str, int] = {}  # what the office held of line r1 at these times
        self.cash = 0  # who paid the dishonest driver, and showed nothing
        self._people()
        self._shifts()
        self._rides()
        self._honest()
        self._dishonest()
        self._disturbances()

    def at(self, when: str | int, do: Callable[[], object]) -> None:
        """It happens then."""
        self.world.at(hour(when) if isinstance(when, str) else when, lambda: (do(), None)[1])

    # --- who ----------------------------------------------------------------------------------------------------------

    def _people(self) -> None:
        classes = [RiderClass.ADULT] * 7 + [RiderClass.STUDENT] * 2 + [RiderClass.SENIOR]
        names = {"Banu": RiderClass.STUDENT, "Cyrus": RiderClass.SENIOR}
        self.people = {name: Person(name, int(names.get(name, RiderClass.ADULT))) for name in WATCHED}
        for number in range(RIDERS - len(WATCHED)):
            self.people[f"p{number}"] = Person(f"p{number}", int(self.rng.choice(classes)))
        self.depot = [Person(f"depot-{number}", int(RiderClass.SENIOR)) for number in range(12)]
        self.accomplice, self.mate = Person("friend"), Person("mate")
        for person in (*self.people.values(), *self.depot, self.accomplice, self.mate):
            self.fleet.office.register(person)

    def _shifts(self) -> None:
        for number, bus in self.buses.items():
            morning = {11: CROOK, 13: BROKEN}.get(number) or next(self.honest)
            self.at("06:00", lambda bus=bus, who=morning: bus.sign_in(who))
            self.at("14:00", lambda bus=bus: bus.sign_out())
            evening = next(self.honest)
            self.at("14:05", lambda bus=bus, who=evening: bus.sign_in(who))
            self.at("22:00", lambda bus=bus: bus.sign_out())

    # --- riders -------------------------------------------------------------------------------------------------------

    def _rides(self) -> None:
        numbers = [*self.buses, 11, 11, 13, 13, 32, 32]  # those whose doors fail are fuller: there is something to say
        for name, person in self.people.items():
            for _ in range(0 if name in WATCHED else RIDES_EACH):
                bus, front = self.buses[self.rng.choice(numbers)], self.rng.random() < 0.5
                when = self.world.rng.randrange(hour("06:10"), hour("21:50"))
                party = self.rng.choice((0, 0, 0, 0, 0, 0, 0, 1))
                self.at(when, lambda bus=bus, front=front, it=person, party=party: self.board(bus, it, front, party))
        for name, when, number, party in (
            ("Abbas", "07:05", 12, 0), ("Abbas", "12:05", 14, 0), ("Abbas", "15:35", 12, 0),
            ("Banu", "07:15", 15, 0), ("Banu", "13:15", 21, 0),
            ("Cyrus", "09:45", 12, 0),
            ("Dara", "09:00", 22, 0), ("Dara", "09:40", 12, 0),
            ("Elham", "10:10", 12, 0), ("Elham", "12:20", 14, 0), ("Elham", "14:40", 15, 0),
            ("Farah", "09:30", 34, 2),
        ):  # fmt: skip
            person, bus = self.people[name], self.buses[number]
            self.at(when, lambda bus=bus, it=person, party=party: self.board(bus, it, True, party))

    def board(self, bus: Bus, person: Person, front: bool, party: int) -> None:  # noqa: FBT001
        """A rider comes to a door; if it does not read, to the other one, if somebody does not say "pay me"."""
        if bus.driver == CROOK and bus.rides_free and self.rng.random() < 0.5:
            self.cash += 1
            return
        door = bus.front if front else bus.rear
        if not door.reads:
            door = bus.rear if front else bus.front
        self.shown[person.name] += door.show(person.code(self.world.now_ms, party=party)).fare_rials
        bus.talk()

    # --- drivers ------------------------------------------------------------------------------------------------------

    def _honest(self) -> None:
        """A rider without a code now and then, a mistake, a loose plug; a line that is too full."""
        for number, bus in self.buses.items():
            if number != 11:
                self.at("09:10", lambda bus=bus: self.key_in(bus))
        for number in (12, 22, 31):
            self.at("08:40", lambda bus=self.buses[number]: self.key_in(bus))
            self.at("08:41", lambda bus=self.buses[number]: self.take_back(bus))
        plug = self.buses[24]  # loose five times, and found each time within five minutes
        for when in ("07:20", "08:50", "10:50", "12:20", "13:10"):
            self.at(when, lambda: self.free(plug, FreeCause.READER_OUT))
            self.at(hour(when) + 5 * MINUTE_MS, lambda: plug.terminal.free_ride(plug.token, None, plug.now))
        for number in LINES["r3"]:
            for n in range(9):
                self.at(
                    hour("07:00") + 11 * n * MINUTE_MS, lambda bus=self.buses[number]: self.free(bus, FreeCause.CROWD)
                )
        broken = self.buses[13]
        self.at("08:00", lambda: setattr(broken.front, "camera", CameraState.MISSING))
        self.at("08:02", lambda: self.free(broken, FreeCause.READER_OUT))
        self.at("12:30", lambda: setattr(broken.front, "camera", CameraState.WORKING))
        self.at("16:00", lambda: setattr(self.buses[32].rear, "camera", CameraState.MISSING))
        self.at("19:00", lambda: setattr(self.buses[32].rear, "camera", CameraState.WORKING))

    def key_in(self, bus: Bus, party: int = 0) -> None:
        """Somebody without a code boards, and companions, on the driver's float."""
        bus.front.place.step(bus.front.read)
        try:
            bus.terminal.proxy(bus.token, party, bus.now)
        except RidesFree:
            return
        self.fleet.told[Verdict.ACCEPTED] += 1
        bus.talk()

    def take_back(self, bus: Bus) -> None:
        """The driver takes the last charged boarding of the front door back."""
        last = next(
            it
            for it in bus.terminal.view(bus.token, bus.now).last
            if it.door == 1 and TABLE[Verdict(it.verdict)].charged
        )
        bus.terminal.annul(bus.token, 1, last.sequence, AnnulReason.LEFT_BUS, bus.now)
        self.taken_back += 1

    def free(self, bus: Bus, cause: FreeCause) -> None:
        """The driver lets everybody ride; the terminal looks again when that lapses."""
        bus.terminal.free_ride(bus.token, cause, bus.now)
        bus.talk()
        self.world.after(10 * MINUTE_MS + 1_000, lambda: self._lapse(bus))

    def _lapse(self, bus: Bus) -> None:
        bus.step()
        if bus.rides_free:
            self.world.after(10 * MINUTE_MS + 1_000, lambda: self._lapse(bus))

    def _dishonest(self) -> None:
        bus = self.buses[11]
        self.at("09:00", lambda: setattr(bus.front, "covered", True))
        self.at("14:00", lambda: setattr(bus.front, "covered", False))
        for when in ("09:50", "10:50", "11:50", "12:50", "13:50"):
            self.at(when, lambda: self._uncovered(bus.front))
        for n in range(10):
            self.at(hour("09:05") + 28 * n * MINUTE_MS, lambda: self.free(bus, FreeCause.READER_OUT))
        for n in range(8):  # friends, three with one touch
            self.at(hour("06:20") + 18 * n * MINUTE_MS, lambda: self.key_in(bus, party=2))
        for n in range(5):
            self.at(hour("06:21") + 18 * n * MINUTE_MS, lambda: self.take_back(bus))
        self.at("07:51", lambda: self._refused(bus, AnnulsSpent))
        self.at("08:55", lambda: self._refused(bus, TooLateToAnnul))

        self.at("12:00", lambda: self._changed_terminal(bus))

    def _uncovered(self, door: Door) -> None:
        """For one code, so that the door reads something in each hour."""
        door.covered = False
        self.shown[self.mate.name] += door.show(self.mate.code(self.world.now_ms)).fare_rials
        door.covered = True

    def _changed_terminal(self, bus: Bus) -> None:
        """A terminal with other software: the first boarding of the shift is taken back, hours later."""
        duty = bus.terminal._shift.duty
        rows = (decode_record(bus.front.journal.rows[n]) for n in sorted(bus.front.journal.rows))
        first = next(
            it.link.sequence for it in rows
            if isinstance(it, Tap) and it.service.shift == duty.shift and it.code_kind is CodeKind.LONG_PASS
        )  # fmt: skip
        bus.desk.annul(duty, first, AnnulReason.LEFT_BUS, bus.now)

    def _refused(self, bus: Bus, why: type[LocalError]) -> None:
        """The terminal keeps to its limits, whoever drives."""
        with pytest.raises(why):
            self.take_back(bus)

    # --- the world ----------------------------------------------------------------------------------------------------

    def _disturbances(self) -> None:
        standing = self.buses[25]
        self.at("04:31", lambda: setattr(standing.sky, "parked", True))
        self.at("05:50", lambda: setattr(standing.sky, "parked", False))
        for n, person in enumerate(self.depot):
            self.at(hour("04:40") + 5 * n * MINUTE_MS, lambda it=person: self.board(standing, it, True, 0))
        for bus in self.buses.values():
            for door in bus.doors:
                for n in range(6):
                    self.at(hour("04:32") + n * 1_000, lambda door=door: door.place.step(door.read))
            self.at("11:00", lambda bus=bus: setattr(bus.sky, "jammed", True))
            self.at("12:00", lambda bus=bus: setattr(bus.sky, "jammed", False))
        for number in (*LINES["r1"], *LINES["r2"]):
            self.at("10:00", lambda bus=self.buses[number]: bus.online(yes=False))
            self.at("16:00", lambda bus=self.buses[number]: bus.online(yes=True))
        self.at("13:00", self._stolen_key)
        for minutes in range(0, 18 * 60, 15):
            self.at(hour("04:35") + minutes * MINUTE_MS, self.fleet.sync)
        for minutes in range(0, 18 * 60, 30):
            self.at(hour("04:34") + minutes * MINUTE_MS, self._half_hour)
        for when in ("10:10", "15:59", "16:10"):
            self.at(when, lambda when=when: self.records_at.update({when: self.held_of("bus-1")}))
        for hours in range(6, 23):
            self.at(hour(f"{hours}:07"), self.fleet.office.cases.look)

    def _half_hour(self) -> None:
        """Health; a bus says it each minute, and the office counts words."""
        for bus in self.buses.values():
            for door in bus.doors:
                door.tell_health()

    def _stolen_key(self) -> None:
        """Who has a device's key makes journals as he likes, and each tells the code of a friend."""
        code = self.accomplice.code(self.world.now_ms)
        for epoch in range(9_001, 9_005):
            thief = Door(self.fleet, self.buses[35], 2, epoch)
            thief.broker.connected = True
            thief.station.session_changed(connected=True)
            assert thief.show(code).verdict is Verdict.ACCEPTED
            for _ in range(4):
                thief.step()
                self.fleet.office.hear([thief])

    def held_of(self, vehicles: str) -> int:
        """Records that the office holds of these."""
        return int(rows(self.fleet.office, f"SELECT count(*) FROM record WHERE device LIKE '{vehicles}%'")[0][0])

    def live(self) -> None:
        """The whole day, and what is left behind it."""
        self.world.run_until(hour("23:00"))
        self.fleet.sync()
        self.fleet.sync()
        self.fleet.office.cases.look()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Script:
    script = Script(tmp_path_factory.mktemp("day"))
    script.live()
    return script


def rows(office: Office, sql: str) -> list[tuple]:
    with office.store._aside.reading() as core:
        connection = raw(core)
        return connection.execute(sql).fetchall()


def test_the_cases_found_are_those_planted(day: Script) -> None:
    """And none of an honest driver: not of the broken cameras, the crowd, the loose plug, or the forged sky."""
    assert len(day.people) == RIDERS
    assert set(day.fleet.office.standing()) == PLANTED


def test_their_figures_can_be_counted_in_the_script(day: Script) -> None:
    cases = {subject + " " + kind: it.figures for (kind, subject), it in day.fleet.office.standing().items()}
    free = cases["driver:901 free-rides"]
    assert (free["times"], free["free_minutes"], free["driven_minutes"]) == (10, 100, 480)
    assert free["where"] == ["r1 09h", "r1 10h", "r1 11h", "r1 12h", "r1 13h"]
    keyed_in = cases["driver:901 proxy-boardings"]
    assert (keyed_in["proxies"], keyed_in["touches"]) == (24, 8)
    assert cases["driver:901 annulments"] == {"taken_back": 5, "refused": 1, "others_taken_back": 0}
    blind = cases["device:bus-11-d1 blind-door"]
    assert (blind["read"], blind["free_minutes"], blind["drivers"]) == (5, 100, ["901"])
    assert blind["hours"] == ["09h", "10h", "11h", "12h", "13h"]
    parked = cases["vehicle:bus-25 parked"]
    assert (parked["charged"], parked["minutes"], parked["without_shift"]) == (12, 55, 12)
    assert cases["device:bus-35-d2 copied-codes"] == {"copied": 3, "of_one_boarding": 3}


def test_each_case_names_records_that_the_office_holds(day: Script) -> None:
    held = {
        (device, epoch, n) for device, epoch, n in rows(day.fleet.office, "SELECT device, epoch, sequence FROM record")
    }
    for case in day.fleet.office.standing().values():
        assert case.records
        assert set(case.records) <= held


def test_in_another_order_the_cases_are_the_same(day: Script, tmp_path: Path) -> None:
    """Journal by journal, the last bus first: as if each had come to the depot with its records."""
    journals = defaultdict(list)
    for batch in day.fleet.office.held:
        journals[batch.device].append(batch)
    order = [batch for device in sorted(journals, reverse=True) for batch in journals[device]]
    other = day.fleet.office.again(tmp_path / "other.db", order, words_of={"bus-13-d1", "bus-32-d2"})
    assert other.standing() == day.fleet.office.standing()


def test_the_ledger_sums_to_zero_and_every_accepted_tap_is_posted(day: Script) -> None:
    office = day.fleet.office
    assert rows(office, "SELECT sum(credits) - sum(debits) FROM account") == [(0,)]
    assert rows(office, "SELECT count(*) FROM record WHERE payer IS NOT NULL") == [(day.fleet.charged,)]
    assert rows(
        office, "SELECT count(*) FROM record WHERE payer IN ('no-proof', 'stale-proof', 'unknown-credential')"
    ) == [(0,)]
    for bus in day.buses.values():
        for door in bus.doors:
            assert office.store.latest(door.name).sequence == door.journal.head.sequence or door.name == "bus-35-d2"
    assert office.alarms == {
        ("new-journal", "bus-35-d2"), ("annulment-refused", "bus-11-d1"),
        ("camera-gone", "bus-13-d1"), ("camera-gone", "bus-32-d2"),
    }  # fmt: skip


def test_what_some_riders_pay(day: Script) -> None:
    """Rials, written by hand; shown may be more, never less (P20)."""
    paid = {
        "Abbas": 60_000 + 60_000 + 0,  # the third after three, on the free day
        "Banu": 30_000 + 45_000,  # a student: half of r1's fare, half of r2's
        "Cyrus": 0,  # a senior
        "Dara": 90_000,  # r2, and 40 minutes later r1: one journey, the dearer of both
        "Elham": 60_000 + 60_000 + 30_000,  # on three buses without a network: the day's cap
        "Farah": 3 * 60_000,  # with two companions
    }
    assert {name: -balance(day, name) for name in paid} == paid
    assert {name: day.shown[name] for name in ("Dara", "Elham")} == {"Dara": 150_000, "Elham": 180_000}
    assert all(0 <= -balance(day, name) <= day.shown[name] for name in day.people)


def balance(day: Script, name: str) -> int:
    return day.fleet.office.store.balance(f"rider:{day.people[name].credential_id.hex()}")


def test_nothing_came_for_six_hours_and_then_all(day: Script) -> None:
    held = day.records_at
    assert 0 < held["10:10"] == held["15:59"] < held["16:10"]


def test_the_free_day_began_in_the_middle_on_every_bus_with_or_without_a_network(day: Script) -> None:
    free = f"verdict = {int(Verdict.BOARD_FREE)} AND reason = {int(Reason.FREE_DAY)}"
    three = hour("15:00")
    assert rows(day.fleet.office, f"SELECT count(*) FROM record WHERE wall_ms < {three} AND {free}") == [(0,)]
    assert rows(day.fleet.office, f"SELECT count(*) FROM record WHERE wall_ms >= {three} AND payer NOT NULL") == [(0,)]
    buses = rows(day.fleet.office, f"SELECT count(DISTINCT vehicle) FROM record WHERE wall_ms >= {three} AND {free}")
    offline = f"wall_ms < {hour('16:00')} AND vehicle LIKE 'bus-1%'"
    assert buses == [(15,)]
    assert rows(day.fleet.office, f"SELECT count(*) > 5 FROM record WHERE {free} AND {offline}") == [(1,)]


def test_a_forged_sky_places_nobody(day: Script) -> None:
    between = f"kind = 2 AND wall_ms > {hour('11:00')} AND wall_ms < {hour('12:00')}"
    assert rows(day.fleet.office, f"SELECT count(*) > 50, count(lat_e6) FROM record WHERE {between}") == [(1, 0)]
    assert rows(day.fleet.office, "SELECT max(lat_e6) < 33000000 FROM record") == [(1,)]
