"""The far door: it follows and obeys the near door's records (F1–F5, O1–O4), and the near terminal counts by its."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from edge.app.far_desk import FarDesk
from edge.app.following import Following
from edge.app.near_desk import NearDesk
from edge.app.obeying import Obeying
from edge.app.recall import HeldRecords
from edge.core.desk import DoorState, Duty, Seen
from edge.core.errors import DoorUnreached, JournalFailed, NotAnnullable
from edge.core.limits import (
    ANNUL_FOLLOWED_MS,
    ANNUL_WITHIN_MS,
    ANNULS_A_DAY_MAX,
    FOLLOWED_MS,
    FREE_RIDE_MS,
    FREE_RIDE_RENEWED_MS,
    RECALL_FIRST_RECORDS,
)
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.driver_records import Annulment, AnnulReason, FreeCause
from protocol.wire.records import ClockQuality, Record, Service, Tap, decode_record
from protocol.wire.standing import Watermark
from tests.edge.door import FARE, MemoryJournal, RememberingPanel, Rider, at, boarding

DUTY = Duty("4021", "20717-4021-1", "r91", 1)
OTHER = Duty("5007", "20717-5007-2", "r24", 0)


class Near:
    """The near door: acts go in, records come out."""

    def __init__(self, epoch: int = 11) -> None:
        self.journal = MemoryJournal(epoch)
        self.boarding = boarding(self.journal, RememberingPanel())
        self.boarding.begin(at())
        self.desk = NearDesk(self.boarding, lambda _: DoorState(0, "", online=False, healthy=True))
        self._told = 0

    def new(self) -> list[Record]:
        rows = [row for sequence, row in sorted(self.journal.rows.items()) if sequence > self._told]
        self._told = self.journal.head.sequence
        return [decode_record(row) for row in rows]


class Bus:
    """Both doors, and the rear one's `Following`."""

    def __init__(self) -> None:
        self.near, self.rear = Near(), Near()
        self.rear.boarding.serve(Service("bus-1", 2, "depot"))
        self.following = Following(self.rear.boarding)

    def carry(self, seconds: float = 0) -> None:
        self.following.records_came(self.near.new(), at(seconds))

    def rides(self, number: int, seconds: float = 0) -> Tap:
        now = at(seconds)
        self.rear.boarding.present(Rider(number).code(now), now, settled=True)
        tap = self.rear.new()[-1]
        assert isinstance(tap, Tap)
        return tap


def test_f1_shift_line_and_direction_are_followed_and_the_line_outlives_the_shift() -> None:
    bus = Bus()
    bus.near.desk.begin_shift(Duty(DUTY.driver, DUTY.shift), at())
    bus.near.desk.serve(DUTY, at())
    bus.carry()
    assert bus.rides(1).service == Service("bus-1", 2, "r91", 1, None, None, DUTY.shift)
    bus.near.desk.serve(replace(DUTY, direction=0), at())
    bus.carry()
    assert bus.rides(2).service.direction == 0
    bus.near.desk.end_shift(DUTY, at())
    bus.carry()
    assert bus.rides(3).service == Service("bus-1", 2, "r91", 0)


def test_f1_the_end_of_an_earlier_shift_ends_no_later_one_and_another_bus_says_nothing() -> None:
    bus = Bus()
    bus.near.desk.begin_shift(DUTY, at())
    ended = bus.near.new()
    bus.near.desk.end_shift(DUTY, at())
    late = bus.near.new()
    bus.near.desk.begin_shift(OTHER, at())
    bus.following.records_came([*ended, *bus.near.new(), *late], at())
    assert bus.rides(1).service.shift == OTHER.shift
    bus.near.boarding.serve(Service("bus-2", 1))
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.free_ride(DUTY, FreeCause.ORDER, at())
    bus.carry()
    tap = bus.rides(2)
    assert (tap.service.shift, tap.verdict) == (OTHER.shift, Verdict.ACCEPTED)


