"""A number that is given up or replaced, one that leaves while its owner signs in, and what a desk takes away."""

from pathlib import Path

import pytest

from backend.core.errors import Refused
from backend.core.limits import NUMBER_LEAVES_MS, PHONE_CODE_TRIES_MAX, PHONE_TRIES_ADDRESS_MAX, RECOVERY_GOOD_MS
from backend.core.phone.binding import PhoneState
from backend.core.phone.code import For
from backend.core.phone.errors import WrongCode
from backend.core.phone.ports import NumberProof, Waits
from backend.core.staff.errors import TooManyTries
from tests.backend.bus import Rider as RidesBy
from tests.backend.bus import key
from tests.backend.moving.phones import registered
from tests.backend.phone.office import HERE, HOUR_MS, NUMBER, OTHERS, PhoneOffice
from tests.backend.phone.test_phones import another, came

pytestmark = pytest.mark.databases


def waits(found: object) -> Waits:
    """It does."""
    assert isinstance(found, Waits)
    return found


def test_what_was_replaced_brings_its_owner_back_and_stays_his_then(tmp_path: Path) -> None:
    """And what the thief bound is given up with that."""
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    it.bind("ali", OTHERS)
    first = waits(it.sign_in(key("new")))
    assert first.until_ms == it.office.now_ms + NUMBER_LEAVES_MS
    assert it.state("ali").given_up_ms == first.until_ms + RECOVERY_GOOD_MS, "it does not leave meanwhile"
    it.office.now_ms = first.until_ms
    it.people["ali"] = came(it.sign_in(key("new")))
    given_up_ms = it.office.now_ms + NUMBER_LEAVES_MS
    assert it.state("ali").given_up_ms == given_up_ms
    assert it.state("ali").since_ms, "his own stays"
    it.office.now_ms = given_up_ms
    it.phones.turn()
    assert it.office.rows("SELECT count(*) FROM phone") == [(1,)]
    assert waits(it.sign_in(key("newer"))), "by his own"
    it.close()


def test_with_a_code_that_came_to_it_the_one_before_leaves_at_once(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    it.bind("ali")
    old, new = it.ask(), it.ask(number=OTHERS)
    bound = it.phones.bind(it.rider("ali"), NumberProof(OTHERS, new), HERE, NumberProof(NUMBER, old))
    assert bound == PhoneState(since_ms=it.office.now_ms)
    assert it.bind("zahra").since_ms == it.office.now_ms
    it.close()


def test_a_wrong_code_of_the_one_before_binds_nothing(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    old, new = it.ask(), it.ask(number=OTHERS)
    before = it.state("ali")
    with pytest.raises(WrongCode):
        it.phones.bind(it.rider("ali"), NumberProof(OTHERS, new), HERE, NumberProof(NUMBER, another(old)))
    assert it.state("ali") == before
    it.close()


def test_nobody_gives_anothers_number_up_with_a_code_to_it(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    it.bind("ali")
    before = it.state("ali")
    it.phones.give_up_at_once(it.rider("zahra"), NumberProof(NUMBER, it.ask()), HERE)
    assert it.state("ali") == before
    it.close()


def test_who_proves_what_he_gave_up_keeps_it_and_gives_up_the_other(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    since_ms = it.bind("ali").since_ms
    it.bind("ali", OTHERS)
    given_up = it.bind("ali")
    assert given_up == PhoneState(since_ms=since_ms, given_up_ms=it.office.now_ms + NUMBER_LEAVES_MS)
    it.close()


def test_a_sign_in_keeps_a_number_that_leaves_and_the_old_claim_ends_with_it(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    it.bind("ali")
    it.bind("zahra")
    it.pass_ms(50 * HOUR_MS)
    first = waits(it.sign_in(key("new")))
    assert it.state("zahra").from_ms == first.until_ms + RECOVERY_GOOD_MS
    it.office.now_ms = first.until_ms
    it.phones.turn()
    it.people["ali"] = came(it.sign_in(key("new")))
    assert it.state("ali").leaves_ms is None
    assert it.state("zahra") == PhoneState()
    it.close()


def test_a_desk_takes_every_number_away_and_says_so_once(tmp_path: Path) -> None:
    phone = RidesBy(1)
    it = PhoneOffice(tmp_path, "zahra", rides=phone)
    it.bind("rider")
    it.bind("rider", OTHERS)
    it.office.grant(phone, key("next").public)
    it.people["rider"] = registered(it.office, key("next"))
    assert it.people["rider"].by_desk
    assert not registered(it.office, key("another")).by_desk
    it.people["rider"] = registered(it.office, key("next"))
    assert not it.people["rider"].by_desk
    assert it.state("rider") == PhoneState()
    assert it.office.rows("SELECT count(*) FROM phone") == [(0,)]
    assert it.bind("zahra").since_ms == it.office.now_ms
    it.close()


def test_his_own_move_leaves_him_his_number(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    first = waits(it.sign_in(key("new")))
    it.office.now_ms = first.until_ms
    it.people["ali"] = came(it.sign_in(key("new")))
    assert it.state("ali").since_ms
    assert not it.people["ali"].by_desk
    it.close()


def test_wrong_codes_of_one_purpose_leave_the_others_code_as_it_is(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    code = it.ask(For.BIND)
    for _ in range(PHONE_CODE_TRIES_MAX):
        with pytest.raises(WrongCode):
            it.sign_in(key("stranger"), code=another(code))
    signing_in = it.ask(For.SIGN_IN)
    for _ in range(PHONE_CODE_TRIES_MAX - 1):
        with pytest.raises(WrongCode):
            it.sign_in(key("stranger"), code=another(signing_in))
    assert it.phones.bind(it.rider("ali"), NumberProof(NUMBER, code), HERE).since_ms
    assert isinstance(it.sign_in(key("new"), code=signing_in), Waits)
    it.close()


def test_who_gives_too_many_wrong_codes_waits_and_others_do_not(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali")
    it.bind("ali")
    for _ in range(PHONE_TRIES_ADDRESS_MAX):
        with pytest.raises(WrongCode):
            it.sign_in(key("stranger"), code="123456")
    code = it.ask(For.SIGN_IN)
    with pytest.raises(TooManyTries):
        it.sign_in(key("new"), code=code)
    assert isinstance(it.sign_in(key("new"), code=code, address="10.0.0.2"), Waits)
    it.close()


def test_a_phone_that_waits_for_another_account_is_told_so(tmp_path: Path) -> None:
    it = PhoneOffice(tmp_path, "ali", "zahra")
    it.bind("ali")
    it.bind("zahra", OTHERS)
    it.sign_in(key("new"))
    with pytest.raises(Refused) as caught:
        it.sign_in(key("new"), OTHERS)
    assert caught.value.data["rider_fa"]
    assert it.state("zahra").recovery is None
    it.close()
