"""From a receiver to the record: what a tap says of place, line, direction, stop and trip, and who decides it."""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.adapters.console_panel import SilentPanel
from edge.adapters.tap_signer import InlineTapSigner
from edge.app import selftest
from edge.app.boarding import Boarding
from edge.app.bundles import Bundles
from edge.app.config import GnssConfig, load_config
from edge.app.validator import Validator
from edge.app.whereabouts import Place
from edge.core.errors import GnssLost
from edge.core.limits import GNSS_RETRY_MS
from edge.core.position import Fix
from protocol.fares.tariff import Band, LineFare, Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.authority import Trust
from protocol.wire.manifests import Manifest, Section, name_chunk
from protocol.wire.records import Doubt, Instant, Service, Tap, decode_record
from protocol.wire.timetable import cut_timetable
from provisioning.app.bundles import make_bundle
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.core.bundle_changes import Changes
from simulators.held_riders import HeldRiders
from simulators.receiver import FakeGpsd
from tests.edge.cameras import FakeCamera
from tests.edge.door import DEVICE, MemoryJournal, RememberingPanel, Rider, bundle
from tests.edge.streets import CITY, NINE, NOW_S, at, daily, drive, place, stand
from tests.edge.test_bundles import BUNDLE_KEY, NEW, Rig, signed
from tests.edge.wired import Wired

CHUNKS = cut_timetable(CITY)


TOLD = Service("bus-1", 1)


class Scripted:
    """A receiver that gives what comes next, and is gone where the script says so."""

    def __init__(self) -> None:
        self.script: list[Fix | GnssLost | None] = []
        self.opened = self.closed = 0

    def open(self) -> "Scripted":
        self.opened += 1
        return self

    def read(self, timeout_s: float) -> Fix | None:
        found = self.script.pop(0)
        if isinstance(found, GnssLost):
            raise found
        return found

    def close(self) -> None:
        self.closed += 1


class Bus:
    """A door with a scripted receiver, and the time of its last fix."""

    def __init__(self, told: Service = TOLD, chunks: Iterable[bytes] = CHUNKS, **changes: object) -> None:
        self.receiver, self.journal = Scripted(), MemoryJournal()
        self.heard: list[tuple[int, int]] = []
        self.vehicle = Wired()
        self.door = Boarding(
            device="bus-1-d1", service=told, bundle=bundle(**changes), journal=self.journal, riders=HeldRiders(),
            signer=InlineTapSigner(DEVICE), panel=RememberingPanel(), software="test",
            randomness=lambda size: bytes(range(size)), position=lambda mono_ms: self.place.position(mono_ms),  # noqa: PLW0108
            along=lambda mono_ms: self.place.along(mono_ms),  # noqa: PLW0108
        )  # fmt: skip
        self.place = Place(
            door=self.door, open_source=self.receiver.open, witness=lambda *said: self.heard.append(said),
            vehicle=self.vehicle,
        )  # fmt: skip
        self.place.replace(chunks, number=1)
        self.now, self.riders = at(0), 0
        self.door.begin(self.now)

    def follow(self, trace: Iterable[tuple[Fix, Instant]]) -> None:
        for fix, self.now in trace:
            self.receiver.script.append(fix)
            assert self.place.step(lambda: self.now) == 0

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now = at(self.now.mono_ms / 1000 + 1)
            self.receiver.script.append(None)
            self.place.step(lambda: self.now)

    def tap(self, *, again: bool = False) -> Tap:
        """A new rider boards, or the one before shows a code again."""
        self.riders += not again
        self.door.present(Rider(self.riders).code(self.now), self.now, settled=True)
        record = decode_record(self.journal.rows[self.journal.head.sequence])
        assert isinstance(record, Tap)
        return record

    @property
    def line(self) -> tuple[str | None, int | None]:
        return self.door.service.route, self.door.service.direction


