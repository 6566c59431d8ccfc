"""R1–R12 of edge/core/decide.py, and the windows and the daybook under them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.accepted import UNKNOWN_MS, RecordId
from edge.core.asked import Decision, Door
from edge.core.daybook import DayBook
from edge.core.decide import RULES, decide, decide_proxy
from edge.core.opening import LongFormWanted, open_code
from edge.core.spending import Spending
from edge.core.window import Window
from protocol.errors import SavarError
from protocol.fares.policies import BoardFree, Cause, Policies
from protocol.fares.tariff import ProductRule, Tariff
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.localtime import day_begins_ms, service_day
from protocol.wire.codes import read_code, write_code
from protocol.wire.keys import VerifyingKey
from protocol.wire.passes import Presentation
from protocol.wire.records import ClockQuality, CodeKind, Instant, Service
from protocol.wire.sister import Along
from tests.edge.door import FARE, ISSUER, NOON_MS, STRANGER, Rider, at, bundle, paid
from tests.spoil import spoiled

KEYS = [VerifyingKey.load(ISSUER.public)]
RIDER = Rider(1)
EPOCH = 11


class Bus:
    """A door with its window: decides, and notes what was accepted, as Boarding does."""

    def __init__(self, number: int = 1, **changes: object) -> None:
        self.bundle = bundle(**changes)
        self.window = Window(self.bundle.window_s)
        self.daybook = DayBook(bytes(16))
        self.service = Service("bus-1", number)
        self.heard_ms = NOON_MS
        self.free_ride = Reason.NONE
        self.spending = Spending()
        self.along: tuple[Along | None, Along | None] = (None, None)
        self.sequence = 0

    def show(self, text: bytes, now: Instant) -> Decision:
        code = open_code(text, KEYS, lambda _: None)
        if isinstance(code, LongFormWanted):
            code = code.otherwise
        door = Door(
            self.service,
            self.bundle,
            self.window,
            self.daybook,
            self.heard_ms,
            self.free_ride,
            self.spending,
            along=self.along,
        )
        decision = decide(code, door, now)
        if decision.accepted is not None:
            self.sequence += 1
            record = RecordId(EPOCH, self.sequence)
            self.window.note(decision.accepted, record, now)
            self.daybook.boarded(decision.accepted, record, ended=self.window.ended(decision.accepted, record))
        if decision.let_ride is not None:
            self.spending.note(decision.let_ride)
        return decision


def test_r12_a_fresh_code_boards_at_the_tariffs_price() -> None:
    got = Bus().show(RIDER.code(at()), at(2))
    assert (got.verdict, got.reason, got.fare_rials) == (Verdict.ACCEPTED, Reason.NONE, FARE)
    assert got.code_kind is CodeKind.LONG_PASS
    assert got.proof == RIDER.raw(at())


def test_r12_companions_pay_the_adult_fare_and_a_concession_has_its_own_tone() -> None:
    student = Bus().show(Rider(2, rider_class=2).code(at(), party=2), at())
    assert (student.verdict, student.fare_rials) == (Verdict.ACCEPTED_CONCESSION, FARE // 2 + 2 * FARE)
    assert TABLE[student.verdict].tone is not TABLE[Verdict.ACCEPTED].tone


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        (b"https://pay.example/123", Verdict.NOT_A_FARE_CODE, Reason.NONE),
        ("پلاک آبی ۱۲۳".encode(), Verdict.NOT_A_FARE_CODE, Reason.NONE),
        (b"SV1:lower case is no base45", Verdict.NOT_GENUINE, Reason.MALFORMED),
        (write_code(b"\x07" * 183).encode(), Verdict.NOT_GENUINE, Reason.MALFORMED),
        (write_code(RIDER.raw(at())[:119]).encode(), Verdict.NOT_GENUINE, Reason.BAD_SIGNATURE),
        (Rider(3, issuer=STRANGER).code(at()), Verdict.UNKNOWN_ISSUER, Reason.NONE),
        (write_code(spoiled(RIDER.raw(at()))).encode(), Verdict.NOT_GENUINE, Reason.BAD_SIGNATURE),
    ],
)
def test_r1_what_is_no_proven_pass_is_never_believed(text: bytes, verdict: Verdict, reason: Reason) -> None:
    """P9: a stripped or broken signature is refused, not taken for a simpler ticket."""
    got = Bus().show(text, at())
    assert (got.verdict, got.reason, got.fare_rials, got.accepted) == (verdict, reason, 0, None)
    assert (got.code_kind, got.party, got.product) == (CodeKind.NONE, 0, 0)


@pytest.mark.parametrize(
    "text",
    [b"SV1:" + b"lower case" * 200, b"SV1:" + b"A" * 9_000, *(write_code(raw + bytes(1_500)).encode() for raw in (
        b"\x07", RIDER.raw(at()), Rider(3, issuer=STRANGER).raw(at())))],
)  # fmt: skip
def test_r1_of_an_endless_code_only_a_beginning_is_kept_as_evidence(text: bytes) -> None:
    """P5: whoever prints the largest QR that there is does not fill the card with it."""
    got = Bus().show(text, at())
    kept = got.proof
    assert (got.verdict, got.reason) == (Verdict.NOT_GENUINE, Reason.MALFORMED)
    assert 0 < len(kept) < 1_000
    assert text.startswith(kept) or read_code(text).startswith(kept)


def test_r1_of_somebody_elses_code_nothing_is_kept() -> None:
    """P18: a payment sticker's text is none of our business."""
    assert Bus().show(b"https://pay.example/123", at()).proof == b""


