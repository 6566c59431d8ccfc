"""Tap-out at the door: who leaves, what the ride then costs, and what of it the other door knows."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.journal_schema import pack_window, unpack_window
from edge.core.accepted import UNKNOWN_MS, RecordId
from edge.core.asked import Decision
from protocol import limits
from protocol.fares.policies import BoardFree, Cause, Policies
from protocol.fares.tariff import Band, LineFare, Tariff
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.wire.passes import Presentation
from protocol.wire.records import ClockQuality, Tap, decode_record
from protocol.wire.sister import Along
from tests.edge.door import FARE, NOON_MS, Rider, at, paid
from tests.edge.pair import Pair
from tests.edge.test_decide import Bus

BANDS = ((5_000, 20_000), (10_000, 40_000), (20_000, 60_000))
FULL = 60_000
LINE = LineFare(0, tuple(Band(*band) for band in BANDS))
TARIFF = Tariff(7, FARE, {2: 500, 3: 0}, 180, tap_out=True, lines={"r9": LINE})
RIDER = Rider(1)


def here(metres: int | None, *, direction: int = 0, trip: str | None = "t-1") -> Along:
    return Along("r9", direction, trip, metres)


class Ride(Bus):
    """A bus on the distance line; `ride` shows a rider's code at this place."""

    def __init__(self, **changes: object) -> None:
        super().__init__(**({"tariff": TARIFF} | changes))
        self.service = replace(self.service, route="r9", direction=0, trip="t-1")

    def ride(self, seconds: float, metres: int | None, *, rider: Rider = RIDER, party: int = 0) -> Decision:
        self.along = (here(metres), self.along[1])
        return self.show(rider.code(at(seconds), party=party, counter=round(seconds)), at(seconds))


def test_a_boarding_is_shown_at_the_dearest_band_and_a_tap_out_at_that_of_the_way() -> None:
    bus = Ride()
    on = bus.ride(0, 1_000)
    assert (on.verdict, on.fare_rials, on.metres) == (Verdict.ACCEPTED, FULL, 1_000)
    off = bus.ride(900, 8_000)
    assert (off.verdict, off.reason, off.fare_rials, off.before_rials) == (
        Verdict.TAPPED_OUT,
        Reason.NONE,
        40_000,
        FULL,
    )
    assert (off.metres, off.accepted.closes) == (8_000, RecordId(11, 1))  # type: ignore[union-attr]
    assert not TABLE[off.verdict].boards


def test_without_tap_out_a_distance_costs_the_least_band_and_the_next_showing_is_a_boarding() -> None:
    bus = Ride(tariff=replace(TARIFF, tap_out=False))
    assert [bus.ride(0, 1_000).fare_rials, bus.ride(900, 8_000).fare_rials] == [20_000, 20_000]
    assert Ride(tariff=replace(TARIFF, tap_out=False)).ride(0, 1_000).metres is None


@pytest.mark.parametrize(("on", "off"), [(None, 8_000), (1_000, None), (8_000, 1_000), (None, None)])
def test_a_way_that_no_trusted_places_tell_is_decided_for_the_rider_and_said(on: int | None, off: int | None) -> None:
    bus = Ride()
    assert bus.ride(0, on).fare_rials == FULL
    got = bus.ride(900, off)
    assert (got.verdict, got.reason, got.fare_rials) == (Verdict.TAPPED_OUT, Reason.WAY_UNKNOWN, 20_000)


def test_within_the_repeat_window_it_is_already_paid_before_and_behind() -> None:
    bus = Ride()
    shows = [bus.ride(second, 1_000 + 10 * second) for second in (0, 179, 180, 300, 360)]
    assert [it.verdict for it in shows] == [
        Verdict.ACCEPTED, Verdict.ALREADY_PAID, Verdict.TAPPED_OUT, Verdict.ALREADY_PAID, Verdict.ACCEPTED,
    ]  # fmt: skip


def test_the_render_that_tapped_out_is_a_copy_afterwards() -> None:
    bus = Ride()
    bus.ride(0, 1_000)
    code = RIDER.code(at(900), counter=900)
    assert bus.show(code, at(900)).verdict is Verdict.TAPPED_OUT
    assert bus.show(code, at(901)).verdict is Verdict.COPIED


