"""A shift survives its process (T1–T6): a terminal built anew over the same journals says what the one before said."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.app.config import TerminalConfig
from edge.app.following import Following
from edge.app.obeying import Obeying
from edge.app.recall import newest_first, open_shift, under
from edge.app.served_terminal import ServedTerminal
from edge.core import limits
from edge.core.errors import JournalFailed, TooLateToAnnul
from edge.core.onboard import View
from edge.core.shift import Stage
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from protocol.wire.records import ClockQuality, Instant, Record, Service, Tap, decode_record
from protocol.wire.sister import DoorCondition
from protocol.wire.staff import make_row
from tests.edge.door import MemoryJournal, RememberingPanel, Rider, at, boarding

STAFF = (make_row("4021", "1234", bytes(16)), make_row("5007", "2580", bytes(16)))


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.now = at()

    def read(self) -> Instant:
        return self.now

    def on(self, seconds: int) -> None:
        ms = seconds * 1000
        self.now = replace(self.now, wall_ms=self.now.wall_ms + ms, mono_ms=self.now.mono_ms + ms)


class Run:
    """One run of the near door's process, and the rear door, which outlives it."""

    def __init__(self, pages: Path, clock: Hand, near: MemoryJournal, rear: MemoryJournal) -> None:
        self.clock, self.journal, self.rear_journal = clock, near, rear
        self.boarding = boarding(near, RememberingPanel(), staff=STAFF)
        self.boarding.begin(clock.now)
        self.rear = boarding(rear, RememberingPanel())
        self.rear.begin(clock.now)
        self.rear.serve(Service("bus-1", 2, "r9", 0))
        self._following, self._told, self._copied = Following(self.rear), 0, rear.head.sequence
        self._obeying = Obeying(self.rear, rear)
        validator: Any = SimpleNamespace(
            clock=clock, boarding=self.boarding, linked=True, online=False, backlog=0, courier_backlog=0,
            condition=lambda: DoorCondition(reads=True), place=None, lines={},
            held=SimpleNamespace(own=self.own, far=self.far), on_far_records=[], far_condition=None,
            hooks=SimpleNamespace(), speed_kmh=lambda _: None,
        )  # fmt: skip
        lines = [{"route": "r9", "towards_fa": ["الف", "ب"], "towards_en": ["A", "B"]}]
        config = TerminalConfig.model_validate(
            {"pages": pages, "complaint_number": "137", "far_door": 2, "line": lines, "port": 0}
        )
        self.served = ServedTerminal(config, validator, bytes)
        self.terminal = self.served.terminal
        validator.hooks.before_looking(clock.now)
        self._validator = validator
        self.carry()

    def own(self) -> Iterator[Record]:
        return newest_first(self.journal.read, self.journal.signed)

    def far(self) -> Iterator[Record]:
        return newest_first(self.rear_journal.read, self._copied)

    def carry(self) -> None:
        """What is new at each door reaches the other."""
        told = [decode_record(self.journal.rows[n]) for n in sorted(self.journal.rows) if n > self._told]
        self._told = self.journal.head.sequence
        self._following.records_came(told, self.clock.now)
        self._obeying.records_came(told, self.clock.now)
        came = [decode_record(self.rear_journal.rows[n]) for n in sorted(self.rear_journal.rows) if n > self._copied]
        self._copied = self.rear_journal.head.sequence
        for told in self._validator.on_far_records:
            told(came, self.clock.now)

    def rides(self, rider: int, *, door: int = 1, party: int = 0, counter: int = 1) -> None:
        now = self.clock.now
        code = Rider(rider).code(now, party=party, counter=counter)
        outcome = (self.boarding if door == 1 else self.rear).present(code, now, settled=True)
        if door == 1 and outcome is not None and not outcome.again:
            self.served.answered(outcome, now)
        self.carry()

    def view(self) -> View:
        """What does not depend on which page asks, nor on the number of changes."""
        return replace(self.terminal.view("", self.clock.now), number=0)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    (made / "index.html").write_text("<!doctype html>")
    return made