@pytest.mark.parametrize(
    ("denied", "verdict"),
    [({1: 1}, Verdict.DENIED), ({1: 2}, Verdict.DENIED), ({1: 0}, Verdict.ACCEPTED), ({2: 9}, Verdict.ACCEPTED)],
)
def test_r4_a_credential_is_denied_up_to_a_version_and_a_reissued_one_rides(
    denied: dict[int, int], verdict: Verdict
) -> None:
    bus = Bus(deny={number.to_bytes(8, "big"): version for number, version in denied.items()})
    got = bus.show(RIDER.code(at()), at())
    assert got.verdict is verdict
    assert got.reason is (Reason.DENY_LIST if verdict is Verdict.DENIED else Reason.NONE)
    assert got.code_kind is CodeKind.LONG_PASS


def test_r5_copied_is_said_only_of_what_was_accepted_before() -> None:
    """P10: the same presentation boards once; old and never accepted is expired, not copied."""
    bus = Bus()
    code = RIDER.code(at())
    assert bus.show(code, at(1)).verdict is Verdict.ACCEPTED
    again = bus.show(code, at(20))
    assert (again.verdict, again.reason) == (Verdict.COPIED, Reason.SAME_DOOR)
    assert bus.show(code, at(120)).verdict is Verdict.COPIED  # long stale, yet known as used
    assert Bus().show(code, at(120)).verdict is Verdict.CODE_EXPIRED


def test_r5_the_other_door_says_so() -> None:
    bus = Bus()
    code = RIDER.code(at())
    bus.show(code, at(1))
    bus.service = replace(bus.service, door=2)
    assert bus.show(code, at(5)).reason is Reason.OTHER_DOOR


def test_r6_without_a_trusted_clock_the_rider_boards_on_grace() -> None:
    """P14: the record says why; even a render years away rides, because this clock cannot judge it."""
    dead = replace(at(quality=ClockQuality.UNTRUSTED), wall_ms=86_400_000)
    got = Bus().show(RIDER.code(at()), dead)
    assert (got.verdict, got.reason, got.fare_rials) == (Verdict.ACCEPTED_GRACE, Reason.NO_TRUSTED_CLOCK, FARE)
    assert got.accepted is not None
    assert got.accepted.wall_ms == UNKNOWN_MS == 0  # the other door is not told a time that nobody knows