def test_f2_a_free_ride_begins_and_ends_with_its_records() -> None:
    bus = Bus()
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.free_ride(DUTY, FreeCause.READER_OUT, at())
    bus.carry()
    free = bus.rides(1)
    assert (free.verdict, free.reason, free.fare_rials) == (Verdict.BOARD_FREE, Reason.READER_OUT, 0)
    bus.near.desk.free_ride(DUTY, None, at())
    bus.carry()
    assert bus.rides(2).verdict is Verdict.ACCEPTED


def test_f2_a_free_ride_that_is_not_renewed_lapses_and_one_that_is_goes_on() -> None:
    bus = Bus()
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.free_ride(DUTY, FreeCause.READER_OUT, at())
    bus.carry()
    lasts_s = (FREE_RIDE_MS + FREE_RIDE_RENEWED_MS) / 1000
    bus.following.step(at(lasts_s - 0.001))
    assert bus.rides(1, lasts_s - 0.001).verdict is Verdict.BOARD_FREE
    bus.near.desk.free_ride(DUTY, FreeCause.READER_OUT, at(FREE_RIDE_MS / 1000))
    bus.carry(FREE_RIDE_MS / 1000)
    bus.following.step(at(lasts_s))
    assert bus.rides(2, lasts_s).verdict is Verdict.BOARD_FREE
    end_s = lasts_s + FREE_RIDE_MS / 1000
    bus.following.step(at(end_s))
    assert bus.rides(3, end_s).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(("quality", "followed"), [(ClockQuality.TRUSTED, False), (ClockQuality.UNTRUSTED, True)])
def test_f3_an_old_free_ride_is_history_where_clocks_can_say_so(quality: ClockQuality, followed: object) -> None:
    bus = Bus()
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.free_ride(DUTY, FreeCause.CROWD, at())
    bus.following.records_came(bus.near.new(), at(FREE_RIDE_MS / 1000 + 1, quality=quality))
    assert (bus.rear.boarding._door.free_ride is Reason.CROWD) is followed


def test_f3_what_was_told_longer_ago_than_anybody_drives_is_history() -> None:
    """A card that is filled anew is sent the near door's whole journal, from five weeks ago on."""
    bus = Bus()
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.serve(DUTY, at())
    told = bus.near.new()
    bus.following.records_came(told, at(FOLLOWED_MS / 1000 + 1))
    assert bus.rear.boarding.service.shift is None
    bus.following.records_came(told, at(FOLLOWED_MS / 1000))
    assert (bus.rear.boarding.service.shift, bus.rear.boarding.service.route) == (DUTY.shift, "r91")


class Copies:
    """What the rear door holds of the near one."""

    def __init__(self, near: Near) -> None:
        self._near, self.fails, self.rows = near, False, 0

    def held(self) -> list[Watermark]:
        if self.fails:
            raise JournalFailed("the card does not answer")
        head = self._near.journal.head
        return [Watermark(head.epoch, head.sequence, head.hash)] if head.sequence > 1 else []

    def oldest(self, _epoch: int) -> int:
        return 1

    def read(self, _epoch: int, first: int, most: int, most_bytes: int) -> object:
        rows = self._near.journal.read(first, most, most_bytes)
        self.rows += len(rows)
        return rows

    def far(self) -> Iterator[Record]:
        """As the validator reads it."""
        return HeldRecords(self._near.journal, self).far()  # type: ignore[arg-type]


def test_f4_after_a_start_the_copies_say_where_the_other_door_stood() -> None:
    bus = Bus()
    copies = Copies(bus.near)
    bus.following.recall(copies.far(), at())
    assert bus.rides(1).service.shift is None
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.serve(DUTY, at())
    copies.fails = True
    bus.following.recall(copies.far(), at())
    assert bus.rides(2).service.shift is None
    copies.fails = False
    bus.following.recall(copies.far(), at())
    assert (bus.rides(3).service.shift, bus.rides(4).service.route) == (DUTY.shift, "r91")