def driving(pages: Path) -> tuple[Run, str]:
    run = Run(pages, Hand(), MemoryJournal(), MemoryJournal(12))
    token = run.terminal.sign_in("4021", "1234", run.clock.now)
    run.terminal.serve(token, "r9", 1, run.clock.now)
    run.carry()
    return run, token


def again(pages: Path, before: Run) -> Run:
    """The process was killed: all that is left is what the journals hold."""
    return Run(pages, before.clock, before.journal, before.rear_journal)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("rides"), st.integers(1, 9), st.sampled_from([1, 2]), st.integers(0, 3)),
        st.tuples(st.just("proxy"), st.integers(0, 2)),
        st.tuples(st.just("annul"), st.integers(0, 4)),
        st.tuples(st.just("free"), st.sampled_from(FreeCause)),
        st.tuples(st.just("line"), st.integers(0, 1)),
        st.tuples(st.just("event")),
        st.tuples(st.just("wait"), st.integers(1, 200)),
    ),
    max_size=25,
)


def act(run: Run, token: str, what: Any, counter: int) -> None:
    now = run.clock.now
    free = run.view().free_ride
    match what:
        case "rides", rider, door, party:
            run.rides(rider, door=door, party=party, counter=counter)
        case "proxy", companions:
            if free is None:
                run.terminal.proxy(token, companions, now)
        case "annul", which:
            found = [it for it in run.view().last if it.annullable]
            if found:
                seen = found[which % len(found)]
                run.terminal.annul(token, seen.door, seen.sequence or 0, AnnulReason.TWICE, now)
        case "free", cause:
            run.terminal.free_ride(token, cause if free is None else None, now)
        case "line", direction:
            run.terminal.serve(token, "r9", direction, now)
        case ("event",):
            run.terminal.report(token, EventKind.SOS, now)
        case "wait", seconds:
            run.clock.on(seconds)
            run.terminal.step(run.clock.now)
    run.carry()
    run.clock.on(1)  # what two doors answered in one moment has no order


@settings(max_examples=60, deadline=None)
@given(acts=ACTS)
def test_a_terminal_built_anew_says_what_the_one_before_said(pages: Path, acts: list[Any]) -> None:
    run, token = driving(pages)
    for counter, what in enumerate(acts, start=1):
        act(run, token, what, counter)
    said, behaves = run.view(), (run.boarding.service, run.boarding._door.free_ride)
    after = again(pages, run)
    assert after.view() == said
    assert (after.boarding.service, after.boarding._door.free_ride) == behaves


def test_the_driver_comes_back_and_the_total_goes_on(pages: Path) -> None:
    run, _ = driving(pages)
    run.rides(1)
    run.rides(2, door=2)
    run.boarding.proxy(0, run.clock.now)  # durable, and killed before anybody counted it
    after = again(pages, run)
    after.rides(3)
    after.rides(4, door=2)
    token = after.terminal.sign_in("4021", "1234", after.clock.now)
    after.terminal.end(token, after.clock.now)
    after.carry()
    shift = after.view().shift
    assert shift is not None
    taps = [
        it for journal in (run.journal, run.rear_journal) for it in map(decode_record, journal.rows.values())
        if isinstance(it, Tap) and it.service.shift == shift.shift
    ]  # fmt: skip
    assert len(taps) == 5
    assert (shift.boarded, shift.charged_rials) == (5, sum(it.fare_rials for it in taps))
    assert shift.proxies == 1
    last = again(pages, after)
    assert last.view().stage is Stage.SIGNED_OUT
    assert last.boarding.service.shift is None