@pytest.mark.parametrize(
    ("ahead_s", "uncertainty_s", "verdict", "reason"),
    [
        (30, 0, Verdict.ACCEPTED, Reason.NONE),
        (31, 0, Verdict.CODE_EXPIRED, Reason.CODE_FROM_FUTURE),
        (-30, 0, Verdict.ACCEPTED, Reason.NONE),
        (-31, 0, Verdict.CODE_EXPIRED, Reason.CODE_TOO_OLD),
        (-90, 60, Verdict.ACCEPTED, Reason.NONE),
        (-91, 60, Verdict.CODE_EXPIRED, Reason.CODE_TOO_OLD),
        (300, 10_000, Verdict.ACCEPTED, Reason.NONE),
        (301, 10_000, Verdict.CODE_EXPIRED, Reason.CODE_FROM_FUTURE),  # never beyond ±5 min
    ],
)
def test_r7_the_window_is_thirty_seconds_widened_by_what_the_clock_knows_of_itself(
    ahead_s: int, uncertainty_s: int, verdict: Verdict, reason: Reason
) -> None:
    got = Bus().show(RIDER.code(at(), ahead_s=ahead_s), at(uncertainty_s=uncertainty_s))
    assert (got.verdict, got.reason) == (verdict, reason)


def test_r7_a_render_is_up_to_a_second_younger_than_its_whole_seconds_say() -> None:
    assert Bus().show(RIDER.code(at()), at(30.999)).verdict is Verdict.ACCEPTED
    assert Bus().show(RIDER.code(at()), at(31)).reason is Reason.CODE_TOO_OLD


def test_r8_a_fresh_render_within_the_window_has_already_paid() -> None:
    """P7: one fare, and no second boarding counted."""
    bus = Bus()
    bus.show(RIDER.code(at()), at())
    again = bus.show(RIDER.code(at(60), counter=2), at(60))
    assert (again.verdict, again.fare_rials, again.accepted) == (Verdict.ALREADY_PAID, 0, None)
    assert again.reason is Reason.SAME_DOOR
    assert not TABLE[again.verdict].boards
    assert bus.show(RIDER.code(at(180), counter=3), at(180)).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("jump_s", [-3600 * 24 * 400, -30, 25, 3600 * 24 * 400])
def test_r8_a_wall_clock_that_jumps_neither_opens_nor_closes_the_window(jump_s: int) -> None:
    """P14: ages are counted on the monotonic clock."""
    bus = Bus()
    bus.show(RIDER.code(at()), at())
    now = at(60, wall_jump_s=jump_s)
    assert bus.show(RIDER.code(now, counter=2), now).verdict is Verdict.ALREADY_PAID


def test_r10_a_credential_past_its_day_goes_online_unless_the_backend_is_silent() -> None:
    bus = Bus()
    late = Rider(9, days=-1)
    for silent_ms in (0, 24 * 3600 * 1000 - 1):
        bus.heard_ms = NOON_MS - silent_ms
        got = bus.show(late.code(at()), at())
        assert (got.verdict, got.reason) == (Verdict.CREDENTIAL_EXPIRED, Reason.NONE)
    bus.heard_ms = NOON_MS - 24 * 3600 * 1000
    got = bus.show(late.code(at()), at())
    assert (got.verdict, got.reason) == (Verdict.ACCEPTED_GRACE, Reason.BACKEND_SILENT)


def test_r10_the_last_day_itself_still_rides() -> None:
    assert Bus().show(Rider(8, days=0).code(at()), at()).verdict is Verdict.ACCEPTED


def test_r10_a_clock_that_nobody_trusts_expires_no_credential() -> None:
    """P14: a dead clock may say 2046 as well as 1970."""
    got = Bus().show(RIDER.code(at()), at(quality=ClockQuality.UNTRUSTED, wall_jump_s=86_400 * 7_300))
    assert (got.verdict, got.reason) == (Verdict.ACCEPTED_GRACE, Reason.NO_TRUSTED_CLOCK)


@given(st.binary(max_size=300), st.booleans())
def test_r1_no_bytes_a_camera_can_see_raise(data: bytes, ours: bool) -> None:  # noqa: FBT001
    text = write_code(data).encode() if ours else data
    try:
        got = Bus().show(text, at())
    except SavarError as error:  # pragma: no cover - the failure this test is for
        pytest.fail(f"{error.name} escaped")
    assert not TABLE[got.verdict].boards


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 400)), max_size=30))
def test_window_one_credential_boards_at_most_once_a_window(shows: list[tuple[int, int]]) -> None:
    """P7, against a model: fresh renders at any times, in order."""
    bus = Bus()
    last: dict[int, int] = {}
    for number, (rider, second) in enumerate(sorted(shows, key=lambda s: s[1])):
        got = bus.show(Rider(rider).code(at(second), counter=number), at(second))
        due = rider not in last or second - last[rider] >= 180
        assert (got.accepted is not None) == due
        if due:
            last[rider] = second