@pytest.mark.parametrize(("wheels_mps", "doubt"), [(None, Doubt.NONE), (0.0, Doubt.NONE), (10.0, Doubt.FROZEN)])
def test_a_sky_that_stands_still_is_not_believed_while_the_wheels_turn(wheels_mps: float | None, doubt: Doubt) -> None:
    bus = Bus()
    bus.vehicle.mps = wheels_mps
    bus.follow(stand((0, 0), 30, noise_m=0))
    position = bus.place.position(bus.now.mono_ms)
    assert position is not None
    assert position.doubt is doubt


def test_a_record_says_where_it_was_made() -> None:
    trips = tuple(daily(NOW_S - 400 + at * 600, 13, 50, f"t{at}") for at in range(3))
    line = replace(NINE, patterns=(replace(NINE.patterns[0], trips=trips), NINE.patterns[1]))
    bus = Bus(chunks=cut_timetable([line]))
    assert bus.tap().position is None
    bus.follow(drive([(3_200.0, 0.0), (5_000.0, 0.0)], noise_m=2))
    tap = bus.tap()
    assert tap.position is not None
    assert (tap.position.doubt, tap.position.accuracy_m) == (Doubt.NONE, 12)
    assert abs(tap.position.lat_e6 - place(5_000, 0)[0]) < 50
    stop = NINE.patterns[0].calls[10].stop.name
    assert tap.service == Service("bus-1", 1, "9", 0, "t0", stop)
    assert bus.place.speed_kmh(bus.now.mono_ms) == 36
    assert bus.place.speed_kmh(bus.now.mono_ms + 5_001) is None
    assert bus.heard[-1] == (bus.now.wall_ms, bus.now.mono_ms)
    assert (bus.place.choices[0].line, bus.place.choices[0].direction) == ("9", 0)


def test_a_jammed_place_is_recorded_with_its_doubt_and_decides_nothing() -> None:
    bus = Bus()
    bus.follow(drive([(3_200.0, 0.0), (5_000.0, 0.0)]))
    heard = len(bus.heard)
    jammed = (
        (replace(fix, lat_e6=35_416_000, lon_e6=51_152_000), now)
        for fix, now in drive([(0.0, 0.0), (500.0, 0.0)], start_s=181)
    )
    bus.follow(jammed)
    tap = bus.tap()
    assert tap.position is not None
    assert (tap.position.lat_e6, tap.position.doubt) == (35_416_000, Doubt.OUTSIDE)
    assert (tap.service.route, tap.service.direction) == ("9", 0)
    assert len(bus.heard) == heard  # a forged sky is no witness of time either
    bus.wait(300)
    tap = bus.tap()
    assert (tap.service.route, tap.service.direction, tap.service.stop) == (None, None, None)


def test_a_silent_receiver_is_said_and_opened_again() -> None:
    bus = Bus()
    bus.receiver.script = [GnssLost("no device", fix="plug it in")]
    assert bus.place.step(lambda: at(0)) == GNSS_RETRY_MS
    assert str(bus.place.problem)
    assert (bus.receiver.opened, bus.receiver.closed) == (1, 1)
    assert bus.place.step(lambda: at(2)) == GNSS_RETRY_MS - 2_000
    assert bus.receiver.opened == 1
    bus.receiver.script = [None]
    assert bus.place.step(lambda: at(5)) == 0
    assert (bus.place.problem, bus.receiver.opened) == (None, 2)
    bus.place.close()
    assert bus.receiver.closed == 2


def test_the_drivers_word_is_kept_until_the_end_of_the_trip() -> None:
    bus = Bus(Service("bus-1", 1, "10", 0))  # configured: the first word
    bus.follow(drive([(0.0, 0.0), (3_000.0, 0.0), (3_000.0, 1_000.0)]))
    assert bus.line == ("10", 0)
    bus.door.serve(replace(bus.door.service, route="77", direction=1, shift="s1"))
    bus.follow(drive([(3_000.0, 1_000.0), (3_000.0, 2_000.0)], start_s=401))
    assert bus.line == ("77", 1)
    assert bus.door.service.shift == "s1"
    bus.door.serve(replace(bus.door.service, route="10", direction=0))
    bus.follow(drive([(3_000.0, 2_000.0), (3_000.0, 3_000.0)], start_s=502))
    assert bus.line == ("10", 1)  # its last stop: the way back, inferred
    assert bus.tap().service.stop == bus.door.service.stop is not None