@pytest.mark.parametrize(("quality", "followed"), [(ClockQuality.TRUSTED, True), (ClockQuality.UNTRUSTED, False)])
def test_f4_a_free_ride_is_taken_up_only_where_clocks_say_that_it_lasts(
    quality: ClockQuality, followed: object
) -> None:
    bus = Bus()
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.free_ride(DUTY, FreeCause.CROWD, at())
    bus.following.recall(Copies(bus.near).far(), at(60, quality=quality))
    assert bus.rear.boarding.service.shift == DUTY.shift
    assert (bus.rear.boarding._door.free_ride is Reason.CROWD) is followed


@pytest.mark.parametrize(
    ("then", "now", "followed"),
    [
        (ClockQuality.TRUSTED, ClockQuality.TRUSTED, True),
        (ClockQuality.TRUSTED, ClockQuality.UNTRUSTED, False),
        (ClockQuality.UNTRUSTED, ClockQuality.TRUSTED, False),
    ],
)
def test_f5_a_shift_of_the_card_before_is_followed_only_where_clocks_say_how_old_it_is(
    then: ClockQuality, now: ClockQuality, *, followed: bool
) -> None:
    bus, before = Bus(), Near(10)
    before.desk.begin_shift(DUTY, at(quality=then))
    before.desk.serve(DUTY, at(quality=then))
    bus.following.recall([*bus.near.new()[::-1], *before.new()[::-1]], at(1, quality=now))
    assert (bus.rear.boarding.service.shift == DUTY.shift) is followed
    bus.near.desk.begin_shift(OTHER, at(quality=then))
    bus.following.recall([*bus.near.new()[::-1], *before.new()[::-1]], at(1, quality=now))
    assert bus.rear.boarding.service.shift == OTHER.shift


def test_f4_the_shift_is_found_behind_a_busy_day_and_its_line_behind_its_end() -> None:
    bus = Bus()
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.serve(DUTY, at())
    for rider in range(1, 1_200):
        now = at()
        bus.near.boarding.present(Rider(rider).code(now), now, settled=True)
    bus.following.recall(Copies(bus.near).far(), at(1))
    assert (bus.rear.boarding.service.shift, bus.rear.boarding.service.route) == (DUTY.shift, "r91")
    bus.near.desk.end_shift(DUTY, at(2))
    other = Bus()
    other.following.recall(Copies(bus.near).far(), at(3))
    assert (other.rear.boarding.service.shift, other.rear.boarding.service.route) == (None, "r91")


def taps(bus: Bus, count: int, seconds: float = 0, *, first: int = 1) -> None:
    for rider in range(first, first + count):
        bus.near.boarding.present(Rider(rider).code(at(seconds)), at(seconds), settled=True)


@pytest.mark.parametrize("line", ["r9", None])
def test_f5_a_bus_that_uses_no_terminal_reads_one_small_page_at_a_start(line: str | None) -> None:
    bus = Bus()
    copies = Copies(bus.near)
    bus.near.boarding.serve(Service("bus-1", 1, line))
    bus.rear.boarding.serve(Service("bus-1", 2, "r9"))
    taps(bus, 700)
    bus.following.recall(copies.far(), at(1, quality=ClockQuality.UNTRUSTED))
    assert copies.rows == RECALL_FIRST_RECORDS


@pytest.mark.parametrize(("quality", "more"), [(ClockQuality.TRUSTED, False), (ClockQuality.UNTRUSTED, True)])
def test_f5_nothing_is_read_from_before_what_would_be_history(quality: ClockQuality, *, more: bool) -> None:
    bus = Bus()
    copies = Copies(bus.near)
    taps(bus, 600)  # on a line that the rear door does not serve: a driver may have named it
    taps(bus, 5, FOLLOWED_MS / 1000, first=601)
    bus.following.recall(copies.far(), at(FOLLOWED_MS / 1000 + 61, quality=quality))
    assert (copies.rows > RECALL_FIRST_RECORDS) is more