@pytest.mark.parametrize(
    ("route", "now", "ended", "verdict"),
    [
        ("r9", here(9_000), None, Verdict.TAPPED_OUT),
        ("r9", here(9_000, trip=None), None, Verdict.TAPPED_OUT),  # not known is no other trip
        ("r9", here(300, direction=1, trip="t-2"), None, Verdict.ACCEPTED),  # the way back: a ride of its own
        ("r9", here(300, direction=1, trip="t-2"), here(9_000), Verdict.TAPPED_OUT),  # out at the last stop
        ("r9", here(300, trip="t-2"), None, Verdict.ACCEPTED),  # a loop's next round
        ("r2", None, None, Verdict.ACCEPTED), (None, None, None, Verdict.ACCEPTED),
        (None, None, here(9_000), Verdict.TAPPED_OUT),  # and nobody has said yet where it goes on
    ],
)  # fmt: skip
def test_it_is_a_tap_out_on_the_same_line_and_trip_or_at_its_end(
    route: str | None, now: Along | None, ended: Along | None, verdict: Verdict
) -> None:
    bus = Ride()
    bus.ride(0, 1_000)
    on = now or Along("r9")
    bus.service = replace(bus.service, route=route, direction=on.direction, trip=on.trip)
    bus.along = (now, ended)
    assert bus.show(RIDER.code(at(900), counter=2), at(900)).verdict is verdict