def test_the_bounds_of_a_shift_outlive_the_process(pages: Path) -> None:
    run, token = driving(pages)
    for rider in range(1, limits.ANNULS_A_DAY_MAX + 2):
        run.rides(rider)
        if rider <= limits.ANNULS_A_DAY_MAX:
            run.terminal.annul(token, 1, run.view().last[0].sequence or 0, AnnulReason.LEFT_BUS, run.clock.now)
    after = again(pages, run)
    shift = after.view().shift
    assert shift is not None
    assert (shift.annuls_left, shift.boarded) == (0, 1)
    assert not any(it.annullable for it in after.view().last)


def test_s5_a_second_shift_of_the_day_takes_back_what_the_first_left(pages: Path) -> None:
    """The office takes so many by a driver a day: a sixth in a second shift would have made its rider pay twice."""
    run, token = driving(pages)
    for rider in (1, 2, 3):
        run.rides(rider)
        run.terminal.annul(token, 1, run.view().last[0].sequence or 0, AnnulReason.LEFT_BUS, run.clock.now)
    run.rides(4, door=2)
    run.terminal.annul(token, 2, run.view().last[0].sequence or 0, AnnulReason.LEFT_BUS, run.clock.now)
    run.carry()
    run.terminal.end(token, run.clock.now)
    run.terminal.leave(token, run.clock.now)
    left: list[int] = []
    for after in (run, again(pages, run)):  # the ignition is off between the two, or is not
        after.terminal._randomness = lambda count: bytes([len(left) + 1]) * count
        for driver, pin in (("4021", "1234"), ("5007", "2580")):
            after.terminal.sign_in(driver, pin, after.clock.now)
            shift = after.view().shift
            assert shift is not None
            left.append(shift.annuls_left)
    assert left == [1, 5, 1, 5]
    after.clock.on(24 * 3600)
    after.terminal._randomness = lambda count: bytes([9]) * count
    after.terminal.sign_in("4021", "1234", after.clock.now)
    shift = after.view().shift
    assert shift is not None
    assert shift.annuls_left == 5, "another day"


def test_t3_what_no_clock_can_date_is_taken_back_by_nobody(pages: Path) -> None:
    run, _ = driving(pages)
    run.rides(1)
    run.clock.now = replace(run.clock.now, quality=ClockQuality.UNTRUSTED)
    after = again(pages, run)
    token = after.terminal.sign_in("4021", "1234", after.clock.now)
    with pytest.raises(TooLateToAnnul):
        after.terminal.annul(token, 1, after.view().last[0].sequence or 0, AnnulReason.TWICE, after.clock.now)


def test_t4_a_free_ride_that_is_over_is_ended_with_its_record(pages: Path) -> None:
    run, token = driving(pages)
    run.terminal.free_ride(token, FreeCause.CROWD, run.clock.now)
    run.clock.now = at(limits.FREE_RIDE_MS / 1000)
    after = again(pages, run)
    after.rides(1)
    assert after.view().last[0].verdict == Verdict.ACCEPTED, "nobody rides free by an order that is over"
    after.terminal.step(after.clock.now)
    after.carry()
    assert after.view().free_ride is None
    assert after.rear._door.free_ride is Reason.NONE
    assert again(pages, after).view().free_ride is None


def test_t4_without_a_clock_a_restart_makes_no_new_minutes(pages: Path) -> None:
    """An ignition that is turned every nine minutes would carry for nothing for hours, by one record."""
    run, token = driving(pages)
    run.terminal.free_ride(token, FreeCause.CROWD, run.clock.now)
    run.clock.now = replace(run.clock.now, quality=ClockQuality.UNTRUSTED)
    after = again(pages, run)
    after.rides(1)
    assert after.view().last[0].verdict != Verdict.BOARD_FREE
    after.terminal.step(after.clock.now)
    assert after.view().free_ride is None