# --- the rules that a city gives ---------------------------------------------------------------------------------------
HOUR_S = 3_600


def test_the_rules_are_asked_in_the_order_in_which_they_are_told() -> None:
    assert [name for name, _ in RULES] == [f"R{n}" for n in range(2, 13)]


def test_r2_a_vehicle_in_training_charges_nobody() -> None:
    """Not even who is denied: it is a rehearsal, and no ride is counted."""
    bus = Bus(policies=Policies(1, training=frozenset({"bus-1"})), deny={RIDER.credential_id: 9})
    got = bus.show(RIDER.code(at()), at())
    assert (got.verdict, got.fare_rials, got.accepted) == (Verdict.TRAINING, 0, None)
    assert not TABLE[got.verdict].boards
    assert Bus(policies=Policies(1, training=frozenset({"bus-2"}))).show(RIDER.code(at()), at()).fare_rials == FARE


def free(
    cause: Cause = Cause.CRISIS, lines: frozenset[str] = frozenset(), begin_s: float = 0, end_s: float = HOUR_S
) -> Policies:
    begin_ms = NOON_MS + round(begin_s * 1000)
    return Policies(1, (BoardFree("decree-7", cause, begin_ms, NOON_MS + round(end_s * 1000), lines),))


@pytest.mark.parametrize(
    ("second", "verdict"),
    [(-0.001, Verdict.ACCEPTED), (0, Verdict.BOARD_FREE), (3_599.999, Verdict.BOARD_FREE), (3_600, Verdict.ACCEPTED)],
)
def test_r3_a_free_ride_starts_and_stops_by_the_bus_own_clock(second: float, verdict: Verdict) -> None:
    """P15: at the right moment, with no network."""
    got = Bus(policies=free()).show(RIDER.code(at(second)), at(second))
    assert got.verdict is verdict
    assert (got.fare_rials, got.reason) == (
        (0, Reason.CRISIS) if verdict is Verdict.BOARD_FREE else (FARE, Reason.NONE)
    )


def test_r3_a_clock_that_nobody_trusts_starts_no_free_ride() -> None:
    got = Bus(policies=free()).show(RIDER.code(at()), at(quality=ClockQuality.UNTRUSTED))
    assert (got.verdict, got.fare_rials) == (Verdict.ACCEPTED_GRACE, FARE)


@pytest.mark.parametrize(("route", "rides"), [("r1", True), ("r2", False), (None, True)])
def test_r3_an_order_for_some_lines_holds_there_and_where_the_line_is_unknown(route: str | None, rides: bool) -> None:  # noqa: FBT001
    bus = Bus(policies=free(lines=frozenset({"r1"})))
    bus.service = replace(bus.service, route=route)
    assert (bus.show(RIDER.code(at()), at()).verdict is Verdict.BOARD_FREE) == rides


def test_r3_a_free_ride_is_counted_once_and_the_denied_and_the_stale_ride_too() -> None:
    bus = Bus(policies=free(), deny={RIDER.credential_id: 9})
    first = bus.show(RIDER.code(at(), ahead_s=-900), at())
    assert (first.verdict, first.fare_rials) == (Verdict.BOARD_FREE, 0)
    assert TABLE[first.verdict].boards
    again = bus.show(RIDER.code(at(5), counter=2), at(5))
    assert (again.verdict, again.accepted) == (Verdict.ALREADY_PAID, None)


def test_r3_a_free_day_of_the_tariff_and_a_reader_that_is_out() -> None:
    day = Bus(tariff=Tariff(7, FARE, free_days=frozenset({service_day(NOON_MS)})))
    assert day.show(RIDER.code(at()), at()).reason is Reason.FREE_DAY
    out = Bus()
    out.free_ride = Reason.READER_OUT
    got = out.show(RIDER.code(at()), at(quality=ClockQuality.UNTRUSTED))
    assert (got.verdict, got.reason) == (Verdict.BOARD_FREE, Reason.READER_OUT)