def test_two_hours_later_nobody_is_aboard_any_more() -> None:
    bus = Ride()
    bus.ride(0, 1_000)
    assert bus.ride(limits.TAP_OUT_WITHIN_S + 1, 9_000).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("boarded_trusted", "out_quality"),
    [(True, ClockQuality.TRUSTED), (True, ClockQuality.UNTRUSTED), (False, ClockQuality.TRUSTED),
     (False, ClockQuality.UNTRUSTED)],
)  # fmt: skip
@pytest.mark.parametrize(
    ("ago_s", "verdict"), [(limits.TAP_OUT_WITHIN_S, Verdict.TAPPED_OUT), (limits.TAP_OUT_WITHIN_S + 1, None)]
)
def test_the_time_that_a_door_was_off_is_no_time_to_tap_out_in(
    *, boarded_trusted: bool, out_quality: ClockQuality, ago_s: int, verdict: Verdict | None
) -> None:
    """It came back without the time and took all it kept for young: the office counts by both records, and so it does."""
    bus = Ride()
    shown = Presentation(RIDER.credential_id, NOON_MS // 1000, 1)
    on = paid(shown, along=here(1_000), fare_rials=FULL, adult_rials=FULL)
    on = on if boarded_trusted else replace(on, wall_ms=UNKNOWN_MS)
    bus.window.load([(1, on)], at(ago_s - 900, quality=ClockQuality.UNTRUSTED), epoch=11)
    bus.along = (here(8_000), None)
    off = bus.show(RIDER.code(at(ago_s), counter=2), at(ago_s, quality=out_quality))
    if verdict is None:
        assert (off.verdict in {Verdict.ACCEPTED, Verdict.ACCEPTED_GRACE}, off.fare_rials) == (True, FULL)
    else:
        assert (off.verdict, off.fare_rials) == (verdict, 40_000)


@pytest.mark.parametrize("wrong", ["clock", "phone"])
def test_a_clock_or_a_phone_that_was_wrong_keeps_nobody_from_tapping_out(wrong: str) -> None:
    """P14: as long as one of them tells that the boarding was within two hours, and the door has counted no more."""
    bus = Ride()
    phone_s, wall_ms = NOON_MS // 1000, NOON_MS
    if wrong == "clock":
        wall_ms -= 3 * 3_600_000
    else:
        phone_s -= 3 * 3_600
    on = paid(Presentation(RIDER.credential_id, phone_s, 1), wall_ms=wall_ms, along=here(1_000), fare_rials=FULL)
    bus.window.note(on, RecordId(11, 1), at(0))
    assert bus.ride(900, 8_000).verdict is Verdict.TAPPED_OUT


def test_all_who_came_with_the_rider_leave_with_him_those_who_came_later_too() -> None:
    bus = Ride()
    assert bus.ride(0, 1_000, party=1).fare_rials == 2 * FULL
    assert bus.ride(20, 1_000, party=2).verdict is Verdict.PARTY_EXTENDED
    off = bus.ride(900, 4_000)
    assert (off.fare_rials, off.before_rials) == (3 * 20_000, 3 * FULL)


@pytest.mark.parametrize("seen", range(4))
def test_behind_a_tap_out_nothing_is_spent_but_what_all_of_them_paid_in_the_end(seen: int) -> None:
    """Less what the backend has seen of it."""
    bus = Ride()
    for second, party in ((0, 0), (20, 1), (40, 2)):
        bus.ride(second, 1_000, party=party)
        if bus.sequence <= seen:
            bus.daybook.receipted(11, bus.sequence)
    spent = [FULL] * 3
    assert bus.daybook.spent(RIDER.credential_id) == sum(spent[seen:])
    off = bus.ride(900, 8_000)
    assert off.fare_rials == 3 * 40_000
    left = max(0, off.fare_rials - sum(spent[:seen]))
    assert bus.daybook.spent(RIDER.credential_id) == left
    bus.ride(1_100, 8_000)
    assert bus.daybook.spent(RIDER.credential_id) == left + FULL
    bus.daybook.receipted(11, 4)
    assert bus.daybook.spent(RIDER.credential_id) == FULL


def test_a_concession_pays_its_share_of_the_way_and_a_phone_set_wrong_none() -> None:
    bus = Ride()
    student = Rider(2, rider_class=2)
    assert bus.ride(0, 1_000, rider=student).fare_rials == 30_000
    assert bus.ride(900, 8_000, rider=student).fare_rials == 20_000


def test_who_paid_before_a_free_ride_began_is_told_what_is_left_of_it() -> None:
    order = BoardFree("flood-1", Cause.CRISIS, NOON_MS + 60_000, NOON_MS + 3_600_000)
    bus = Ride(policies=Policies(1, (order,)))
    bus.ride(0, 1_000)
    assert bus.ride(900, 8_000).verdict is Verdict.TAPPED_OUT
    assert bus.ride(2_000, 8_000).verdict is Verdict.BOARD_FREE


def test_who_boarded_free_leaves_free_and_leaves_no_ride_behind() -> None:
    order = BoardFree("flood-1", Cause.CRISIS, NOON_MS, NOON_MS + 600_000)
    bus = Ride(policies=Policies(1, (order,)), tariff=replace(TARIFF, day_cap_rials=70_000))
    assert bus.ride(0, 1_000).verdict is Verdict.BOARD_FREE
    off = bus.ride(900, 8_000)
    assert (off.verdict, off.reason, off.fare_rials) == (Verdict.TAPPED_OUT, Reason.NONE, 0)
    assert bus.ride(2_000, 8_000).fare_rials == FULL  # the cap has room for all of it


def test_a_tariff_that_the_bus_no_longer_has_leaves_what_was_shown_and_the_office_posts_what_is_right() -> None:
    bus = Ride()
    bus.ride(0, 1_000)
    bus.bundle = replace(bus.bundle, tariff=replace(TARIFF, version=8, lines={}))
    got = bus.ride(900, 8_000)
    assert (got.verdict, got.fare_rials, got.tariff_version) == (Verdict.TAPPED_OUT, FULL, 7)


def test_a_clock_that_is_lost_on_the_way_keeps_nobody_from_tapping_out() -> None:
    bus = Ride()
    bus.ride(0, 1_000)
    bus.along = (here(8_000), None)
    got = bus.show(RIDER.code(at(900), counter=2), at(900, quality=ClockQuality.UNTRUSTED))
    assert (got.verdict, got.fare_rials) == (Verdict.TAPPED_OUT, 40_000)


def test_the_next_ride_is_priced_behind_what_this_one_cost_in_the_end() -> None:
    """A day's cap of 100,000: after 20,000 there are 80,000 left, after 60,000 were shown only 40,000."""
    bus = Ride(tariff=replace(TARIFF, day_cap_rials=100_000, repeat_window_s=60))
    bus.ride(0, 1_000)
    assert bus.ride(300, 3_000).fare_rials == 20_000
    assert bus.ride(600, 3_000).fare_rials == FULL
    assert Ride(tariff=replace(TARIFF, day_cap_rials=100_000, repeat_window_s=60)).ride(0, 0).fare_rials == FULL


def test_the_allowance_counts_what_the_ride_cost_in_the_end() -> None:
    bus = Ride()
    bus.ride(0, 1_000)
    assert bus.daybook.spent(RIDER.credential_id) == FULL
    bus.ride(900, 3_000)
    assert bus.daybook.spent(RIDER.credential_id) == 20_000
    seen = Ride()
    seen.ride(0, 1_000)
    seen.daybook.receipted(11, 1)
    seen.ride(900, 3_000)
    assert seen.daybook.spent(RIDER.credential_id) == 0  # the backend has the boarding, at more than that


@given(st.integers(0, 30_000), st.integers(0, 30_000), st.integers(0, 3), st.sampled_from((0, 2)))
def test_more_metres_are_never_cheaper_and_nothing_is_dearer_than_what_was_shown(
    one: int, other: int, party: int, rider_class: int
) -> None:
    def told(metres: int) -> tuple[int, int]:
        bus, rider = Ride(), Rider(2, rider_class=rider_class)
        shown = (
            bus.ride(0, 0, rider=rider, party=party).fare_rials if party < 3 else bus.ride(0, 0, rider=rider).fare_rials
        )
        return bus.ride(900, metres, rider=rider).fare_rials, shown

    (near, most), (far, _) = told(min(one, other)), told(max(one, other))
    assert 0 <= near <= far <= most


# --- kept, told, recorded ------------------------------------------------------------------------------------------------

alongs = st.builds(
    Along, st.text("ab1-", min_size=1, max_size=32), st.none() | st.integers(0, 1),
    st.none() | st.text("ab1-", min_size=1, max_size=32), st.none() | st.integers(0, limits.TARIFF_METRES_MAX),
)  # fmt: skip


@given(
    st.none() | alongs,
    st.none() | st.builds(RecordId, st.integers(0, limits.INT63_MAX), st.integers(1, limits.INT63_MAX)),
)
def test_what_is_kept_beside_a_record_comes_back(along: Along | None, closes: RecordId | None) -> None:
    it = paid(Presentation(bytes(8), 1, 2), along=along, closes=closes)
    assert unpack_window(pack_window(it)) == it


@pytest.mark.parametrize("rot", [b"\x00", b"\x82\xf6", b"\x82\x01\xf6", b"\x82\x84\x62r9\x05\xf6\xf6\xf6"])
def test_a_way_that_rotted_is_said(rot: bytes) -> None:
    it = pack_window(paid(Presentation(bytes(8), 1, 2)))
    with pytest.raises(ValueError, match="way beside"):
        unpack_window(it + rot)


def test_boarded_in_front_and_out_at_the_rear(tmp_path: Path) -> None:
    """The sister's words carry the place; the record names the boarding at the other door."""
    pair = Pair(tmp_path, tariff=TARIFF)
    pair.plug()
    rider = Rider(5)
    pair.front.along = (here(1_000, trip=None), None)
    pair.front.board(rider, at(0))
    pair.talk(at(1))
    pair.rear.along = (here(8_000, trip=None), None)
    pair.rear.board(rider, at(900), counter=2)
    shown = pair.rear.panel.shown[-1]
    assert (shown.verdict, shown.fare_rials, shown.before_rials) == (Verdict.TAPPED_OUT, 40_000, FULL)
    taps = [it for raw in pair.rear.journal.rows.values() if isinstance(it := decode_record(raw), Tap)]
    assert (taps[-1].closes, taps[-1].metres) == ((pair.front.journal.head.epoch, 3), 8_000)
    pair.talk(at(901))
    pair.front.board(rider, at(905), counter=3)
    assert pair.front.panel.shown[-1].verdict is Verdict.ALREADY_PAID  # and in front it is known, too


def test_the_other_doors_word_alone_lets_nobody_ride_for_nothing() -> None:
    """A door that lies tells of a boarding that no record proves: its rider boards here, and pays."""
    bus = Ride()
    told = paid(Presentation(RIDER.credential_id, 5, 1), door=2, along=here(1_000), fare_rials=FULL, adult_rials=FULL)
    bus.window.told(told, RecordId(12, 3), at(-600), 0)
    assert bus.ride(0, 8_000).verdict is Verdict.ACCEPTED
    bus.window.prove(RecordId(12, 3))
    bus = Ride()
    bus.window.told(told, RecordId(12, 3), at(-600), 0)
    bus.window.prove(RecordId(12, 3))
    assert bus.ride(0, 8_000).verdict is Verdict.TAPPED_OUT
