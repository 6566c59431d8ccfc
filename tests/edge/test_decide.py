"""R1–R8 of edge/core/decide.py, and the repeat window under them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.decide import Decision, Door, LongFormWanted, decide, open_code
from edge.core.ports import UNKNOWN_MS
from edge.core.window import Window
from protocol.errors import SavarError
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.wire.codes import read_code, write_code
from protocol.wire.keys import VerifyingKey
from protocol.wire.records import ClockQuality, CodeKind, Instant
from tests.edge.door import FARE, ISSUER, NOON_MS, STRANGER, Rider, at, bundle
from tests.spoil import spoiled

KEYS = [VerifyingKey.load(ISSUER.public)]
RIDER = Rider(1)


class Bus:
    """A door with its window: decides, and notes what was accepted, as Boarding does."""

    def __init__(self, number: int = 1, **changes: object) -> None:
        self.bundle = bundle(**changes)
        self.window = Window(self.bundle.tariff.repeat_window_s)
        self.number = number
        self.heard_ms = NOON_MS

    def show(self, text: bytes, now: Instant) -> Decision:
        code = open_code(text, KEYS, lambda _: None)
        if isinstance(code, LongFormWanted):
            code = code.otherwise
        decision = decide(code, Door(self.number, self.bundle, self.window, self.heard_ms), now)
        if decision.accepted is not None:
            self.window.note(decision.accepted, now)
        return decision


def test_r8_a_fresh_code_boards_at_the_tariffs_price() -> None:
    got = Bus().show(RIDER.code(at()), at(2))
    assert (got.verdict, got.reason, got.fare_rials) == (Verdict.ACCEPTED, Reason.NONE, FARE)
    assert got.code_kind is CodeKind.LONG_PASS
    assert got.proof == RIDER.raw(at())


def test_r8_companions_pay_the_adult_fare_and_a_concession_has_its_own_tone() -> None:
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
def test_r2_a_credential_is_denied_up_to_a_version_and_a_reissued_one_rides(
    denied: dict[int, int], verdict: Verdict
) -> None:
    bus = Bus(deny={number.to_bytes(8, "big"): version for number, version in denied.items()})
    got = bus.show(RIDER.code(at()), at())
    assert got.verdict is verdict
    assert got.reason is (Reason.DENY_LIST if verdict is Verdict.DENIED else Reason.NONE)
    assert got.code_kind is CodeKind.LONG_PASS


def test_r3_copied_is_said_only_of_what_was_accepted_before() -> None:
    """P10: the same presentation boards once; old and never accepted is expired, not copied."""
    bus = Bus()
    code = RIDER.code(at())
    assert bus.show(code, at(1)).verdict is Verdict.ACCEPTED
    again = bus.show(code, at(20))
    assert (again.verdict, again.reason) == (Verdict.COPIED, Reason.SAME_DOOR)
    assert bus.show(code, at(120)).verdict is Verdict.COPIED  # long stale, yet known as used
    assert Bus().show(code, at(120)).verdict is Verdict.CODE_EXPIRED


def test_r3_the_other_door_says_so() -> None:
    bus = Bus()
    code = RIDER.code(at())
    bus.show(code, at(1))
    bus.number = 2
    assert bus.show(code, at(5)).reason is Reason.OTHER_DOOR


def test_r4_without_a_trusted_clock_the_rider_boards_on_grace() -> None:
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
def test_r5_the_window_is_thirty_seconds_widened_by_what_the_clock_knows_of_itself(
    ahead_s: int, uncertainty_s: int, verdict: Verdict, reason: Reason
) -> None:
    got = Bus().show(RIDER.code(at(), ahead_s=ahead_s), at(uncertainty_s=uncertainty_s))
    assert (got.verdict, got.reason) == (verdict, reason)


def test_r5_a_render_is_up_to_a_second_younger_than_its_whole_seconds_say() -> None:
    assert Bus().show(RIDER.code(at()), at(30.999)).verdict is Verdict.ACCEPTED
    assert Bus().show(RIDER.code(at()), at(31)).reason is Reason.CODE_TOO_OLD


def test_r6_a_fresh_render_within_the_window_has_already_paid() -> None:
    """P7: one fare, and no second boarding counted."""
    bus = Bus()
    bus.show(RIDER.code(at()), at())
    again = bus.show(RIDER.code(at(60), counter=2), at(60))
    assert (again.verdict, again.fare_rials, again.accepted) == (Verdict.ALREADY_PAID, 0, None)
    assert again.reason is Reason.SAME_DOOR
    assert not TABLE[again.verdict].boards
    assert bus.show(RIDER.code(at(180), counter=3), at(180)).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("jump_s", [-3600 * 24 * 400, -30, 25, 3600 * 24 * 400])
def test_r6_a_wall_clock_that_jumps_neither_opens_nor_closes_the_window(jump_s: int) -> None:
    """P14: ages are counted on the monotonic clock."""
    bus = Bus()
    bus.show(RIDER.code(at()), at())
    now = at(60, wall_jump_s=jump_s)
    assert bus.show(RIDER.code(now, counter=2), now).verdict is Verdict.ALREADY_PAID


def test_r7_a_credential_past_its_day_goes_online_unless_the_backend_is_silent() -> None:
    bus = Bus()
    late = Rider(9, days=-1)
    for silent_ms in (0, 24 * 3600 * 1000 - 1):
        bus.heard_ms = NOON_MS - silent_ms
        got = bus.show(late.code(at()), at())
        assert (got.verdict, got.reason) == (Verdict.CREDENTIAL_EXPIRED, Reason.NONE)
    bus.heard_ms = NOON_MS - 24 * 3600 * 1000
    got = bus.show(late.code(at()), at())
    assert (got.verdict, got.reason) == (Verdict.ACCEPTED_GRACE, Reason.BACKEND_SILENT)


def test_r7_the_last_day_itself_still_rides() -> None:
    assert Bus().show(Rider(8, days=0).code(at()), at()).verdict is Verdict.ACCEPTED


def test_r7_a_clock_that_nobody_trusts_expires_no_credential() -> None:
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
