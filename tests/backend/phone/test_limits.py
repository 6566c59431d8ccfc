"""What is asked for too often and from where, a sender that says nothing, a ledger that fails, a key that waits."""

from pathlib import Path

import pytest

from backend.app.closing import Closings
from backend.app.phones import PUMPED, SENDER, UNSENT
from backend.core.errors import Refused, StoreFailed
from backend.core.limits import (
    ORIGIN_SITE_SHARE,
    PHONE_CODES_ADDRESS_MAX,
    PHONE_CODES_CALL_AT,
    PHONE_CODES_OF_ALL_A_DAY_MAX,
    PHONE_TRIES_ADDRESS_MAX,
    RECOVERY_GOOD_MS,
    RECOVERY_WAIT_MS,
    SMS_UNKNOWN_MAX,
)
from backend.core.phone.code import For
from backend.core.phone.errors import NumberRefused, SmsUnknown, TooManyCodes, WrongCode
from backend.core.staff.errors import TooManyTries
from tests.backend.bus import key
from tests.backend.moving.phones import registered
from tests.backend.phone.office import HOUR_MS, MINUTE_MS, NUMBER, OTHERS, PhoneOffice

pytestmark = pytest.mark.databases


def test_a_pump_below_the_hours_limit_calls_a_person_and_a_day_has_an_end(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path)
    it.asked_before(PHONE_CODES_CALL_AT - 2, it.office.now_ms, 1)
    it.phones.send_code(OTHERS, For.BIND, "10.0.0.1")
    assert [row for row in it.called if row[0] == PUMPED] == []
    it.phones.send_code(NUMBER, For.BIND, "10.0.0.1")
    assert [row[:2] for row in it.called if row[0] == PUMPED] == [(PUMPED, SENDER)]
    it.asked_before(PHONE_CODES_OF_ALL_A_DAY_MAX - PHONE_CODES_CALL_AT, it.office.now_ms - 2 * HOUR_MS, 20_000)
    it.pass_ms(MINUTE_MS)
    with pytest.raises(TooManyCodes) as caught:
        it.phones.send_code(OTHERS, For.BIND, "10.0.0.1")
    assert caught.value.wait_ms > HOUR_MS
    assert "a day" in it.called[-1][2]
    it.close()


def test_over_ipv6_a_home_is_one_and_its_site_four_times_that(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path)
    for n in range(PHONE_CODES_ADDRESS_MAX * ORIGIN_SITE_SHARE):
        it.phones._origins.count(f"2001:db8:1:{n % ORIGIN_SITE_SHARE}::{n:x}")
    for address in ("2001:db8:1:0::ffff", "2001:db8:1:99::1"):
        with pytest.raises(TooManyCodes):
            it.phones._origins.count(address)
    it.phones._origins.count("2001:db8:2::1")
    for n in range(PHONE_TRIES_ADDRESS_MAX * ORIGIN_SITE_SHARE):
        it.phones._wrong.failed(f"2001:db8:1:{n % ORIGIN_SITE_SHARE}::{n:x}")
    for address in ("2001:db8:1:0::ffff", "2001:db8:1:99::1"):
        with pytest.raises(TooManyTries):
            it.phones._wrong.require(address)
    it.phones._wrong.require("2001:db8:2::1")
    it.close()


def test_a_home_alone_is_not_its_whole_site(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    for n in range(PHONE_TRIES_ADDRESS_MAX):
        with pytest.raises(WrongCode):
            it.sign_in(key("stranger"), code="123456", address=f"2001:db8::{n:x}")
    with pytest.raises(TooManyTries):
        it.sign_in(key("stranger"), code="123456", address="2001:db8::ffff")
    with pytest.raises(WrongCode):
        it.sign_in(key("stranger"), code="123456", address="2001:db8:0:1::1")
    it.close()


def test_a_sender_that_says_nothing_clear_a_few_times_calls_a_person(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path)

    def asked(says: str, error: type[Exception] = SmsUnknown) -> None:
        it.sender.says = says
        it.pass_ms(HOUR_MS * 5)
        with pytest.raises(error):
            it.ask()

    for _ in range(SMS_UNKNOWN_MAX - 1):
        asked("late")
    asked("refused-number", NumberRefused)  # a clear answer between
    for _ in range(SMS_UNKNOWN_MAX - 1):
        asked("late")
    assert it.called == []
    asked("late")
    assert it.called[-1][:2] == (UNSENT, SENDER)
    it.pass_ms(HOUR_MS)
    it.ask()
    assert it.called[-1] == ("ended", UNSENT, SENDER)
    asked("late")
    assert it.called[-1] == ("ended", UNSENT, SENDER)
    it.close()


def test_a_ledger_that_fails_once_ends_neither_thread(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    it = PhoneOffice(tmp_path)

    def fail(*_asked: object) -> bool:
        raise StoreFailed("no room", fix="make some")

    closings = Closings(it.office.store, it.riders, lambda: it.office.now_ms)
    forget, leave = it.office.store.forget_phones, it.office.store.leave_over
    it.office.store.forget_phones = it.office.store.leave_over = fail  # type: ignore[method-assign,assignment]
    it.phones.turn()
    closings.turn()
    assert [row.levelname for row in caplog.records if "no room" in row.message] == ["ERROR", "ERROR"]
    it.office.store.forget_phones, it.office.store.leave_over = forget, leave  # type: ignore[method-assign]
    it.phones.turn()
    assert it.called[-1][0] == "ended"
    it.close()


def test_a_key_that_waits_for_its_account_registers_nothing_meanwhile(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    it.sign_in(key("new"))
    with pytest.raises(Refused) as caught:
        registered(it.office, key("new"))
    assert caught.value.data["rider_fa"]
    registered(it.office, key("another"))
    it.pass_ms(RECOVERY_WAIT_MS)
    found = it.sign_in(key("new"))
    assert registered(it.office, key("new")).credential == found.credential  # type: ignore[union-attr]
    it.close()


def test_a_key_that_waited_and_lapsed_registers(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    it.sign_in(key("new"))
    it.pass_ms(RECOVERY_WAIT_MS + RECOVERY_GOOD_MS)
    assert registered(it.office, key("new")).credential_id != it.people["ali"].credential_id
    it.close()
