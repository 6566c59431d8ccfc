"""Codes, binding and the way back over a ledger in both databases: once, in time, told, stopped and forgotten."""

import os
from pathlib import Path

import pytest

from backend.adapters.ledger.tables import METADATA
from backend.app.payments.settling import Calls
from backend.app.phones import PUMPED, SENDER, UNSENT, Phones, Wired
from backend.core.api import Registered
from backend.core.errors import NotAllowed, NotFound, Refused
from backend.core.ledger import SUSPENSE, Transfer, TransferKind, rider_account
from backend.core.limits import (
    NUMBER_LEAVES_MS,
    PHONE_ADDRESSES_WATCHED_MAX,
    PHONE_CODE_MS,
    PHONE_CODE_TRIES_MAX,
    PHONE_CODES_A_DAY_MAX,
    PHONE_CODES_ADDRESS_MAX,
    PHONE_CODES_AN_HOUR_MAX,
    RECOVERY_GOOD_MS,
    RECOVERY_WAIT_MS,
)
from backend.core.moving import Former
from backend.core.payments.topup import TopUp
from backend.core.phone.binding import PhoneState
from backend.core.phone.code import Asked, For
from backend.core.phone.errors import NumberRefused, SmsUnknown, SmsUnsent, TooManyCodes, WrongCode
from backend.core.phone.numbers import number_mac
from backend.core.phone.ports import NumberProof, Waits
from backend.core.ports import Rider
from protocol.errors import BadSignature
from protocol.wire.passes import read_issued
from tests.backend.bus import Bus, key
from tests.backend.bus import Rider as RidesBy
from tests.backend.moving.phones import proof_of, registered
from tests.backend.phone.office import DAY_MS, HERE, HOUR_MS, KEY, MINUTE_MS, NUMBER, OTHERS, PhoneOffice

pytestmark = pytest.mark.databases
WRONG = "999999"


def another(code: str) -> str:
    """One that it is not."""
    return WRONG if code != WRONG else "000000"


# --- codes ----------------------------------------------------------------------------------------------------------