def test_no_fare_is_decided_by_a_place_alone() -> None:
    """P14: what only the road says is recorded; prices go by what a person said, until the road says another line."""
    alone = Bus()
    alone.follow(drive([(3_200.0, 0.0), (5_000.0, 0.0)]))
    assert (alone.line, alone.door.fare_line) == (("9", 0), None)
    tariff = Tariff(7, 60_000, lines={"9": LineFare(90_000)})
    for word, fare in ((TOLD, 60_000), (Service("bus-1", 1, "9", 0), 90_000)):
        bus = Bus(word, tariff=tariff)
        bus.follow(drive([(3_200.0, 0.0), (5_000.0, 0.0)]))
        tap = bus.tap()
        assert (tap.service.route, tap.fare_line, tap.fare_rials) == ("9", word.route, fare)
    told = Bus(Service("bus-1", 1, "9", 0))
    told.follow(drive([(3_200.0, 0.0), (6_000.0, 0.0)]))
    assert (told.line, told.door.fare_line) == (("9", 1), "9")  # the next trip of the line that he named
    told.follow(drive([(6_000.0, 0.0), (3_000.0, 0.0), (3_000.0, 1_500.0)], start_s=281))
    assert (told.line, told.door.fare_line) == (("10", 0), None)
    told.door.serve(replace(told.door.service, route="10", direction=0))
    told.follow(drive([(3_000.0, 1_500.0), (3_000.0, 1_600.0)], start_s=900))
    assert (told.line, told.door.fare_line) == (("10", 0), "10")


BY_DISTANCE = Tariff(
    7, 60_000, tap_out=True, lines={"9": LineFare(0, (Band(2_000, 20_000), Band(5_000, 40_000), Band(9_000, 60_000)))}
)  # fmt: skip


def test_who_taps_out_pays_for_the_metres_between_two_trusted_places() -> None:
    bus = Bus(Service("bus-1", 1, "9", 0), tariff=BY_DISTANCE)
    bus.follow(drive([(500.0, 0.0), (1_500.0, 0.0)], noise_m=2))
    on = bus.tap()
    assert (on.verdict, on.fare_rials) == (Verdict.ACCEPTED, 60_000)
    assert on.metres is not None
    assert abs(on.metres - 1_500) < 60
    bus.follow(drive([(1_500.0, 0.0), (4_900.0, 0.0)], start_s=200, noise_m=2))
    off = bus.tap(again=True)
    assert (off.verdict, off.reason, off.fare_rials) == (Verdict.TAPPED_OUT, Reason.NONE, 40_000)


def test_who_steps_out_at_the_last_stop_has_ridden_to_it_though_the_road_has_begun_the_way_back() -> None:
    bus = Bus(Service("bus-1", 1, "9", 0), tariff=BY_DISTANCE)
    bus.follow(drive([(4_500.0, 0.0), (5_000.0, 0.0)], noise_m=2))
    bus.tap()
    bus.follow(drive([(5_000.0, 0.0), (6_000.0, 0.0)], start_s=150, noise_m=2))
    bus.wait(60)
    assert bus.line == ("9", 1)
    off = bus.tap(again=True)
    assert (off.verdict, off.fare_rials) == (Verdict.TAPPED_OUT, 20_000)
    bus.wait(300)
    assert bus.place.along(bus.now.mono_ms) == (None, None)  # five minutes later nobody of that trip is aboard