@pytest.mark.parametrize("ahead_s", [1_800, -1_800, 3_600, -3_600, 5_400, -5_400, 3_540, 3_660, -3_540, -3_660])
def test_r7_a_phone_set_wrong_by_half_hours_rides_once_a_day_at_the_adult_fare(ahead_s: int) -> None:
    bus = Bus()
    student = Rider(2, rider_class=2)
    got = bus.show(student.code(at(), ahead_s=ahead_s), at())
    assert (got.verdict, got.fare_rials) == (Verdict.PHONE_CLOCK_WRONG, FARE)
    assert got.reason is (Reason.CODE_FROM_FUTURE if ahead_s > 0 else Reason.CODE_TOO_OLD)
    again = bus.show(student.code(at(1_000), ahead_s=ahead_s, counter=2), at(1_000))
    assert again.verdict is Verdict.CODE_EXPIRED
    other = bus.show(RIDER.code(at(1_000), ahead_s=ahead_s), at(1_000))
    assert other.verdict is Verdict.PHONE_CLOCK_WRONG
    tomorrow = at(86_400)
    assert bus.show(student.code(tomorrow, ahead_s=ahead_s, counter=3), tomorrow).verdict is Verdict.PHONE_CLOCK_WRONG


@pytest.mark.parametrize("ahead_s", [1_738, -1_738, 1_862, 7_200, -7_200, 5_462, 900])
def test_r7_any_other_wrong_clock_is_old_or_early(ahead_s: int) -> None:
    assert Bus().show(RIDER.code(at(), ahead_s=ahead_s), at()).verdict is Verdict.CODE_EXPIRED


def test_r7_who_paid_already_gets_no_grace() -> None:
    """A copied screen of half an hour ago must not make a second rider."""
    bus = Bus()
    bus.show(RIDER.code(at()), at())
    assert bus.show(RIDER.code(at(60), ahead_s=-1_800, counter=2), at(60)).verdict is Verdict.CODE_EXPIRED


def test_r8_companions_who_come_later_pay_for_themselves() -> None:
    bus = Bus(tariff=Tariff(7, FARE, {2: 500}))
    student = Rider(2, rider_class=2)
    assert bus.show(student.code(at()), at()).fare_rials == FARE // 2
    more = bus.show(student.code(at(20), counter=2, party=2), at(20))
    assert (more.verdict, more.fare_rials, more.party) == (Verdict.PARTY_EXTENDED, 2 * FARE, 2)
    assert bus.show(student.code(at(40), counter=3, party=2), at(40)).verdict is Verdict.ALREADY_PAID
    assert bus.show(student.code(at(40), counter=4, party=1), at(40)).verdict is Verdict.ALREADY_PAID
    beyond = bus.show(student.code(at(60), counter=5, party=3), at(60))
    assert (beyond.verdict, beyond.reason) == (Verdict.DENIED, Reason.ALLOWANCE_SPENT), "150,000 of 200,000 are spent"
    bus.daybook.receipted(EPOCH, 9)
    assert bus.show(student.code(at(80), counter=6, party=3), at(80)).fare_rials == FARE


def test_r9_a_product_for_other_lines() -> None:
    strict = ProductRule(0, frozenset({"r1"}), elsewhere=False)
    bus = Bus(tariff=Tariff(7, FARE, products={1: strict}))
    holder = Rider(4, product=1)
    bus.service = replace(bus.service, route="r2")
    got = bus.show(holder.code(at()), at())
    assert (got.verdict, got.fare_rials, got.accepted) == (Verdict.WRONG_SERVICE, 0, None)
    bus.service = replace(bus.service, route="r1")
    assert bus.show(holder.code(at()), at()).fare_rials == 0


