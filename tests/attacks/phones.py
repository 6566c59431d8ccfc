"""Telephone numbers: guessed and stolen codes, swapped SIMs, numbers of others, messages that somebody else pays for."""

import hmac
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

from backend.core.api import Registered
from backend.core.errors import RequestError
from backend.core.limits import (
    NUMBER_LEAVES_MS,
    PHONE_CODE_TRIES_MAX,
    PHONE_CODES_A_DAY_MAX,
    PHONE_CODES_ADDRESS_MAX,
    PHONE_CODES_AN_HOUR_MAX,
    PHONE_CODES_OF_ALL_A_DAY_MAX,
    PHONE_TRIES_ADDRESS_MAX,
    RECOVERY_WAIT_MS,
)
from backend.core.origins import Origin
from backend.core.phone.binding import Bound, Recovery
from backend.core.phone.code import For
from backend.core.phone.ports import NumberProof, Waits
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off
from tests.backend.bus import Bus, Rider, key
from tests.backend.moving.phones import registered
from tests.backend.phone.office import HERE, HOUR_MS, KEY, NUMBER, OTHERS, PhoneOffice

CODE, BINDING, DESK = "backend.core.phone.code", "backend.core.phone.binding", "backend.app.phones"
LEDGER = "backend.adapters.ledger"


def _office(ground: Ground, *names: str, **more: Any) -> PhoneOffice:
    it = PhoneOffice(ground.folder, *names, **more)
    ground.closing.callback(it.close)
    return it


def _wrong(code: str) -> str:
    return "000001" if code != "000001" else "000002"


@attack(Surface.RIDERS, Who.STRANGER, Outcome.BOUNDED, off(f"{CODE}:Asked.may_be_tried", gives(True)))
def codes_guessed(ground: Ground) -> Outcome:
    """A stranger asks all day for codes to a rider's number and tries what they might be: thirty guesses of a million."""
    it = _office(ground, "victim")
    it.bind("victim")
    it.pass_ms(25 * HOUR_MS)
    for _ in range(PHONE_CODES_A_DAY_MAX):
        code = it.ask(For.SIGN_IN)
        for n in range(2 * PHONE_CODE_TRIES_MAX):
            with suppress(RequestError):
                it.sign_in(key("thief"), code=_wrong(code), address=f"10.0.2.{n}")
    (guesses,) = it.office.rows("SELECT sum(tries) FROM phone_code")[0]
    return bounded_by(PHONE_CODES_A_DAY_MAX * PHONE_CODE_TRIES_MAX, int(guesses))


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{CODE}:Asked.is_right", gives(True)))
def number_looked_up(ground: Ground) -> Outcome:
    """A stranger asks for codes to numbers and signs in with wrong ones, to learn which of them has an account."""
    it = _office(ground, "victim")
    it.bind("victim")
    told = []
    for number in (NUMBER, OTHERS):
        code = it.ask(For.SIGN_IN, number)
        try:
            it.sign_in(key("stranger"), number, _wrong(code))
        except RequestError as error:
            told.append((type(error), error.message))
        else:
            told.append((Waits, ""))
    return refused_if(len(set(told)) == 1)


@attack(Surface.RIDERS, Who.RIDER, Outcome.REFUSED, off(f"{CODE}:Asked.is_right", gives(True)))
def code_of_another_number(ground: Ground) -> Outcome:
    """A rider binds another's number, to which a code went, with the code that came to his own."""
    it = _office(ground, "rider")
    it.ask(For.BIND, NUMBER)
    theirs = it.sender.code
    mine = it.ask(For.BIND, OTHERS)
    if mine == theirs:
        mine = _wrong(theirs)
    with suppress(RequestError):
        it.phones.bind(it.rider("rider"), NumberProof(NUMBER, mine), HERE)
    return refused_if(it.state("rider").since_ms is None)