def test_a_code_binds_its_number_once(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    assert it.state("ali") == PhoneState()
    code = it.ask()
    assert it.sender.sent == [(NUMBER, code, For.BIND)]
    assert it.phones.bind(it.rider("ali"), NumberProof("+98 912 123 4567", code), HERE).since_ms == it.office.now_ms
    with pytest.raises(WrongCode):
        it.phones.bind(it.rider("ali"), NumberProof(NUMBER, code), HERE)
    it.close()


def test_a_code_opens_nothing_of_another_number_or_purpose(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    code = it.ask(For.BIND)
    with pytest.raises(WrongCode):
        it.phones.bind(it.rider("ali"), NumberProof(OTHERS, code), HERE)
    with pytest.raises(WrongCode):
        it.sign_in(key("new"), code=code)
    it.phones.bind(it.rider("ali"), NumberProof(NUMBER, code), HERE)
    it.close()


def test_persian_digits_are_the_same_code(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    typed = it.ask().translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    assert it.phones.bind(it.rider("ali"), NumberProof(NUMBER, typed), HERE).since_ms
    it.close()


def test_a_code_is_over_after_its_time_and_after_its_tries_and_with_the_next_one(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    late = it.ask()
    it.pass_ms(PHONE_CODE_MS)
    with pytest.raises(WrongCode):
        it.phones.bind(it.rider("ali"), NumberProof(NUMBER, late), HERE)
    guessed = it.ask()
    for _ in range(PHONE_CODE_TRIES_MAX):
        with pytest.raises(WrongCode):
            it.phones.bind(it.rider("ali"), NumberProof(NUMBER, another(guessed)), HERE)
    with pytest.raises(WrongCode):
        it.phones.bind(it.rider("ali"), NumberProof(NUMBER, guessed), HERE)
    older, newer = it.ask(), it.ask()
    with pytest.raises(WrongCode):
        it.phones.bind(it.rider("ali"), NumberProof(NUMBER, older if older != newer else another(newer)), HERE)
    assert it.phones.bind(it.rider("ali"), NumberProof(NUMBER, newer), HERE).since_ms
    it.close()


def test_limits_hold_over_a_new_start(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path)
    for _ in range(PHONE_CODES_A_DAY_MAX):
        it.ask()
        with pytest.raises(TooManyCodes):  # within the minute
            it.phones.send_code(NUMBER, For.BIND, "10.0.0.1")
    now_ms = it.office.now_ms
    it.close()
    it = PhoneOffice(tmp_path)
    it.office.now_ms = now_ms
    with pytest.raises(TooManyCodes):
        it.ask()
    it.ask(number=OTHERS)
    it.pass_ms(DAY_MS)
    it.ask()
    it.close()


def test_an_hour_has_so_many_codes_for_all_and_a_person_is_called(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path)
    for number in range(PHONE_CODES_AN_HOUR_MAX):
        it.office.store.note_code(Asked(number.to_bytes(32), it.office.now_ms - number, b"m", For.BIND))
    with pytest.raises(TooManyCodes):
        it.phones.send_code(NUMBER, For.BIND, "10.0.0.1")
    assert (it.sender.sent, it.called[0][:2]) == ([], (PUMPED, SENDER))
    it.pass_ms(HOUR_MS)
    it.ask()
    it.phones.turn()
    assert it.called[-1] == ("ended", PUMPED, SENDER)
    it.close()


def test_an_address_waits_behind_so_many_and_others_do_not(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path)
    for number in range(PHONE_CODES_ADDRESS_MAX):
        it.phones.send_code(f"0912{number:07}", For.BIND, "10.0.0.1")
    with pytest.raises(TooManyCodes) as caught:
        it.phones.send_code(NUMBER, For.BIND, "10.0.0.1")
    it.phones.send_code(NUMBER, For.BIND, "10.0.0.2")
    it.pass_ms(caught.value.wait_ms)
    it.phones.send_code(OTHERS, For.BIND, "10.0.0.1")
    for number in range(PHONE_ADDRESSES_WATCHED_MAX + 5):
        it.phones._origins.count(f"a{number}")
    assert len(it.phones._origins._asked) == PHONE_ADDRESSES_WATCHED_MAX
    it.close()


def test_what_the_sender_says_is_told_counts_and_calls_a_person_where_it_is_ours(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    for says, error in (("refused-number", NumberRefused), ("no-credit", SmsUnsent), ("late", SmsUnknown)):
        it.sender.says = says
        with pytest.raises(error):
            it.ask()
    assert next(row for row in it.called if row[0] == UNSENT)[:2] == (UNSENT, SENDER)
    assert ("ended", UNSENT, SENDER) not in it.called
    assert it.phones.bind(it.rider("ali"), NumberProof(NUMBER, it.sender.code), HERE).since_ms, (
        "it came late, and is good"
    )
    it.ask()
    assert it.called[-1] == ("ended", UNSENT, SENDER)
    assert it.office.rows("SELECT count(*) FROM phone_code") == [(4,)]
    it.close()


def test_a_city_that_sends_no_messages_says_so_and_numbers_can_still_be_given_up(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    phones = Phones(
        it.office.store, it.office.store, it.riders, None, clock=lambda: it.office.now_ms, randomness=os.urandom,
        calls=Calls(lambda *_: None, lambda *_: None),
    )  # fmt: skip
    new = key("new")
    for ask in (
        lambda: phones.send_code(NUMBER, For.BIND, ""),
        lambda: phones.bind(it.rider("ali"), NumberProof(NUMBER, WRONG), HERE),
        lambda: phones.sign_in(NumberProof(NUMBER, WRONG), HERE, new.public, proof_of(new, it.riders)),
    ):  # fmt: skip
        with pytest.raises(Refused) as caught:
            ask()
        assert caught.value.data["rider_fa"]
    assert phones.state(it.rider("ali")).since_ms
    assert phones.release(it.rider("ali")) == PhoneState(given_up_ms=it.office.now_ms + NUMBER_LEAVES_MS)
    phones.stop()
    it.close()


# --- whose a number is ----------------------------------------------------------------------------------------------


def test_an_account_has_one_number_and_gives_it_up_at_a_word(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    it.bind("ali")
    it.bind("ali", OTHERS)
    due_ms = it.office.now_ms + NUMBER_LEAVES_MS
    assert it.state("ali") == PhoneState(since_ms=it.office.now_ms, given_up_ms=due_ms)
    assert it.bind("zahra") == PhoneState(from_ms=due_ms), "no later than the former account has it"
    it.office.now_ms = due_ms
    assert it.state("zahra") == PhoneState(since_ms=due_ms)
    gone = PhoneState(given_up_ms=due_ms + NUMBER_LEAVES_MS)
    assert it.phones.release(it.rider("ali")) == gone
    it.pass_ms(HOUR_MS)
    assert it.phones.release(it.rider("ali")) == gone, "saying it twice neither hastens nor delays it"
    it.office.now_ms = due_ms + NUMBER_LEAVES_MS
    assert it.state("ali") == PhoneState()
    it.phones.turn()
    assert it.office.rows("SELECT count(*) FROM phone") == [(1,)]
    it.close()


def test_a_number_comes_over_after_its_time_and_its_account_is_told(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    since_ms = it.bind("ali").since_ms
    come = it.bind("zahra")
    due_ms = it.office.now_ms + NUMBER_LEAVES_MS
    assert come == PhoneState(from_ms=due_ms)
    assert it.state("ali") == PhoneState(since_ms=since_ms, leaves_ms=due_ms)
    it.pass_ms(HOUR_MS)
    assert it.bind("zahra").from_ms == due_ms
    it.office.now_ms = due_ms - 1
    assert it.state("ali").since_ms
    it.pass_ms(1)
    assert (it.state("ali"), it.state("zahra")) == (PhoneState(), PhoneState(since_ms=due_ms))
    it.phones.turn()
    assert (it.state("ali"), it.state("zahra")) == (PhoneState(), PhoneState(since_ms=due_ms))
    it.bind("ali", OTHERS)
    it.close()


def test_who_proves_it_again_keeps_it(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    since_ms = it.bind("ali").since_ms
    it.bind("zahra")
    assert it.bind("ali") == PhoneState(since_ms=since_ms)
    assert it.state("zahra") == PhoneState()
    it.pass_ms(NUMBER_LEAVES_MS)
    assert it.state("ali").since_ms == since_ms
    it.close()


def test_what_is_given_up_with_a_code_is_at_once_who_waits_for_it(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    it.bind("ali")
    due_ms = it.bind("zahra").from_ms
    it.phones.release(it.rider("ali"))
    assert it.state("zahra") == PhoneState(from_ms=due_ms), "a word alone hastens nothing"
    assert it.phones.give_up_at_once(it.rider("ali"), NumberProof(NUMBER, it.ask()), HERE) == PhoneState()
    assert it.state("zahra").since_ms == it.office.now_ms
    it.bind("ali")
    it.phones.release(it.rider("ali"))
    assert it.state("zahra").leaves_ms is None
    it.close()


# --- the way back ---------------------------------------------------------------------------------------------------


def came(found: Registered | Waits) -> Registered:
    """It did."""
    assert isinstance(found, Registered)
    return found


def test_the_account_comes_to_the_new_phone_a_day_later_and_the_old_one_is_denied(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    new, old = key("new"), it.people["ali"]
    first = it.sign_in(new)
    assert first == Waits(it.office.now_ms + RECOVERY_WAIT_MS)
    waits = it.state("ali").recovery
    assert waits is not None
    assert (waits.public_key, waits.due_ms) == (new.public, first.until_ms)
    it.pass_ms(HOUR_MS)
    assert it.sign_in(new) == first, "asking twice neither hastens nor delays it"
    assert read_issued(it.rider("ali").credential).version == 1
    it.office.now_ms = first.until_ms - MINUTE_MS  # `ask` waits a minute
    found = came(it.sign_in(new))
    assert found.credential_id == old.credential_id
    assert read_issued(found.credential).version == 2
    assert read_issued(found.credential).holder == new.public
    with pytest.raises(NotAllowed):
        it.rider("ali")
    assert dict(it.office.store.ended_versions()) == {old.credential_id: 1}
    again = registered(it.office, new)
    assert (again.credential_id, again.credential) == (found.credential_id, found.credential)
    it.people["ali"] = again
    assert it.state("ali").recovery is None
    assert it.state("ali").since_ms, "the number stays his"
    it.close()


def test_one_step_is_never_enough_and_the_second_takes_a_code_of_its_own(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    code = it.ask(For.SIGN_IN)
    it.sign_in(key("new"), code=code)
    it.pass_ms(RECOVERY_WAIT_MS)
    for wrong in (code, another(code)):
        with pytest.raises(WrongCode):
            it.sign_in(key("new"), code=wrong)
    assert isinstance(it.sign_in(key("another")), Waits), "another key waits anew"
    assert isinstance(it.sign_in(key("new")), Waits)
    it.close()


def test_the_old_phone_stops_it_with_one_word(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    it.sign_in(key("thief"))
    given_up = PhoneState(given_up_ms=it.office.now_ms + NUMBER_LEAVES_MS)
    assert it.phones.release(it.rider("ali")) == given_up
    assert it.office.rows("SELECT count(*) FROM phone_recovery") == [(0,)]
    it.pass_ms(RECOVERY_WAIT_MS)
    assert it.sign_in(key("thief")) == Waits(it.office.now_ms + NUMBER_LEAVES_MS), "what was given up waits longer"
    assert it.state("ali").recovery is not None
    it.phones.release(it.rider("ali"))
    it.pass_ms(NUMBER_LEAVES_MS)
    with pytest.raises(NotFound):
        it.sign_in(key("thief"))
    assert read_issued(it.rider("ali").credential).version == 1
    assert it.office.rows("SELECT count(*) FROM phone_recovery") == [(0,)]
    it.close()


def test_a_word_that_comes_between_two_looks_stops_it_too(tmp_path: Path) -> None:
    """The ledger is asked anew within the transaction that moves."""
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    it.sign_in(key("thief"))
    it.pass_ms(RECOVERY_WAIT_MS)
    noted = it.office.store.note_recovery

    def noted_then_stopped(*asked: object) -> object:
        found = noted(*asked)  # type: ignore[arg-type]
        it.phones.release(it.rider("ali"))
        return found

    it.office.store.note_recovery = noted_then_stopped  # type: ignore[assignment,method-assign]
    with pytest.raises(Refused) as caught:
        it.sign_in(key("thief"))
    assert caught.value.data["rider_fa"]
    assert read_issued(it.rider("ali").credential).version == 1
    it.close()


def test_the_ledger_itself_moves_nothing_before_its_time_or_to_another_key(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    waits = it.sign_in(key("new"))
    assert isinstance(waits, Waits)
    lapses_ms = waits.until_ms + RECOVERY_GOOD_MS
    for name, now_ms in (("new", waits.until_ms - 1), ("other", waits.until_ms), ("new", lapses_ms)):

        def keep(moved: Rider, former: Former, now_ms: int = now_ms) -> None:
            it.office.store.recover_rider(moved, former, number_mac(KEY, NUMBER), now_ms)

        with pytest.raises(Refused):
            it.riders.recover(it.rider("ali"), key(name).public, keep)
    assert read_issued(it.rider("ali").credential).version == 1
    it.close()


@pytest.mark.parametrize("how", ["his own move", "proven again", "another number", "the number has gone"])
def test_it_ends_with_whatever_shows_that_its_account_is_elsewhere(tmp_path: Path, how: str) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    it.bind("ali")
    it.sign_in(key("thief"))
    if how == "his own move":
        phone = key("ali's next")
        it.people["ali"] = it.riders.move(it.rider("ali"), phone.public, proof_of(phone, it.riders))
    elif how == "proven again":
        it.bind("ali")
    elif how == "another number":
        it.bind("ali", OTHERS)
    else:
        it.bind("zahra")
        it.pass_ms(NUMBER_LEAVES_MS)
        it.phones.turn()
    assert it.state("ali").recovery is None
    left = 1 if how == "the number has gone" else 0  # so that its key is told, and does not land on her account
    assert it.office.rows("SELECT count(*) FROM phone_recovery") == [(left,)]
    it.pass_ms(RECOVERY_WAIT_MS)
    version = read_issued(it.rider("ali").credential).version
    if left:
        with pytest.raises(Refused) as caught:
            it.sign_in(key("thief"))
        assert caught.value.data["rider_fa"]
        assert it.state("zahra").recovery is None
    else:
        assert isinstance(it.sign_in(key("thief")), Waits)
    assert read_issued(it.rider("ali").credential).version == version
    it.close()


def test_whose_phone_has_ridden_meanwhile_has_it_still(tmp_path: Path) -> None:
    """Not before it was asked for: that is what a lost phone did."""
    bus, phone = Bus("bus-1-d1"), RidesBy(1)
    it = PhoneOffice(tmp_path, bus=bus, rides=phone)
    bus.tap(phone.show(1))
    it.office.take_whole(bus)
    it.bind("rider")
    first = it.sign_in(key("new"))
    assert isinstance(first, Waits)
    it.office.now_ms = first.until_ms
    bus.now_ms = first.until_ms - HOUR_MS
    bus.tap(phone.show(2, time_s=bus.now_ms // 1000))
    it.office.take_whole(bus)
    with pytest.raises(Refused) as caught:
        it.sign_in(key("new"))
    assert "desk" in str(caught.value.data["rider_en"])
    assert read_issued(it.rider("rider").credential).version == 1
    assert isinstance(it.sign_in(key("another")), Waits)
    it.pass_ms(RECOVERY_WAIT_MS)
    came(it.sign_in(key("another")))
    it.close()


def test_who_does_not_come_back_for_a_week_begins_anew(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    it.sign_in(key("new"))
    it.pass_ms(RECOVERY_WAIT_MS + RECOVERY_GOOD_MS)
    assert it.state("ali").recovery is None
    assert isinstance(it.sign_in(key("new")), Waits)
    it.close()


def test_who_owes_gets_nothing_by_a_number_either(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    it.sign_in(key("new"))
    it.pass_ms(RECOVERY_WAIT_MS)
    store, credential_id = it.office.store, it.people["ali"].credential_id
    store.add_topup(TopUp("t", credential_id, 500_000, "pending", "a", it.office.now_ms))
    assert store.pay_topup("t", it.office.now_ms)
    spent = Transfer(b"s" * 32, TransferKind.MANUAL, rider_account(credential_id), SUSPENSE, 500_000)
    with store._writer.transaction() as core:
        store.post(core, [spent], it.office.now_ms)
    assert store.charge_back("t", it.office.now_ms)
    with pytest.raises(Refused, match="denied"):
        it.sign_in(key("new"))
    assert read_issued(it.rider("ali").credential).version == 1
    it.close()


def test_a_key_that_cannot_be_uses_up_no_code(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    it.bind("ali")
    code = it.ask(For.SIGN_IN)
    with pytest.raises(Refused):
        it.sign_in(key("zahra"), code=code)
    forged = proof_of(key("other"), it.riders)
    with pytest.raises(BadSignature):
        it.phones.sign_in(NumberProof(NUMBER, code), HERE, key("new").public, forged)
    assert isinstance(it.sign_in(key("new"), code=code), Waits)
    it.close()


# --- what is kept, and forgotten ------------------------------------------------------------------------------------


def test_who_closes_his_account_leaves_no_number_behind(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    it.bind("ali")
    it.sign_in(key("new"))
    it.leave("ali")
    assert it.state("ali") == PhoneState()
    for table in ("phone", "phone_recovery"):
        assert it.office.rows(f"SELECT count(*) FROM {table}") == [(0,)]
    with pytest.raises(Refused):
        it.bind("ali")
    with pytest.raises(NotFound):
        it.sign_in(key("new"))
    assert it.bind("zahra").since_ms == it.office.now_ms, "it is free at once"
    it.close()


def test_codes_are_gone_after_a_day_and_what_lapsed_with_them(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    it.sign_in(key("new"))
    it.pass_ms(DAY_MS - 1)
    it.phones.turn()
    assert it.office.rows("SELECT count(*) FROM phone_code") == [(1,)]
    it.pass_ms(1)
    it.phones.turn()
    assert it.office.rows("SELECT count(*) FROM phone_code") == [(0,)]
    it.pass_ms(RECOVERY_GOOD_MS)
    it.phones.turn()
    assert it.office.rows("SELECT count(*) FROM phone_recovery") == [(0,)]
    assert it.state("ali").since_ms
    it.close()


def test_a_number_stands_nowhere_and_its_hmac_in_its_own_tables_alone(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    code = it.ask(For.SIGN_IN)
    it.sign_in(key("new"), code=code)
    mac = number_mac(KEY, NUMBER)
    found = {name for name, values in tables(it) if mac in values}
    assert found == {"phone", "phone_code"}
    for name, values in tables(it):
        for value in values:
            told = value if isinstance(value, bytes) else str(value).encode()
            assert NUMBER[1:].encode() not in told, name
            assert told != code.encode(), name
    it.close()


def tables(it: PhoneOffice) -> list[tuple[str, list[object]]]:
    """Every table of the ledger with all its values."""
    found = []
    for table in METADATA.sorted_tables:
        rows = it.office.rows(f'SELECT * FROM "{table.name}"')
        found.append((table.name, [bytes(v) if isinstance(v, memoryview) else v for row in rows for v in row]))
    return found


def test_the_wired_key_is_told_to_nobody(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path)
    assert "kkkk" not in repr(Wired(it.sender, KEY))
    it.close()
