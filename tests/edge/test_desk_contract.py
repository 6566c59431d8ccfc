"""What every `Desk` promises: the practice door, and the real one over a journal."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from edge.app.near_desk import NearDesk, fare_rials
from edge.core.desk import Desk, DoorState, Duty, Seen
from edge.core.errors import JournalFailed
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.driver_records import Annulment, AnnulReason, Event, EventKind, FreeCause, Shift, ShiftStep
from protocol.wire.records import CodeKind, Tap, decode_record
from simulators.practice import FARE_RIALS, PracticeDesk
from tests.edge.door import FARE, MemoryJournal, RememberingPanel, Rider, at, boarding

DUTY = Duty("4021", "20717-4021-1", "r9", 1)


@dataclass
class Case:
    """A desk, and how somebody boards at its door."""

    desk: Desk
    rider: Callable[[], Seen]
    fare: int


def practice() -> Case:
    desk = PracticeDesk(1)
    return Case(desk, lambda: desk.rider(Verdict.ACCEPTED, 1, at()), FARE_RIALS)


class Real:
    """A desk over a boarding in memory, its records at hand."""

    def __init__(self) -> None:
        self.journal, self.panel = MemoryJournal(), RememberingPanel()
        self.boarding = boarding(self.journal, self.panel)
        self.boarding.begin(at())
        self.desk = NearDesk(self.boarding, lambda _: DoorState(0, "", online=False, healthy=True))
        self._riders = 0

    def rider(self, party: int = 0, number: int | None = None, counter: int = 1) -> Seen:
        self._riders += 1
        rider = Rider(number or self._riders)
        outcome = self.boarding.present(rider.code(at(), party=party, counter=counter), at(), settled=True)
        assert outcome is not None
        return self.desk.seen(outcome, at())

    def records(self) -> list[object]:
        return [decode_record(self.journal.rows[sequence]) for sequence in sorted(self.journal.rows)]


def real() -> Case:
    it = Real()
    return Case(it.desk, it.rider, FARE)


@pytest.fixture(params=[practice, real])
def case(request: pytest.FixtureRequest) -> Case:
    return request.param()


def test_a_shift_at_any_door(case: Case) -> None:
    desk, now = case.desk, at()
    desk.begin_shift(DUTY, now)
    desk.serve(DUTY, now)
    paid = case.rider()
    assert (paid.verdict, paid.fare_rials, paid.persons, paid.proxy) == (Verdict.ACCEPTED, case.fare, 1, False)
    assert paid.sequence is not None
    assert paid.door == desk.door == 1
    by_float = desk.proxy(DUTY, 2, now)
    assert (by_float.verdict, by_float.reason, by_float.persons) == (Verdict.ACCEPTED, Reason.PROXY, 3)
    assert by_float.fare_rials == 3 * case.fare
    assert by_float.proxy
    assert by_float.sequence is not None
    assert by_float.sequence > paid.sequence
    desk.annul(DUTY, paid.sequence, AnnulReason.LEFT_BUS, now)
    desk.event(DUTY, EventKind.ILLNESS, now)
    desk.event(None, EventKind.SOS, now)
    desk.end_shift(DUTY, now)


@pytest.mark.parametrize("cause", FreeCause)
def test_a_free_ride_holds_from_the_next_tap_to_its_end(case: Case, cause: FreeCause) -> None:
    case.desk.begin_shift(DUTY, at())
    case.desk.free_ride(DUTY, cause, at())
    free = case.rider()
    assert (free.verdict, free.fare_rials, free.persons) == (Verdict.BOARD_FREE, 0, 1)
    case.desk.free_ride(DUTY, None, at())
    assert case.rider().verdict is Verdict.ACCEPTED


def test_a_driver_without_a_line_begins_and_ends(case: Case) -> None:
    nowhere = Duty("4021", "20717-4021-2")
    case.desk.begin_shift(nowhere, at())
    case.desk.end_shift(nowhere, at())


# --- the real one: what stands in the journal -------------------------------------------------------------------------


def test_every_act_is_a_record_and_taps_name_shift_and_line() -> None:
    it = Real()
    it.desk.begin_shift(Duty(DUTY.driver, DUTY.shift), at())
    it.desk.serve(DUTY, at())
    paid = it.rider()
    it.desk.free_ride(DUTY, FreeCause.CROWD, at())
    it.desk.free_ride(DUTY, None, at())
    proxied = it.desk.proxy(DUTY, 0, at())
    assert paid.sequence is not None
    it.desk.annul(DUTY, paid.sequence, AnnulReason.TWICE, at())
    it.desk.event(DUTY, EventKind.SOS, at())
    it.desk.end_shift(DUTY, at())
    it.rider()
    found = [record for record in it.records() if isinstance(record, Shift | Annulment | Event | Tap)]
    begin, line, tap, free, fares, proxy, annulled, sos, end, after = found
    assert isinstance(begin, Shift)
    assert (begin.step, begin.route, begin.driver, begin.shift) == (ShiftStep.BEGIN, None, "4021", DUTY.shift)
    assert isinstance(line, Shift)
    assert (line.step, line.route, line.direction, line.vehicle) == (ShiftStep.LINE, "r9", 1, "bus-1")
    assert isinstance(tap, Tap)
    assert (tap.service.shift, tap.service.route, tap.service.direction) == (DUTY.shift, "r9", 1)
    assert isinstance(free, Event)
    assert isinstance(fares, Event)
    assert (free.what, free.cause, free.shift) == (EventKind.FREE_RIDE, FreeCause.CROWD, DUTY.shift)
    assert (fares.what, fares.cause) == (EventKind.FARES_AGAIN, None)
    assert isinstance(proxy, Tap)
    assert (proxy.code_kind, proxy.link.sequence, proxy.service.shift) == (CodeKind.PROXY, proxied.sequence, DUTY.shift)
    assert isinstance(annulled, Annulment)
    assert (annulled.tap, annulled.reason, annulled.shift) == (paid.sequence, AnnulReason.TWICE, DUTY.shift)
    assert isinstance(sos, Event)
    assert (sos.what, sos.shift) == (EventKind.SOS, DUTY.shift)
    assert isinstance(end, Shift)
    assert end.step is ShiftStep.END
    assert isinstance(after, Tap)
    assert after.service.shift is None


def test_companions_who_come_later_are_counted_alone() -> None:
    it = Real()
    it.rider(party=0, number=7, counter=1)
    more = it.rider(party=2, number=7, counter=2)
    assert (more.verdict, more.fare_rials, more.persons) == (Verdict.PARTY_EXTENDED, 2 * FARE, 2)
    again = it.rider(party=2, number=7, counter=3)
    assert (again.verdict, again.persons) == (Verdict.ALREADY_PAID, 0)


@pytest.mark.parametrize("act", ["begin_shift", "serve", "end_shift", "free_ride", "annul", "event", "proxy"])
def test_what_is_not_written_has_not_happened(act: str) -> None:
    it = Real()
    it.desk.begin_shift(DUTY, at())
    it.rider()
    before, rows = it.boarding.service, dict(it.journal.rows)
    it.journal.fails = JournalFailed("the card does not write", fix="take it to the workshop")
    other = Duty("5007", "20717-5007-9", "r1", 0)
    with pytest.raises(JournalFailed):
        {
            "begin_shift": lambda: it.desk.begin_shift(other, at()),
            "serve": lambda: it.desk.serve(other, at()),
            "end_shift": lambda: it.desk.end_shift(DUTY, at()),
            "free_ride": lambda: it.desk.free_ride(DUTY, FreeCause.CROWD, at()),
            "annul": lambda: it.desk.annul(DUTY, 3, AnnulReason.TWICE, at()),
            "event": lambda: it.desk.event(DUTY, EventKind.SOS, at()),
            "proxy": lambda: it.desk.proxy(DUTY, 0, at()),
        }[act]()
    assert it.boarding.service == before
    assert it.journal.rows == rows
    it.journal.fails = None
    assert it.rider().verdict is Verdict.ACCEPTED, "nobody rides free by an order that was not written"


def test_what_a_float_would_pay_is_what_it_pays() -> None:
    it = Real()
    for persons in (1, 2, 6):
        assert fare_rials(it.boarding, persons, at()) == it.desk.proxy(DUTY, persons - 1, at()).fare_rials