@attack(Surface.RIDERS, Who.WATCHER, Outcome.REFUSED, off(f"{CODE}:Asked.tried", lambda _: lambda it, *, right: it))
def code_used_twice(ground: Ground) -> Outcome:
    """A code is read over a rider's shoulder and used once more, for an account of the reader's own."""
    it = _office(ground, "victim", "reader")
    code = it.ask()
    it.phones.bind(it.rider("victim"), NumberProof(NUMBER, code), HERE)
    with suppress(RequestError):
        it.phones.bind(it.rider("reader"), NumberProof(NUMBER, code), HERE)
    return refused_if(it.state("reader").from_ms is None)


def _of_any_purpose(use: Callable[..., bytes]) -> Callable[..., bytes]:
    return lambda desk, it, _what_for, address: use(desk, it, For.BIND, address)


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{DESK}:Phones._use", _of_any_purpose))
def code_talked_out_of_a_rider(ground: Ground) -> Outcome:
    """A caller has a rider read out the code for binding his number, as its message says, and signs in with it."""
    it = _office(ground, "victim")
    it.bind("victim")
    with suppress(RequestError):
        it.sign_in(key("caller"), code=it.ask(For.BIND))
    return refused_if(it.state("victim").recovery is None)


def _at_once(_: object) -> Callable[..., Recovery]:
    return lambda held, public_key, now_ms, _before: Recovery(held.credential_id, public_key, now_ms, now_ms)


def _taken(it: PhoneOffice) -> bool:
    """Whether the thief, who reads the number's messages, has the account now."""
    try:
        return isinstance(it.sign_in(key("thief")), Registered)
    except RequestError:
        return False


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{BINDING}:recovery", _at_once))
def sim_swapped_for_an_evening(ground: Ground) -> Outcome:
    """A thief has a rider's SIM replaced in his own name and signs in by the number, to ride the wallet empty."""
    it = _office(ground, "victim")
    it.bind("victim")
    taken = _taken(it)
    it.pass_ms(12 * HOUR_MS)
    return refused_if(not (taken or _taken(it)))


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off("backend.adapters.ledger.phones:end_recovery", gives(None)))
def sim_swapped_and_stopped_by_the_old_phone(ground: Ground) -> Outcome:
    """The thief keeps the number for days; the rider, who is told when he opens his phone, gives the number up."""
    it = _office(ground, "victim")
    it.bind("victim")
    _taken(it)
    assert it.state("victim").recovery is not None, "he would be told nothing"
    it.phones.release(it.rider("victim"))
    it.pass_ms(RECOVERY_WAIT_MS)
    return refused_if(not _taken(it))