def test_a_jammed_place_counts_no_metres() -> None:
    bus = Bus(Service("bus-1", 1, "9", 0), tariff=BY_DISTANCE)
    bus.follow(drive([(500.0, 0.0), (1_500.0, 0.0)], noise_m=2))
    bus.tap()
    bus.follow(
        (replace(fix, lat_e6=35_416_000, lon_e6=51_152_000), now)
        for fix, now in drive([(1_500.0, 0.0), (4_900.0, 0.0)], start_s=101)
    )
    off = bus.tap(again=True)
    assert (off.verdict, off.reason, off.metres) == (Verdict.TAPPED_OUT, Reason.WAY_UNKNOWN, None)
    assert off.fare_rials == 20_000


def test_a_word_that_the_timetable_does_not_have_is_left_alone() -> None:
    told = Service("bus-1", 1, "special", 0, "t", "s")
    bus = Bus(told)
    bus.follow(drive([(3_200.0, 0.0), (6_000.0, 0.0)]))
    assert bus.door.service == told
    bus.place.replace(CHUNKS, number=2)
    bus.follow(drive([(6_000.0, 0.0), (4_000.0, 0.0)], start_s=281))
    assert bus.door.service == told


def test_a_word_that_comes_while_the_road_decides_is_not_overwritten() -> None:
    bus = Bus()
    before = bus.door.service
    bus.door.serve(replace(before, route="77", direction=0))
    assert not bus.door.move(before, replace(before, route="9"), fare_line="9")
    assert bus.line == ("77", 0)


def test_another_timetable_is_no_word_of_the_driver() -> None:
    bus = Bus()
    bus.follow(drive([(3_200.0, 0.0), (5_000.0, 0.0)]))
    assert bus.line == ("9", 0)
    bus.place.replace(cut_timetable([NINE]), number=2)
    bus.follow(drive([(5_000.0, 0.0), (3_200.0, 0.0)], start_s=181))
    assert (bus.line, bus.place.number) == (("9", 1), 2)


def test_without_a_timetable_the_place_is_recorded_and_the_line_is_what_was_told() -> None:
    bus = Bus(Service("bus-1", 1, "9", 1, None, "s"), chunks=())
    bus.follow(drive([(3_200.0, 0.0), (5_000.0, 0.0)]))
    tap = bus.tap()
    assert tap.service == Service("bus-1", 1, "9", 1, None, "s")
    assert tap.position is not None


# --- the timetable's way to the bus ---------------------------------------------------------------------------------------


class WithTimetable(Rig):
    """A card, a shop of chunks, and a place that wants the timetable."""

    def __init__(self, root: Path) -> None:
        self.bus = Bus(chunks=())
        self.bus.place.number = 0
        super().__init__(root)

    def start(self, manifest: Manifest, *, source: bool = True) -> Bundles:
        return Bundles(
            store=self.store, source=self.shop if source else None, trust=Trust(NEW.city, BUNDLE_KEY.verifying), in_force=manifest,
            on_force=self.came.append, timetable=self.bus.place,
        )  # fmt: skip

    def sell_lines(self, number: int, chunks: list[bytes], version: int) -> bytes:
        made = replace(NEW, number=number)
        self.sell(made)
        self.shop.chunks |= {name_chunk(data): data for data in chunks}
        return signed(made, Section("timetable", version, tuple(map(name_chunk, chunks))))


def test_a_timetable_comes_behind_its_bundle_and_one_line_more_costs_one_chunk(tmp_path: Path) -> None:
    rig = WithTimetable(tmp_path)
    rig.tell(rig.sell_lines(4, CHUNKS[:-1], 1))
    assert (len(rig.came), rig.bus.place.number) == (1, 1)
    asked = len(rig.shop.asked)
    rig.tell(rig.sell_lines(5, CHUNKS, 2), 1)
    assert (len(rig.shop.asked), rig.bus.place.number) == (asked + 1, 2)