def test_f5_the_line_that_an_ended_shift_left_is_found_behind_those_who_boarded_since() -> None:
    bus = Bus()
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.serve(DUTY, at())
    bus.near.desk.end_shift(DUTY, at(1))
    taps(bus, 40, 2)
    bus.following.recall(Copies(bus.near).far(), at(3))
    assert (bus.rear.boarding.service.shift, bus.rear.boarding.service.route) == (None, "r91")


def test_f5_a_free_ride_is_found_before_the_line_was_named_anew_and_no_further_back_than_it_may_last() -> None:
    bus = Bus()
    copies = Copies(bus.near)
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.free_ride(DUTY, FreeCause.CROWD, at())
    taps(bus, 40, 1)
    bus.near.desk.serve(DUTY, at(2))
    bus.following.recall(copies.far(), at(3))
    assert bus.rear.boarding._door.free_ride is Reason.CROWD
    copies.rows = 0
    other = Bus()
    other.following.recall(copies.far(), at(FREE_RIDE_MS / 1000 + 63))
    assert (other.rear.boarding.service.route, other.rear.boarding._door.free_ride) == ("r91", Reason.NONE)
    assert copies.rows == RECALL_FIRST_RECORDS


def far(bus: Bus, *, follows: bool = True) -> tuple[FarDesk, list[Seen], list[int]]:
    seen: list[Seen] = []
    back: list[int] = []
    state = DoorState(0, "", online=False, healthy=True, follows=follows)
    return FarDesk(2, bus.near.boarding, lambda _: state, seen.append, back.append), seen, back


def test_the_terminal_counts_the_far_door_by_its_records_of_this_shift() -> None:
    bus = Bus()
    desk, seen, _ = far(bus)
    bus.rides(1)
    desk.begin_shift(DUTY, at())
    bus.near.desk.begin_shift(DUTY, at())
    bus.near.desk.serve(DUTY, at())
    before = bus.rides(2)  # not followed yet: under no shift
    bus.carry()
    during = bus.rides(3)
    again = bus.rides(3, 1)
    other = replace(during, service=replace(during.service, shift=OTHER.shift))
    desk.records_came([before, during, again, other], at(5))
    assert [(it.door, it.verdict, it.fare_rials, it.persons) for it in seen] == [
        (2, Verdict.ACCEPTED, FARE, 1), (2, Verdict.COPIED, 0, 0) if again.verdict is Verdict.COPIED
        else (2, Verdict.ALREADY_PAID, 0, 0),
    ]  # fmt: skip
    assert seen[0].sequence == during.link.sequence
    assert seen[0].at.mono_ms == at().mono_ms, "what came late is dated as it happened"
    desk.end_shift(DUTY, at())
    desk.records_came([during], at(6))
    assert len(seen) == 2


class Ordered(Bus):
    """A bus in a shift, one paid boarding at its rear door, and the near terminal's desk for that door."""

    def __init__(self) -> None:
        super().__init__()
        self.desk, self.seen, self.back = far(self)
        self.obeying = Obeying(self.rear.boarding, self.rear.journal)
        self.desk.begin_shift(DUTY, at())
        self.near.desk.begin_shift(DUTY, at())
        self.carry()
        self.paid = self.rides(1)
        self.desk.records_came([self.paid], at())

    def order(self, sequence: int | None = None, seconds: float = 0, duty: Duty = DUTY) -> list[Record]:
        """The driver takes a boarding back → what the rear door wrote for it."""
        assert not self.desk.annul(duty, sequence or self.paid.link.sequence, AnnulReason.LEFT_BUS, at())
        self.obeying.records_came(self.near.new(), at(seconds))
        answered = self.rear.new()
        self.desk.records_came(answered, at(seconds))
        return answered


