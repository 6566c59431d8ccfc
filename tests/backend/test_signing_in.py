"""Passkeys, invitations, sessions, tokens and one act's passkey over a ledger, in both databases."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.passkeys import Passkeys
from backend.app.naming import end_passkeys, end_person, invite, name_person, name_without_token, rotate_token, sign_out
from backend.app.signing_in import SignIn
from backend.app.tries import Tries
from backend.core.errors import NotFound
from backend.core.limits import (
    CEREMONY_MS,
    INVITATION_MS,
    ORIGIN_SITE_SHARE,
    PASSKEYS_MAX,
    SESSION_IDLE_MS,
    SESSION_MAX_MS,
    SESSION_SEEN_EVERY_MS,
    SESSIONS_MAX,
    SIGN_IN_TRIES,
    SIGN_IN_TRIES_MS,
    SIGN_IN_WATCHED_MAX,
    STAFF_TOKEN_OVERLAP_DAYS,
)
from backend.core.staff.errors import BadPasskey, FreshWanted, SignInRefused, TooManyTries
from backend.core.staff.log import check
from backend.core.staff.roles import Actor, Role
from backend.core.staff.sign_in_ports import SignedIn
from backend.core.staff.signing_in import Assertion, Made, act_digest, challenge_in, rises
from tests.backend import databases
from tests.backend.authenticator import ORIGIN, RP_ID, Authenticator
from tests.backend.bus import NOON_MS
from tests.backend.desk import CITY

pytestmark = pytest.mark.databases
SARA = Actor("sara", Role.FINANCE)
HERE, ELSEWHERE = "10.0.0.1", "10.0.0.2"
APPROVE = act_digest("POST", "/v1/proposals/a/approve", bytes(32))
REFUSE = act_digest("POST", "/v1/proposals/a/refuse", bytes(32))
DAY_MS = 86_400_000


class Door:
    """The desk over a ledger, with a clock in hand, and Sara of finance."""

    def __init__(self, folder: Path) -> None:
        self.store, self.now_ms = databases.now.open(folder, CITY), NOON_MS
        self.folder = folder
        self.begin_anew()
        name_without_token(self.store, "sara", Role.FINANCE, by="root", now_ms=NOON_MS)

    def begin_anew(self) -> None:
        """As a backend that was started again."""
        verifier = Passkeys(RP_ID, ORIGIN, CITY)
        self.desk = SignIn(self.store, verifier, ORIGIN, clock=lambda: self.now_ms, randomness=os.urandom)

    def invite(self, name: str = "sara") -> str:
        return invite(self.store, name, by="root", now_ms=self.now_ms, randomness=os.urandom)

    def make(self, key: Authenticator, code: str | None = None) -> str:
        code = self.invite() if code is None else code
        return self.desk.make(code, key.make(self.desk.options_to_make(code, HERE)), "phone", HERE)

    def sign_in(self, key: Authenticator, address: str = HERE, had: str | None = None) -> tuple[str, SignedIn]:
        return self.desk.sign_in(key.sign(self.desk.options_to_sign_in()), address, had)

    def told(self) -> list[tuple[str, str, str]]:
        return [(it.entry.person, it.entry.action, it.entry.outcome) for it in self.store.log(0, 200)]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    assert check(made.store.log(0, 10_000), made.store.log_mark(), {}) is None
    made.store.close()


@pytest.fixture
def key() -> Authenticator:
    return Authenticator(1)


def test_an_invitation_makes_a_passkey_that_signs_in_and_the_log_tells_all_of_it(
    door: Door, key: Authenticator
) -> None:
    code = door.invite()
    options = door.desk.options_to_make(code, HERE)
    assert (options["rp"]["id"], options["attestation"]) == (RP_ID, "none")
    assert options["authenticatorSelection"] == {
        "residentKey": "required", "requireResidentKey": True, "userVerification": "required",
    }  # fmt: skip
    assert door.make(key, code) == "sara"
    token, who = door.sign_in(key)
    assert (who.actor, len(token)) == (SARA, 43)
    assert door.desk.of(token) == who
    assert [door.desk.of(other) for other in ("", token[:-1], "sara")] == [None] * 3
    assert [(it.label, it.sign_count) for it in door.desk.passkeys(who)] == [("phone", 1)]
    assert door.desk.end(who, who.session.name) == 1
    assert door.desk.of(token) is None
    assert door.told() == [
        ("root", "add-person", "finance"), ("root", "invite", "invited"), ("sara", "add-passkey", "added"),
        ("sara", "sign-in", "signed in"), ("sara", "sign-out", "one"),
    ]  # fmt: skip


def test_nothing_that_opens_something_is_in_the_ledger(door: Door, key: Authenticator) -> None:
    code = door.invite()
    made = key.make(door.desk.options_to_make(code, HERE))
    held = str([databases.now.rows(door.folder, f"SELECT * FROM {it}") for it in ("staff_invitation", "staff_log")])
    door.desk.make(code, made, "phone", HERE)
    token, _ = door.sign_in(key)
    held += str([databases.now.rows(door.folder, f"SELECT * FROM {it}") for it in ("staff_session", "staff_log")])
    assert code not in held
    assert token not in held


def test_an_invitation_is_good_once_for_its_person_and_a_day(door: Door, key: Authenticator) -> None:
    first, code = door.invite(), door.invite()
    with pytest.raises(SignInRefused):  # the second stands in its place
        door.desk.options_to_make(first, HERE)
    options = door.desk.options_to_make(code, HERE)
    door.now_ms += INVITATION_MS
    for wrong in (code, "nothing"):
        with pytest.raises(SignInRefused):
            door.desk.make(wrong, key.make(options), "phone", HERE)
    door.now_ms -= 1
    with pytest.raises(BadPasskey):  # still good, but the challenge is a day old
        door.desk.make(code, key.make(options), "phone", HERE)
    door.make(key, code)
    with pytest.raises(SignInRefused):
        door.make(Authenticator(2), code)
    with pytest.raises(SignInRefused):  # a passkey that is known already
        door.make(key)
    for number in range(2, PASSKEYS_MAX + 1):
        door.make(Authenticator(number))
    with pytest.raises(BadPasskey, match="has 5 passkeys already"):
        door.make(Authenticator(99))
    with pytest.raises(NotFound):
        door.invite("omid")
    assert len(door.store.passkeys("sara")) == PASSKEYS_MAX


def test_a_challenge_for_one_invitation_makes_no_passkey_by_another(door: Door, key: Authenticator) -> None:
    name_without_token(door.store, "omid", Role.OPERATIONS, by="root", now_ms=NOON_MS)
    made = key.make(door.desk.options_to_make(door.invite(), HERE))
    omids = door.invite("omid")
    with pytest.raises(BadPasskey):
        door.desk.make(omids, made, "phone", HERE)


@pytest.mark.parametrize("wrong", ["origin", "rp_id", "verifies"])
def test_another_site_or_nobody_verified_at_the_device_is_refused_in_making_and_signing(
    door: Door, key: Authenticator, wrong: str
) -> None:
    other = Authenticator(2)
    values = {"origin": "https://fares.test.evil", "rp_id": "evil", "verifies": False}
    setattr(other, wrong, values[wrong])
    with pytest.raises(BadPasskey):
        door.make(other)
    door.make(key)
    setattr(key, wrong, values[wrong])
    with pytest.raises(SignInRefused):
        door.sign_in(key)


def test_an_answer_is_good_once_and_for_five_minutes_and_not_for_another_secret(door: Door, key: Authenticator) -> None:
    door.make(key)
    said = key.sign(door.desk.options_to_sign_in())
    door.desk.sign_in(said, HERE, None)
    with pytest.raises(SignInRefused):
        door.desk.sign_in(said, HERE, None)
    late = door.desk.options_to_sign_in()
    door.now_ms += CEREMONY_MS
    with pytest.raises(SignInRefused):
        door.desk.sign_in(key.sign(late), HERE, None)
    before = door.desk.options_to_sign_in()
    door.begin_anew()
    with pytest.raises(SignInRefused):
        door.desk.sign_in(key.sign(before), HERE, None)
    assert len(door.store.sessions("sara")) == 1


def test_a_passkey_whose_count_does_not_rise_ends_with_its_sessions(door: Door, key: Authenticator) -> None:
    door.make(key)
    other = Authenticator(2)
    door.make(other)
    kept, _ = door.sign_in(other)
    copy = key.cloned()
    token, _ = door.sign_in(key)
    with pytest.raises(SignInRefused):
        door.sign_in(copy)
    assert door.desk.of(token) is None
    assert door.desk.of(kept) is not None
    with pytest.raises(SignInRefused):  # nobody can tell which of both is the person's
        door.sign_in(key)
    assert ("sara", "end-passkey", "its count did not rise: it was copied") in door.told()


def test_a_passkey_that_counts_nothing_is_taken_and_one_that_stops_counting_is_not(door: Door) -> None:
    synced = Authenticator(3, counts=False)
    door.make(synced)
    for _ in range(2):
        door.sign_in(synced)
    counting = Authenticator(4)
    door.make(counting)
    door.sign_in(counting)
    counting.count, counting.counts = 0, False
    with pytest.raises(SignInRefused):
        door.sign_in(counting)


@given(before=st.integers(0, 2**32 - 1), now=st.integers(0, 2**32 - 1))
def test_a_count_rises_or_there_is_none(before: int, now: int) -> None:
    assert rises(before, now) == (now > before or (before, now) == (0, 0))


def test_a_session_ends_half_an_hour_after_its_last_use_and_twelve_hours_after_it_began(
    door: Door, key: Authenticator
) -> None:
    door.make(key)
    token, _ = door.sign_in(key)
    door.now_ms += SESSION_IDLE_MS - 1
    assert door.desk.of(token) is not None
    door.now_ms += SESSION_IDLE_MS - 1
    assert door.desk.of(token) is not None, "its use did not count"
    door.now_ms += SESSION_IDLE_MS
    assert door.desk.of(token) is None
    token, who = door.sign_in(key)
    while door.now_ms - who.session.began_ms < SESSION_MAX_MS - 60_000:
        door.now_ms += 60_000
        assert door.desk.of(token) is not None
    door.now_ms = who.session.began_ms + SESSION_MAX_MS
    assert door.desk.of(token) is None


def test_a_use_is_written_once_a_minute(door: Door, key: Authenticator) -> None:
    door.make(key)
    token, who = door.sign_in(key)
    door.now_ms += SESSION_SEEN_EVERY_MS - 1
    door.desk.of(token)
    assert door.store.sessions("sara")[0].seen_ms == who.session.began_ms
    door.now_ms += 1
    door.desk.of(token)
    assert door.store.sessions("sara")[0].seen_ms == door.now_ms


def test_one_ends_ones_own_sessions_and_a_new_one_the_oldest_of_too_many(door: Door, key: Authenticator) -> None:
    door.make(key)
    tokens = []
    for _ in range(SESSIONS_MAX + 1):
        door.now_ms += 1
        tokens.append(door.sign_in(key)[0])
    alive = [door.desk.of(it) is not None for it in tokens]
    assert alive == [False] + [True] * SESSIONS_MAX
    who = door.desk.of(tokens[-1])
    assert who is not None
    with pytest.raises(NotFound):
        door.desk.end(who, "0" * 16)
    third = door.desk.of(tokens[3])
    assert third is not None
    door.desk.end(who, third.session.name)
    assert door.desk.of(tokens[3]) is None
    assert door.desk.end(who, None) == SESSIONS_MAX - 1
    assert [door.desk.of(it) for it in tokens] == [None] * len(tokens)


def test_one_persons_sessions_are_no_others(door: Door, key: Authenticator) -> None:
    name_without_token(door.store, "omid", Role.OPERATIONS, by="root", now_ms=NOON_MS)
    other = Authenticator(2)
    door.make(key)
    door.make(other, door.invite("omid"))
    token, who = door.sign_in(key)
    _, omid = door.sign_in(other)
    with pytest.raises(NotFound):
        door.desk.end(omid, who.session.name)
    assert door.desk.end(omid, None) == 1
    assert door.desk.of(token) is not None
    assert sign_out(door.store, "sara", by="root", now_ms=door.now_ms) == 1
    assert door.desk.of(token) is None


def test_the_session_that_a_browser_had_ends_with_the_next_one(door: Door, key: Authenticator) -> None:
    door.make(key)
    before, _ = door.sign_in(key)
    after, _ = door.sign_in(key, had=before)
    assert after != before
    assert door.desk.of(before) is None
    assert door.desk.of(after) is not None
    assert door.sign_in(key, had="chosen by somebody else")[0] != "chosen by somebody else"


@pytest.mark.parametrize("end", [end_person, end_passkeys])
def test_whoever_is_ended_has_no_session_no_passkey_and_no_invitation(
    door: Door, key: Authenticator, end: Callable[..., object]
) -> None:
    door.make(key)
    token, _ = door.sign_in(key)
    code = door.invite()
    end(door.store, "sara", by="root", now_ms=door.now_ms)
    assert door.desk.of(token) is None
    with pytest.raises(SignInRefused):
        door.sign_in(key)
    with pytest.raises(SignInRefused):
        door.desk.options_to_make(code, HERE)


def test_an_invitation_that_waits_is_withdrawn_where_there_is_no_passkey_yet_and_the_log_tells_it(door: Door) -> None:
    code = door.invite()
    assert end_passkeys(door.store, "sara", by="root", now_ms=door.now_ms) == 0
    with pytest.raises(SignInRefused):
        door.desk.options_to_make(code, HERE)
    assert door.told()[-1] == ("root", "end-passkeys", "all")
    assert end_passkeys(door.store, "sara", by="root", now_ms=door.now_ms) == 0
    assert [it[1] for it in door.told()].count("end-passkeys") == 1, "nothing ended, and it was told"


def test_whoever_tries_in_vain_waits_by_address_and_by_person(door: Door, key: Authenticator) -> None:
    door.make(key)
    forged = replace(key.sign(door.desk.options_to_sign_in()), signature=b"\x30\x06\x02\x01\x01\x02\x01\x01")
    for _ in range(SIGN_IN_TRIES):
        with pytest.raises(SignInRefused):
            door.desk.sign_in(forged, HERE, None)
    for address in (HERE, ELSEWHERE):  # of her passkey from anywhere
        with pytest.raises(TooManyTries) as told:
            door.sign_in(key, address)
        assert told.value.data["wait_ms"] == SIGN_IN_TRIES_MS
    with pytest.raises(TooManyTries):  # invitations from there, too
        door.desk.options_to_make("guessed", HERE)
    door.now_ms += SIGN_IN_TRIES_MS
    door.sign_in(key)


def test_who_has_a_whole_network_of_addresses_is_one_who_tries(door: Door, key: Authenticator) -> None:
    """A /64 is one place, and a /48 of them a site; a neighbour of the same operator is another one."""
    for n in range(SIGN_IN_TRIES):
        with pytest.raises(SignInRefused):
            door.desk.options_to_make("guessed", f"2001:db8:7::{n + 1:x}")
    with pytest.raises(TooManyTries):
        door.desk.options_to_make("guessed", "2001:db8:7::ffff")
    for n in range(SIGN_IN_TRIES * (ORIGIN_SITE_SHARE - 1)):
        with pytest.raises(SignInRefused):
            door.desk.options_to_make("guessed", f"2001:db8:7:{n + 1:x}::1")
    with pytest.raises(TooManyTries):
        door.desk.options_to_make("guessed", "2001:db8:7:ffff::1")
    with pytest.raises(SignInRefused):
        door.desk.options_to_make("guessed", "2001:db8:8::1")


def test_a_clock_that_ran_ahead_and_was_put_back_leaves_no_session_and_keeps_nobody_out(
    door: Door, key: Authenticator
) -> None:
    door.make(key)
    day_ms = 86_400_000
    door.now_ms += 400 * day_ms
    token, _ = door.sign_in(key)
    door.now_ms -= SESSION_SEEN_EVERY_MS  # a correction of seconds ends nothing
    assert door.desk.of(token) is not None
    for _ in range(SIGN_IN_TRIES):
        with pytest.raises(SignInRefused):
            door.desk.options_to_make("guessed", HERE)
    door.now_ms -= 400 * day_ms
    assert door.desk.of(token) is None, "a session that lasts for a year"
    door.sign_in(key)


def test_what_failed_long_ago_counts_no_more_and_few_are_remembered() -> None:
    now_ms = [1]
    tries = Tries(lambda: now_ms[0])
    for _ in range(SIGN_IN_TRIES - 1):
        tries.failed("a")
    now_ms[0] += SIGN_IN_TRIES_MS
    tries.failed("a")
    tries.require("a")
    for number in range(SIGN_IN_WATCHED_MAX):
        tries.failed(str(number))
    assert len(tries._failed) == SIGN_IN_WATCHED_MAX


def act(door: Door, who: SignedIn | None, digest: bytes, said: Assertion | None) -> None:
    door.desk.require_fresh(SARA, who, digest, said)


def test_an_act_takes_a_passkey_for_that_very_act_and_session_and_once(door: Door, key: Authenticator) -> None:
    door.make(key)
    _, who = door.sign_in(key)
    _, elsewhere = door.sign_in(key)
    for nothing in (None, who):
        with pytest.raises(FreshWanted):
            act(door, nothing, APPROVE, None)
    said = key.sign(door.desk.options_to_act(who, APPROVE))
    for session, digest in ((who, REFUSE), (elsewhere, APPROVE)):
        with pytest.raises(SignInRefused):
            act(door, session, digest, said)
    with pytest.raises(SignInRefused):  # one to sign in is none to act
        act(door, who, APPROVE, key.sign(door.desk.options_to_sign_in()))
    with pytest.raises(SignInRefused):  # and one to act none to sign in
        door.desk.sign_in(key.sign(door.desk.options_to_act(who, APPROVE)), HERE, None)
    said = key.sign(door.desk.options_to_act(who, APPROVE))
    act(door, who, APPROVE, said)
    with pytest.raises(SignInRefused):
        act(door, who, APPROVE, said)
    late = door.desk.options_to_act(who, APPROVE)
    door.now_ms += CEREMONY_MS
    with pytest.raises(SignInRefused):
        act(door, who, APPROVE, key.sign(late))
    assert [it for it in door.told() if it[1] == "act"] == [
        ("sara", "act", it) for it in ("FreshWanted", "FreshWanted", *["SignInRefused"] * 5)
    ]


def test_an_act_takes_the_passkey_of_whose_session_it_is(door: Door, key: Authenticator) -> None:
    name_without_token(door.store, "omid", Role.FINANCE, by="root", now_ms=NOON_MS)
    omids = Authenticator(2)
    door.make(key)
    door.make(omids, door.invite("omid"))
    _, who = door.sign_in(key)
    with pytest.raises(SignInRefused):
        act(door, who, APPROVE, omids.sign(door.desk.options_to_act(who, APPROVE)))
    act(door, who, APPROVE, key.sign(door.desk.options_to_act(who, APPROVE)))


def test_who_acts_in_vain_waits_and_keeps_nobody_else_of_the_office_from_acting(door: Door, key: Authenticator) -> None:
    name_without_token(door.store, "omid", Role.FINANCE, by="root", now_ms=NOON_MS)
    omids = Authenticator(2)
    door.make(key)
    door.make(omids, door.invite("omid"))
    (_, bribed), (_, who) = door.sign_in(omids), door.sign_in(key)
    said = omids.sign(door.desk.options_to_act(bribed, REFUSE))
    for _ in range(SIGN_IN_TRIES):
        with pytest.raises(SignInRefused):
            act(door, bribed, APPROVE, said)
    with pytest.raises(TooManyTries):
        act(door, bribed, APPROVE, omids.sign(door.desk.options_to_act(bribed, APPROVE)))
    act(door, who, APPROVE, key.sign(door.desk.options_to_act(who, APPROVE)))
    door.sign_in(key)


def test_a_token_ends_and_is_rotated_with_overlap(door: Door) -> None:
    def of(token: str) -> bool:
        return door.store.person_with(sha256(token.encode()).digest(), door.now_ms) is not None

    first = name_person(
        door.store, "ata", Role.PARTNER, by="root", now_ms=NOON_MS, randomness=os.urandom, days=30
    )  # fmt: skip
    door.now_ms += 29 * DAY_MS
    second = rotate_token(
        door.store, "ata", by="root", now_ms=door.now_ms, randomness=os.urandom, days=30, overlap_days=7
    )  # fmt: skip
    assert (of(first), of(second)) == (True, True)
    door.now_ms += DAY_MS  # its own end was sooner than the overlap's
    assert (of(first), of(second)) == (False, True)
    third = rotate_token(
        door.store, "ata", by="root", now_ms=door.now_ms, randomness=os.urandom, days=30,
        overlap_days=STAFF_TOKEN_OVERLAP_DAYS,
    )  # fmt: skip
    door.now_ms += STAFF_TOKEN_OVERLAP_DAYS * DAY_MS - 1
    assert (of(second), of(third)) == (True, True)
    door.now_ms += 1
    assert (of(second), of(third)) == (False, True)
    rotate_token(door.store, "ata", by="root", now_ms=door.now_ms, randomness=os.urandom, days=1, overlap_days=0)
    assert not of(third)
    with pytest.raises(NotFound):
        rotate_token(door.store, "reza", by="root", now_ms=1, randomness=os.urandom, days=1, overlap_days=0)


@given(client_data=st.binary(max_size=200), rest=st.binary(max_size=200))
def test_bytes_of_no_authenticator_are_refused_by_name(client_data: bytes, rest: bytes) -> None:
    verifier = Passkeys(RP_ID, ORIGIN, CITY)
    challenge_in(client_data)
    with pytest.raises(BadPasskey):
        verifier.made(Made(client_data, rest))
    with pytest.raises(BadPasskey):
        verifier.asserted(Assertion(b"id", client_data, rest, rest), rest)


@given(at=st.integers(0, 400), flip=st.integers(1, 255))
def test_a_changed_byte_is_refused(at: int, flip: int) -> None:
    """In what was signed, or in the signature."""
    key = Authenticator(5)
    verifier = Passkeys(RP_ID, ORIGIN, CITY)
    public = verifier.made(key.make({"challenge": "AAAA"})).public_key
    said = key.sign({"challenge": "AAAA"})
    verifier.asserted(said, public)
    parts = [said.client_data, said.authenticator_data, said.signature]
    place = at % sum(map(len, parts))
    for number, part in enumerate(parts):
        if place < len(part):
            parts[number] = part[:place] + bytes([part[place] ^ flip]) + part[place + 1 :]
            break
        place -= len(part)
    with pytest.raises(BadPasskey):
        verifier.asserted(Assertion(said.credential_id, *parts), public)