def test_r11_the_allowance_then_one_emergency_ride_then_no_more_until_it_is_seen() -> None:
    """Four units are 200,000 rials: three rides of 60,000."""
    bus = Bus()
    times = [at(200 * n) for n in range(6)]
    got = [bus.show(RIDER.code(now, counter=n), now) for n, now in enumerate(times)]
    assert [it.verdict for it in got] == [
        Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.ACCEPTED_GRACE, Verdict.DENIED, Verdict.DENIED,
    ]  # fmt: skip
    assert [it.reason for it in got[3:5]] == [Reason.EMERGENCY_RIDE, Reason.ALLOWANCE_SPENT]
    assert got[3].fare_rials == FARE
    later = at(1_300)
    bus.daybook.receipted(EPOCH, 3)  # three of the four rides are seen; the emergency is not, and is still used up
    assert bus.show(RIDER.code(later, counter=7), later).verdict is Verdict.ACCEPTED
    bus.daybook.receipted(EPOCH, 5)
    assert bus.daybook.spent(RIDER.credential_id) == 0
    today = service_day(NOON_MS)
    assert bus.daybook.emergency_used(RIDER.credential_id, today), "once a day"
    assert not bus.daybook.emergency_used(RIDER.credential_id, today + 1)


def test_r11_counts_what_was_paid_at_the_other_door_and_asks_nobody_who_rides_free() -> None:
    bus = Bus(tariff=Tariff(7, FARE, {3: 0}))
    bus.daybook.boarded(paid(Presentation(RIDER.credential_id, 1, 1), fare_rials=180_000), RecordId(12, 3), told=True)
    assert bus.show(RIDER.code(at()), at()).reason is Reason.EMERGENCY_RIDE
    senior = Rider(6, rider_class=3)
    bus.daybook.boarded(paid(Presentation(senior.credential_id, 1, 1), fare_rials=999_999), RecordId(12, 4), told=True)
    assert bus.show(senior.code(at()), at()).verdict is Verdict.ACCEPTED_CONCESSION


def test_r11_what_was_spent_at_the_other_door_is_seen_when_that_doors_record_is() -> None:
    """Not when the backend is heard of our own: the money that was risked is over there."""
    book = DayBook(bytes(16))
    there = paid(Presentation(RIDER.credential_id, 1, 1), door=2)
    book.boarded(there, RecordId(12, 5), told=True)
    book.boarded(paid(Presentation(RIDER.credential_id, 2, 2)), RecordId(EPOCH, 3))
    book.receipted(EPOCH, 99)
    assert book.spent(RIDER.credential_id) == FARE
    book.receipted(12, 4)
    assert book.spent(RIDER.credential_id) == FARE, "up to the record before"
    book.receipted(12, 5)
    assert book.spent(RIDER.credential_id) == 0
    book.boarded(there, RecordId(12, 5), told=True)
    assert book.spent(RIDER.credential_id) == 0, "told when it was seen already"


def test_r12_the_next_tariff_holds_from_its_minute() -> None:
    following = Tariff(8, 70_000, starts_ms=NOON_MS)
    bus = Bus(next_tariff=following)
    before, after = at(-0.001), at()
    assert bus.show(RIDER.code(before), before).fare_rials == FARE
    got = bus.show(Rider(5).code(after), after)
    assert (got.fare_rials, got.tariff_version) == (70_000, 8)
    blind = bus.show(Rider(6).code(after), at(quality=ClockQuality.UNTRUSTED))
    assert (blind.fare_rials, blind.tariff_version) == (FARE, 7)


def test_r12_a_transfer_on_the_same_bus_is_known_and_told() -> None:
    bus = Bus(tariff=Tariff(7, FARE, transfer_window_s=3_600))
    assert bus.show(RIDER.code(at()), at()).fare_rials == FARE
    later = at(1_800)
    assert bus.show(RIDER.code(later, counter=2), later).fare_rials == 0
    much = at(3_600)
    assert bus.show(RIDER.code(much, counter=3), much).fare_rials == FARE