def test_a_boarding_of_the_far_door_is_taken_back_by_its_own_annulment() -> None:
    bus = Ordered()
    (answer,) = bus.order()
    assert isinstance(answer, Annulment)
    assert (answer.tap, answer.reason, answer.shift) == (bus.paid.link.sequence, AnnulReason.LEFT_BUS, DUTY.shift)
    assert answer.link.device == bus.paid.link.device
    assert bus.back == [bus.paid.link.sequence]
    assert bus.order() == [], "once, whoever asks again"
    bus.desk.end_shift(DUTY, at())
    bus.desk.records_came([answer], at())
    assert bus.back == [bus.paid.link.sequence] * 2, "an answer that comes behind the shift's end counts"
    bus.desk.begin_shift(OTHER, at())
    bus.desk.records_came([answer], at())
    assert len(bus.back) == 2


def test_o1_only_a_paid_boarding_of_the_orders_shift_and_of_this_journal() -> None:
    bus = Ordered()
    again = bus.rides(1, 20)
    assert again.fare_rials == 0
    bus.desk.records_came([again], at(20))
    assert bus.order(again.link.sequence) == []
    assert bus.order(duty=OTHER) == []
    bus.near.boarding.serve(Service("bus-2", 1))
    assert bus.order() == [], "another bus's driver"
    bus.near.boarding.serve(Service("bus-1", 1))
    bus.desk.records_came([replace(bus.paid, link=replace(bus.paid.link, epoch=99))], at())
    assert bus.order() == [], "a sequence of another journal"
    bus.desk.records_came([bus.paid], at())
    assert len(bus.order()) == 1


def test_o2_what_the_office_would_refuse_is_not_written() -> None:
    most_s = (ANNUL_WITHIN_MS + ANNUL_FOLLOWED_MS) / 1000
    assert Ordered().order(seconds=most_s + 1) == []
    assert len(Ordered().order(seconds=most_s)) == 1


def test_o1_an_order_for_what_is_not_remembered_reads_no_journal() -> None:
    """The sender chooses the sequence: walking back to it would keep the sync thread until the watchdog ends it."""

    class Unread:
        head = property(lambda _: bus.rear.journal.head)

    bus = Ordered()
    bus.desk.records_came([replace(bus.paid, link=replace(bus.paid.link, sequence=1))], at())
    bus.obeying = Obeying(bus.rear.boarding, Unread())  # type: ignore[arg-type]
    assert bus.order(1) == []
    with pytest.raises(AttributeError):
        bus.order()


def test_o4_of_a_shift_no_more_are_taken_back_than_a_terminal_may_ask_for() -> None:
    bus = Ordered()
    paid = [bus.paid, *(bus.rides(rider) for rider in range(2, ANNULS_A_DAY_MAX + 2))]
    bus.desk.records_came(paid[1:], at())
    answers = [bus.order(it.link.sequence) for it in paid]
    assert [len(one) for one in answers] == [1] * ANNULS_A_DAY_MAX + [0]


def test_o3_a_card_that_does_not_write_answers_nothing_and_may_be_asked_again() -> None:
    bus = Ordered()
    bus.rear.journal.fails = JournalFailed("the card does not write")
    assert bus.order() == []
    bus.rear.journal.fails = None
    assert len(bus.order()) == 1


def test_a_door_that_is_not_heard_is_not_asked() -> None:
    bus = Ordered()
    written = bus.near.journal.head.sequence
    desk, _, _ = far(bus, follows=False)
    desk.begin_shift(DUTY, at())
    with pytest.raises(NotAnnullable):
        desk.annul(DUTY, 3, AnnulReason.TWICE, at())
    desk.records_came([bus.paid], at())
    with pytest.raises(DoorUnreached):
        desk.annul(DUTY, bus.paid.link.sequence, AnnulReason.TWICE, at())
    assert bus.near.journal.head.sequence == written
