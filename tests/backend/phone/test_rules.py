"""Numbers in one form, codes all alike, limits to the millisecond, and what a binding is with each proof of it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.limits import (
    NUMBER_LEAVES_MS,
    PHONE_CODE_AGAIN_MS,
    PHONE_CODE_MS,
    PHONE_CODE_TRIES_MAX,
    PHONE_CODES_A_DAY_MAX,
    PHONE_CODES_AN_HOUR_MAX,
    PHONE_CODES_OF_ALL_A_DAY_MAX,
    RECOVERY_GOOD_MS,
    RECOVERY_WAIT_MS,
)
from backend.core.origins import Origin, origin_of
from backend.core.phone.binding import Bound, recovery
from backend.core.phone.code import (
    DAY_MS,
    HOUR_MS,
    Asked,
    EverybodysLimit,
    For,
    SentOfLate,
    code_mac,
    draw_code,
    require_may_send,
)
from backend.core.phone.errors import BadNumber, TooManyCodes
from backend.core.phone.numbers import mobile_number, number_mac

KEY, NOW = b"k" * 32, 1_790_000_000_000
WRITTEN = [
    "09121234567", "+989121234567", "00989121234567", "989121234567", "9121234567", "۰۹۱۲۱۲۳۴۵۶۷", "٠٩١٢١٢٣٤٥٦٧",
    "+98 912 123 4567", "0912-123-45-67", "(0912) 123.45.67", "\u200e+۹۸ ۹۱۲ ۱۲۳ ۴۵۶۷",
]  # fmt: skip
NONE = [
    "", "0913000111", "091212345678", "08121234567", "03132345678", "+989121234567a", "+14155550100", "+9809121234567",
    "0989121234567", "0912123456x", "²9121234567", "09121234567" + " " * 20, "+98+9121234567", "۰۹۱۳۰۰۰۱۱۱", "٩" * 11,
]  # fmt: skip


@pytest.mark.parametrize("typed", WRITTEN)
def test_one_number_however_it_is_typed(typed: str) -> None:
    assert mobile_number(typed) == "09121234567"


@pytest.mark.parametrize("typed", NONE)
def test_anything_else_is_none_and_is_not_repeated(typed: str) -> None:
    with pytest.raises(BadNumber) as caught:
        mobile_number(typed)
    assert caught.value.data["rider_fa"]
    assert not typed or typed not in f"{caught.value} {caught.value.data}"


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_number_or_refused(typed: str) -> None:
    try:
        found = mobile_number(typed)
    except BadNumber:
        return
    assert found.isascii()
    assert len(found) == 11
    assert mobile_number(found) == found


def test_an_hmac_is_of_number_and_key_alone() -> None:
    mac = number_mac(KEY, "09121234567")
    assert len(mac) == 32
    assert mac == number_mac(KEY, mobile_number("+98 912 123 4567"))
    assert len({mac, number_mac(KEY, "09121234568"), number_mac(b"l" * 32, "09121234567")}) == 3


def test_codes_are_six_digits_and_none_is_likelier() -> None:
    drawn = [
        draw_code(lambda n, i=i: (i * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128).to_bytes(n)) for i in range(20_000)
    ]
    assert all(len(it) == 6 and it.isdecimal() for it in drawn)
    assert draw_code(bytes) == "000000"
    first = Counter(it[0] for it in drawn)
    assert max(first.values()) < 2 * min(first.values())


def test_what_is_kept_of_a_code_hangs_on_number_purpose_and_key() -> None:
    one, two = number_mac(KEY, "09121234567"), number_mac(KEY, "09121234568")
    kept = [
        code_mac(KEY, one, For.BIND, "123456"), code_mac(KEY, two, For.BIND, "123456"),
        code_mac(KEY, one, For.SIGN_IN, "123456"), code_mac(KEY, one, For.BIND, "123457"),
        code_mac(b"l" * 32, one, For.BIND, "123456"),
    ]  # fmt: skip
    assert len(set(kept)) == len(kept)
    assert Asked(one, NOW, kept[0], For.BIND).is_right(code_mac(KEY, one, For.BIND, "123456"))


def test_a_code_is_good_for_minutes_a_few_tries_and_once() -> None:
    it = Asked(b"n", NOW, b"m", For.BIND)
    assert [it.may_be_tried(NOW + ms) for ms in (-1, 0, PHONE_CODE_MS - 1, PHONE_CODE_MS)] == [False, True, True, False]
    assert Asked(b"n", NOW, b"m", For.BIND, PHONE_CODE_TRIES_MAX - 1).may_be_tried(NOW)
    assert not Asked(b"n", NOW, b"m", For.BIND, PHONE_CODE_TRIES_MAX).may_be_tried(NOW)
    assert not Asked(b"n", NOW, b"", For.BIND).may_be_tried(NOW)
    assert 180_000 <= PHONE_CODE_MS <= 300_000


def waits(of_late: SentOfLate, now_ms: int) -> int:
    """For how long the next one waits, 0 where it may be sent."""
    try:
        require_may_send(of_late, now_ms)
    except TooManyCodes as error:
        return error.wait_ms
    return 0


def test_the_next_code_waits_a_minute_then_a_day_and_everybody_an_hour() -> None:
    assert waits(SentOfLate((), 0), NOW) == 0
    one = SentOfLate((NOW,), 1, NOW)
    assert [waits(one, NOW + ms) for ms in (0, PHONE_CODE_AGAIN_MS - 1, PHONE_CODE_AGAIN_MS)] == [60_000, 1, 0]
    times = tuple(NOW + n * HOUR_MS for n in range(PHONE_CODES_A_DAY_MAX))
    later = times[-1] + HOUR_MS
    assert waits(SentOfLate(times[1:], 1, NOW), later) == 0
    assert waits(SentOfLate(times, 1, NOW), later) == NOW + DAY_MS - later
    full = SentOfLate((), PHONE_CODES_AN_HOUR_MAX, NOW)
    assert waits(SentOfLate((), PHONE_CODES_AN_HOUR_MAX - 1, NOW), NOW + 9) == 0
    assert waits(full, NOW + 9) == HOUR_MS - 9
    with pytest.raises(EverybodysLimit):
        require_may_send(full, NOW + 9)


def test_a_day_has_so_many_codes_for_all() -> None:
    full = SentOfLate((), 0, 0, PHONE_CODES_OF_ALL_A_DAY_MAX, NOW)
    assert waits(SentOfLate((), 0, 0, PHONE_CODES_OF_ALL_A_DAY_MAX - 1, NOW), NOW + 9) == 0
    assert waits(full, NOW + 9) == DAY_MS - 9
    with pytest.raises(EverybodysLimit) as caught:
        require_may_send(full, NOW + 9)
    assert caught.value.of_all == "a day"


def test_an_address_of_ipv6_is_its_64_and_part_of_its_48() -> None:
    assert origin_of("2001:db8:1:2:3::4") == Origin("2001:db8:1:2::/64", "2001:db8:1::/48")
    assert origin_of("2001:db8:1:2:ffff::9") == origin_of("2001:db8:1:2:3::4")
    assert origin_of("2001:db8:1:3::4").site == origin_of("2001:db8:1:2:3::4").site
    assert origin_of("fe80::1%eth0") == origin_of("fe80::2")
    assert origin_of("::ffff:10.0.0.1") == origin_of("10.0.0.1") == Origin("10.0.0.1", None)
    assert origin_of("testclient") == Origin("testclient", None)


A, B, C = b"a" * 8, b"b" * 8, b"c" * 8


def test_a_number_goes_to_who_proves_it_last_and_not_at_once() -> None:
    held = Bound(A, NOW)
    asked = held.proven_by(B, NOW + 5)
    assert (asked.credential_id, asked.next_id, asked.next_ms) == (A, B, NOW + 5 + NUMBER_LEAVES_MS)
    assert asked.proven_by(B, NOW + 99) == asked, "asking twice gains nothing, and loses nothing"
    assert asked.proven_by(C, NOW + 99).next_id == C
    assert asked.proven_by(A, NOW + 99) == held, "its account proves it anew, and it stays"
    due = asked.next_ms or 0
    assert asked.on(due - 1) == asked
    assert asked.on(due) == Bound(B, due)


def test_what_is_given_up_goes_to_who_waits() -> None:
    held = Bound(A, NOW, B, NOW + 9)
    assert held.without(A, NOW + 1) == Bound(B, NOW + 1)
    assert held.without(B, NOW + 1) == Bound(A, NOW)
    assert held.without(C, NOW + 1) == held
    assert Bound(A, NOW).without(A, NOW + 1) is None


def test_another_key_waits_anew_and_the_same_one_does_not() -> None:
    first = recovery(Bound(A, NOW), b"key", NOW, None)
    assert first.due_ms == NOW + RECOVERY_WAIT_MS
    assert recovery(Bound(A, NOW), b"key", NOW + 9, first) is first
    assert recovery(Bound(A, NOW), b"other", NOW + 9, first).due_ms == NOW + 9 + RECOVERY_WAIT_MS
    lapses = first.due_ms + RECOVERY_GOOD_MS
    assert recovery(Bound(A, NOW), b"key", lapses - 1, first) is first
    assert recovery(Bound(A, NOW), b"key", lapses, first).due_ms == lapses + RECOVERY_WAIT_MS
    assert [first.waits(ms) for ms in (first.due_ms - 1, first.due_ms)] == [True, False]
    given_up = Bound(A, NOW, until_ms=NOW + 1)
    assert recovery(given_up, b"key", NOW, None).due_ms == NOW + NUMBER_LEAVES_MS, "its phone has said no to it"


def test_what_a_word_gives_up_leaves_later_and_no_other_has_it_later_still() -> None:
    gone = Bound(A, NOW).given_up_by(A, NOW)
    until_ms = NOW + NUMBER_LEAVES_MS
    assert gone == Bound(A, NOW, until_ms=until_ms)
    assert gone.given_up_by(A, NOW + 9) == gone
    assert (gone.on(until_ms - 1), gone.on(until_ms)) == (gone, None)
    assert gone.proven_by(A, NOW + 9) == Bound(A, NOW), "proven again, it stays"
    proven = gone.proven_by(B, NOW + 9)
    assert proven == Bound(A, NOW, B, until_ms, until_ms)
    assert proven.on(until_ms) == Bound(B, until_ms)
    assert proven.given_up_by(B, NOW + 9) == gone, "what it would have had is forgone at once"
    pushed = gone.kept_until(until_ms + 99)
    assert pushed.until_ms == until_ms + 99
    assert pushed.given_up_by(A, NOW) == gone, "the phone's next word"
    asked = Bound(A, NOW, B, NOW + 5).kept_until(NOW + 99)
    assert (asked.next_ms, asked.until_ms) == (NOW + 99, None)
    assert asked.kept_until(NOW) == asked
    assert Bound(A, NOW).kept_until(NOW + 9) == Bound(A, NOW)
    assert Bound(A, NOW, B, NOW + 2 * NUMBER_LEAVES_MS).given_up_by(A, NOW).until_ms == NOW + 2 * NUMBER_LEAVES_MS