def test_t4_a_free_ride_that_is_renewed_keeps_its_beginning(pages: Path) -> None:
    run, token = driving(pages)
    run.terminal.free_ride(token, FreeCause.READER_OUT, run.clock.now)
    since = run.clock.now.wall_ms
    run._validator.condition = lambda: DoorCondition(reads=False)
    run.clock.now = at(limits.FREE_RIDE_MS / 1000)
    run.terminal.step(run.clock.now)
    free = again(pages, run).view().free_ride
    assert free is not None
    assert (free.since_ms, free.lapses_in_ms) == (since, limits.FREE_RIDE_MS)


def test_t5_a_trip_that_ended_before_the_kill_is_not_driven_again(pages: Path) -> None:
    run, _ = driving(pages)
    told = run.boarding.service
    run.boarding.move(told, replace(told, direction=0), fare_line="r9")
    run.rides(1)
    assert again(pages, run).boarding.service.direction == 0
    told = run.boarding.service
    run.boarding.move(told, replace(told, route="r10", direction=0), fare_line=None)
    run.rides(2)
    after = again(pages, run).boarding.service
    assert (after.route, after.direction) == ("r9", 1), "what only the road said is no word of the driver"


def test_t1_a_shift_that_began_too_long_ago_is_not_taken_up(pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = driving(pages)
    for rider in range(1, 8):
        run.rides(rider)
    monkeypatch.setattr("edge.app.recall.RECALL_FIRST_RECORDS", 1)
    monkeypatch.setattr("edge.app.recall.RECALL_PAGE_RECORDS", 3)
    assert len(list(run.own())) == run.journal.head.sequence
    assert open_shift(run.own(), "bus-1") is not None
    assert open_shift(run.own(), "bus-2") is None
    monkeypatch.setattr("edge.app.recall.RECALL_RECORDS_MAX", 8)
    assert len(list(run.own())) == 8
    assert again(pages, run).view().stage is Stage.SIGNED_OUT


def test_t1_a_bus_that_uses_no_terminal_is_not_read_to_its_beginning(pages: Path) -> None:
    run = Run(pages, Hand(), MemoryJournal(), MemoryJournal(12))
    read: list[Record] = []
    for rider in range(1, 21):
        run.rides(rider)

    def counted() -> Iterator[Record]:
        for record in run.own():
            read.append(record)
            yield record

    assert open_shift(counted(), "bus-1") is None
    assert len(read) == limits.RECALL_STRAYS_MAX + 1


def test_t2_of_the_other_door_nothing_is_read_from_before_the_shift(pages: Path) -> None:
    run = Run(pages, Hand(), MemoryJournal(), MemoryJournal(12))
    for rider in range(1, 6):
        run.rides(rider, door=2)
    run.clock.on(120)
    token = run.terminal.sign_in("4021", "1234", run.clock.now)
    run.terminal.serve(token, "r9", 1, run.clock.now)
    run.carry()
    run.rides(7, door=2)
    read: list[Record] = []

    def counted() -> Iterator[Record]:
        for record in run.far():
            read.append(record)
            yield record

    shift = run.view().shift
    found = open_shift(run.own(), "bus-1")
    assert shift is not None
    assert found is not None
    taps, _ = under(counted(), shift.shift, found.since)
    assert ([tap.service.shift for tap in taps], len(read)) == ([shift.shift], 2)
    read.clear()
    under(counted(), shift.shift, replace(found.since, quality=ClockQuality.UNTRUSTED))
    assert len(read) > 2, "a clock that nobody trusts ends nothing"


def test_a_card_that_does_not_answer_keeps_nobody_from_boarding(pages: Path) -> None:
    run, _ = driving(pages)
    run.rides(1)

    class Dead(MemoryJournal):
        def read(self, first: int, most: int, most_bytes: int) -> Any:
            raise JournalFailed("the card does not answer")

    dead = Dead()
    dead.__dict__.update(run.journal.__dict__)
    after = Run(pages, run.clock, dead, run.rear_journal)
    assert after.view().stage is Stage.SIGNED_OUT
    after.rides(2)
    assert after.journal.head.sequence > 0