def test_a_timetable_that_cannot_be_had_or_read_keeps_nothing_back(tmp_path: Path) -> None:
    rig = WithTimetable(tmp_path)
    manifest = rig.sell_lines(4, CHUNKS, 1)
    del rig.shop.chunks[name_chunk(CHUNKS[0])]
    rig.tell(manifest)
    assert (len(rig.came), rig.bus.place.number) == (1, 0)
    assert rig.bundles.problem is not None
    broken = rig.sell_lines(5, [b"\x00"], 2)
    rig.tell(broken, 1_000)
    assert (len(rig.came), rig.bus.place.number) == (2, 0)
    assert isinstance(rig.bundles.problem, Exception)
    rig.tell(rig.sell_lines(6, CHUNKS, 3), 2_000)
    assert (rig.bus.place.number, rig.bundles.problem) == (3, None)


# --- a whole validator --------------------------------------------------------------------------------------------------


@pytest.fixture
def gpsd() -> Iterator[FakeGpsd]:
    made = FakeGpsd()
    yield made
    made.close()


def test_a_validator_with_a_receiver(tmp_path: Path, gpsd: FakeGpsd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The office's timetable on its card, gpsd on a socket: its thread judges, its records say the place."""
    root, now = tmp_path / "city", datetime.now(UTC)
    create_city(root, name="isfahan", tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
    folder = add_device(
        root, device="bus-1-d1", vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=now, randomness=os.urandom
    )
    make_bundle(root, Changes(), now=now, timetable=CITY)
    settings = folder / "validator.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + f'\n[gnss]\nsource = "{gpsd.source}"\n', encoding="utf-8"
    )
    validator = Validator(load_config(settings), panel=SilentPanel(), sources={"f": FakeCamera([[]], live=False)})
    assert validator.place is not None
    validator.start()
    try:
        assert [pulse.name for pulse in validator.pulses()].count("gnss-bus-1-d1") == 1
        for number in range(8):
            lat, lon = place(1_000 + number, 0)
            gpsd.tell(Fix(0, lat, lon, 8, 9, 1.0, int(time.time() * 1000)))
            time.sleep(0.02)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = validator.place.position(validator.clock.read().mono_ms)
            if found is not None and found.doubt is Doubt.NONE and validator.place.number == 1:
                break
            time.sleep(0.02)
        assert found is not None
        assert (found.doubt, validator.place.number) == (Doubt.NONE, 1)
        assert "odometer" not in validator.problem()
        monkeypatch.setattr(Place, "wheels_fit", False)
        assert "the odometer does not turn" in validator.problem()
        monkeypatch.setattr(Place, "wheels_to_sky", 1.251)
        assert (
            "turns 1.25 times as far as the sky says — look at its wire; if it is whole, divide mm_per_pulse by 1.25"
            in validator.problem()
        )
        gpsd.close()
        while validator.place.problem is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "no position" in validator.problem()
    finally:
        validator.stop()


@pytest.mark.parametrize("source", ["gpsd:2947", "nmea:ttyS0:9600", "nmea:/dev/ttyS0:1", "usb", ""])
def test_a_receiver_is_named_rightly_or_refused(source: str) -> None:
    with pytest.raises(ValueError, match="source"):
        GnssConfig(source=source)


def test_the_selftest_says_what_the_receiver_tells(gpsd: FakeGpsd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "FIX_WAIT_S", 5.0)
    told = threading.Thread(target=lambda: gpsd.tell(Fix(0, *place(0, 0), 8, 9, 1.0, 1)))
    told.start()
    assert selftest._receiver(gpsd.source) == (selftest.Result.OK, "a fix, 9 satellites, accuracy 8 m", "")
    told.join()
    monkeypatch.setattr(selftest, "FIX_WAIT_S", 0.05)
    assert selftest._receiver(gpsd.source)[0] is selftest.Result.WARN
    gpsd.close()
    result, found, fix = selftest._receiver(gpsd.source)
    assert result is selftest.Result.WARN
    assert found
    assert fix