def test_r12_a_journey_ends_with_its_service_day_and_a_repeat_does_not() -> None:
    """Days are summed one by one; who shows a code again a minute later has paid, whatever the date."""
    bus = Bus(tariff=Tariff(7, FARE, transfer_window_s=3_600))
    midnight = Instant(day_begins_ms(service_day(NOON_MS) + 1), 9_000_000, ClockQuality.TRUSTED, 0)

    def ride(after_s: int, counter: int) -> tuple[Verdict, int]:
        now = replace(midnight, wall_ms=midnight.wall_ms + 1_000 * after_s, mono_ms=midnight.mono_ms + 1_000 * after_s)
        got = bus.show(RIDER.code(now, counter=counter), now)
        return got.verdict, got.fare_rials

    assert ride(-600, 1) == (Verdict.ACCEPTED, FARE)
    assert ride(-60, 2) == (Verdict.ACCEPTED, 0)
    assert ride(60, 3) == (Verdict.ALREADY_PAID, 0)
    assert ride(600, 4) == (Verdict.ACCEPTED, FARE)
    assert ride(1_200, 5) == (Verdict.ACCEPTED, 0)


def test_r12_rides_under_another_tariff_do_not_meet_whenever_it_says_that_it_starts() -> None:
    """The file of a tariff may start in the past: what was shown under the one before is weighed under that one."""
    old = Tariff(7, FARE, transfer_window_s=3_600)
    bus = Bus(tariff=old)
    assert bus.show(RIDER.code(at()), at()).fare_rials == FARE
    bus.bundle = bundle(tariff=replace(old, version=8, flat_fare_rials=70_000, starts_ms=NOON_MS - 86_400_000))
    first, second = at(600), at(1_200)
    assert bus.show(RIDER.code(first, counter=2), first).fare_rials == 70_000
    assert bus.show(RIDER.code(second, counter=3), second).fare_rials == 0


def test_r12_a_ride_of_before_the_tariffs_own_start_meets_it() -> None:
    """By its version alone, as at the office: a bus may be told of a tariff late, and its file may start late."""
    bus = Bus(tariff=Tariff(7, FARE, transfer_window_s=3_600, starts_ms=NOON_MS + 60_000))
    assert bus.show(RIDER.code(at()), at()).fare_rials == FARE
    assert bus.show(RIDER.code(at(600), counter=2), at(600)).fare_rials == 0


def test_a_phone_set_wrong_opens_no_other_rule() -> None:
    """It is a grace on the clock alone: lines, last days and allowances are asked as ever, and no product counts."""
    bus = Bus(tariff=Tariff(7, FARE, products={1: ProductRule(0, frozenset({"r1"}), elsewhere=False)}))
    wrong = {"ahead_s": 1_800}
    bus.service = replace(bus.service, route="r2")
    assert bus.show(Rider(4, product=1).code(at(), **wrong), at()).verdict is Verdict.WRONG_SERVICE
    bus.service = replace(bus.service, route="r1")
    assert bus.show(Rider(4, product=1).code(at(), **wrong), at()).fare_rials == FARE
    assert bus.show(Rider(5, days=-1).code(at(), **wrong), at()).verdict is Verdict.CREDENTIAL_EXPIRED
    assert bus.show(Rider(6).code(at(), party=15, **wrong), at()).reason is Reason.ALLOWANCE_SPENT


def test_r3_one_code_held_up_for_long_is_one_free_ride() -> None:
    bus = Bus(policies=free())
    code = RIDER.code(at())
    assert bus.show(code, at()).verdict is Verdict.BOARD_FREE
    assert [bus.show(code, at(n)).verdict for n in (181, 183, 300)] == [Verdict.ALREADY_PAID] * 3


def test_a_driver_pays_for_nobody_in_training_or_while_all_ride_free() -> None:
    def proxy(now: Instant, **changes: object) -> Decision:
        bus = Bus(**changes)
        return decide_proxy(1, Door(bus.service, bus.bundle, bus.window, bus.daybook, bus.heard_ms), now)

    training = proxy(at(), policies=Policies(1, training=frozenset({"bus-1"})))
    assert (training.verdict, training.fare_rials) == (Verdict.TRAINING, 0)
    crisis = proxy(at(), policies=free())
    assert (crisis.verdict, crisis.reason, crisis.fare_rials) == (Verdict.BOARD_FREE, Reason.CRISIS, 0)
    assert proxy(at()).fare_rials == 2 * FARE