def _ridden(ground: Ground, *, rides: bool) -> Outcome:
    """What a thief has who keeps the number for a day, while its rider opens nothing, and rides, or not."""
    bus, phone = Bus("bus-2-d1"), Rider(1)
    it = _office(ground, bus=bus, rides=phone)
    it.bind("rider")
    _taken(it)
    it.pass_ms(RECOVERY_WAIT_MS)
    if rides:
        bus.now_ms = it.office.now_ms - HOUR_MS
        bus.tap(phone.show(1, time_s=bus.now_ms // 1000))
        it.office.take_whole(bus)
    return refused_if(not _taken(it))


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{BINDING}:require_unused", gives(None)))
def former_number_of_a_rider_who_rides_on(ground: Ground) -> Outcome:
    """Who was given a rider's former number signs in by it, a day apart; the rider opens nothing, and rides as ever."""
    return _ridden(ground, rides=True)


@attack(Surface.RIDERS, Who.STRANGER, Outcome.SUCCEEDED)
def former_number_of_a_rider_who_stays_at_home(ground: Ground) -> Outcome:
    """The same, and the rider neither rides nor opens his phone for a day and more."""
    return _ridden(ground, rides=False)


def _comes_at_once(_: object) -> Callable[..., Bound]:
    return lambda _it, credential_id, now_ms: Bound(credential_id, now_ms)


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{BINDING}:Bound.proven_by", _comes_at_once))
def number_bound_away_from_a_lost_phone(ground: Ground) -> Outcome:
    """A thief with phone and SIM binds the number to his own account, so that its owner never comes back by it."""
    it = _office(ground, "victim", "thief's own")
    it.bind("victim")
    it.bind("thief's own")
    it.pass_ms(36 * HOUR_MS)  # the SIM is blocked and replaced: the number is the owner's again
    return refused_if(_back(it, "victim"))


def _back(it: PhoneOffice, name: str) -> bool:
    """Whether the owner has this account again, on his next phone, by the number, in two steps."""
    try:
        first = it.sign_in(key("owner's next"))
        assert isinstance(first, Waits)
        it.office.now_ms = first.until_ms
        back = it.sign_in(key("owner's next"))
    except RequestError:
        return False
    return isinstance(back, Registered) and back.credential_id == it.people[name].credential_id


@attack(
    Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{LEDGER}.phones:kept_for", lambda _: lambda held, _w: held)
)
def number_that_leaves_while_its_owner_signs_in(ground: Ground) -> Outcome:
    """The same, and the owner has his number again after 50 hours: it would leave before his day of waiting is over."""
    it = _office(ground, "victim", "thief's own")
    it.bind("victim")
    it.bind("thief's own")
    it.pass_ms(50 * HOUR_MS)
    return refused_if(_back(it, "victim"))


def _kept_for_nobody(_: object) -> Callable[..., bool]:
    return lambda *_asked: False


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{LEDGER}.phones:_waits_elsewhere", _kept_for_nobody))
def sign_in_that_lands_on_the_thiefs_account(ground: Ground) -> Outcome:
    """A number comes over between the owner's two steps; he would get the thief's account, and pay money into that."""
    it = _office(ground, "victim", "thief's own")
    it.bind("victim")
    it.sign_in(key("owner's next"))
    it.bind("thief's own")
    it.pass_ms(NUMBER_LEAVES_MS)
    with suppress(RequestError):
        it.sign_in(key("owner's next"))
    return refused_if(it.state("thief's own").recovery is None)


def _gone_at_once(_: object) -> Callable[..., Bound | None]:
    return lambda it, credential_id, now_ms: it.without(credential_id, now_ms)


def _taken_from(it: PhoneOffice, thief_says: Callable[[], object]) -> Outcome:
    """A thief with the unlocked phone alone says something while its owner waits for his account."""
    it.bind("victim")
    it.sign_in(key("owner's next"))
    thief_says()
    it.pass_ms(HOUR_MS)
    return refused_if(_back(it, "victim"))


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{BINDING}:Bound.given_up_by", _gone_at_once))
def number_given_up_by_who_stole_the_phone(ground: Ground) -> Outcome:
    """A thief with the unlocked phone, and no SIM, gives its owner's number up, so that he never comes back by it."""
    it = _office(ground, "victim")
    return _taken_from(it, lambda: it.phones.release(it.rider("victim")))


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{BINDING}:Bound.given_up_by", _gone_at_once))
def number_replaced_by_who_stole_the_phone(ground: Ground) -> Outcome:
    """The same thief binds a number of his own in the place of the owner's."""
    it = _office(ground, "victim")
    return _taken_from(it, lambda: it.bind("victim", OTHERS))


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off(f"{LEDGER}.moving:take_all_away", gives(None)))
def number_that_outlives_the_desk(ground: Ground) -> Outcome:
    """A thief, or a former guardian, bound his number while he had the phone; the desk moves it, and he comes back."""
    it = _office(ground, rides=Rider(1))
    it.bind("rider", OTHERS)
    it.office.grant(Rider(1), key("owner's next").public)
    it.people["rider"] = registered(it.office, key("owner's next"))
    it.pass_ms(40 * 24 * HOUR_MS)
    with suppress(RequestError):
        it.sign_in(key("thief"), OTHERS)
        it.pass_ms(RECOVERY_WAIT_MS)
        it.sign_in(key("thief"), OTHERS)
    rider = it.office.store.rider(it.people["rider"].credential_id)
    return refused_if(rider is not None and rider.credential == it.people["rider"].credential)


@attack(Surface.RIDERS, Who.STRANGER, Outcome.BOUNDED, off("backend.app.tries:Tries.require", gives(None)))
def codes_spoilt(ground: Ground) -> Outcome:
    """A stranger gives wrong codes for ever other numbers, five each, so that nobody's code opens anything."""
    it = _office(ground)
    for number in range(4 * PHONE_TRIES_ADDRESS_MAX // PHONE_CODE_TRIES_MAX):
        victims = f"0912{number:07}"
        it.phones.send_code(victims, For.SIGN_IN, f"10.0.1.{number}")
        for _ in range(PHONE_CODE_TRIES_MAX):
            with suppress(RequestError):
                it.sign_in(key("stranger"), victims, _wrong(it.sender.code))
    (tried,) = it.office.rows("SELECT sum(tries) FROM phone_code")[0]
    return bounded_by(PHONE_TRIES_ADDRESS_MAX, int(tried))


def _pumped(it: PhoneOffice, numbers: int, addresses: int) -> int:
    """Messages that the city pays for."""
    for number in range(numbers):
        with suppress(RequestError):
            it.phones.send_code(f"0912{number:07}", For.BIND, f"10.0.0.{number % addresses}")
    return len(it.sender.sent)


@attack(Surface.RIDERS, Who.STRANGER, Outcome.BOUNDED, off(f"{CODE}:require_may_send", gives(None)))
def messages_pumped(ground: Ground) -> Outcome:
    """From many addresses codes to ever other numbers are asked for, each of which costs the city a message."""
    sent = _pumped(_office(ground), PHONE_CODES_AN_HOUR_MAX + 50, addresses=40)
    return bounded_by(PHONE_CODES_AN_HOUR_MAX, sent)


@attack(Surface.RIDERS, Who.STRANGER, Outcome.BOUNDED, off("backend.app.origins:Origins.count", gives(None)))
def hour_of_all_used_up(ground: Ground) -> Outcome:
    """A stranger asks for codes until the whole city has none left in this hour."""
    sent = _pumped(_office(ground), PHONE_CODES_ADDRESS_MAX + 20, addresses=1)
    return bounded_by(PHONE_CODES_ADDRESS_MAX, sent)


def _each_for_itself(_: object) -> Callable[..., Origin]:
    return lambda address: Origin(address, None)


@attack(Surface.RIDERS, Who.STRANGER, Outcome.BOUNDED, off("backend.app.origins:origin_of", _each_for_itself))
def hour_of_all_used_up_over_ipv6(ground: Ground) -> Outcome:
    """The same, each time from another address of the 2⁶⁴ that everybody has who has IPv6."""
    it = _office(ground)
    for number in range(PHONE_CODES_ADDRESS_MAX + 20):
        with suppress(RequestError):
            it.phones.send_code(f"0912{number:07}", For.BIND, f"2001:db8::{number:x}")
    return bounded_by(PHONE_CODES_ADDRESS_MAX, len(it.sender.sent))


@attack(Surface.RIDERS, Who.STRANGER, Outcome.BOUNDED, off(f"{CODE}:require_may_send", gives(None)))
def messages_pumped_all_day(ground: Ground) -> Outcome:
    """A pump stays just below what an hour has for all, from many addresses, hour by hour."""
    it = _office(ground)
    before = PHONE_CODES_OF_ALL_A_DAY_MAX - 100
    it.asked_before(before, it.office.now_ms - HOUR_MS, 3 * HOUR_MS // PHONE_CODES_AN_HOUR_MAX)
    return bounded_by(PHONE_CODES_OF_ALL_A_DAY_MAX, before + _pumped(it, 200, addresses=40))


def _unkeyed(_: object) -> Callable[..., bytes]:
    return lambda _key, number: sha256(number.encode()).digest()


@attack(Surface.PRIVACY, Who.DATABASE, Outcome.REFUSED, off("backend.core.phone.numbers:number_mac", _unkeyed))
def numbers_tried_out(ground: Ground) -> Outcome:
    """An insider with the ledger tries every number against what is kept, to learn whose account is whose."""
    it = _office(ground, "victim")
    it.bind("victim")
    kept = {bytes(mac) for (mac,) in it.office.rows("SELECT number_mac FROM phone")}
    assert kept
    assert KEY not in kept
    candidates = [f"0912123{n:04}".encode() for n in range(10_000)]
    tried = {sha256(one).digest() for one in candidates}
    tried |= {hmac.digest(bytes(32), b"savar number|" + one, "sha256") for one in candidates}
    return refused_if(not kept & tried)
