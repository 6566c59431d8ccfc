"""Hosts in the ledger: terms by two people, tokens that end, riders that are theirs, in either database."""

import os
from pathlib import Path

import pytest

from backend.app.exporting import Exports
from backend.app.hosts import Hosts
from backend.app.naming_hosts import end_host, make_host_token
from backend.core.challenges import KeyProof
from backend.core.errors import NotAllowed, NotFound, Refused
from backend.core.hosts.host import Caller, Host, Scope, caller_of
from backend.core.limits import (
    CHALLENGE_MS,
    HOST_REQUESTS_A_MINUTE,
    HOST_TOPUPS_OF_ONE_A_DAY,
    HOSTS_OF_A_RIDER_MAX,
)
from backend.core.staff.errors import TooManyTries, Unfit
from protocol.errors import BadSignature
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.registrations import registration_payload
from tests.backend.bus import Rider, key
from tests.backend.moving.phones import NIMA, TARA, Office, registered

pytestmark = pytest.mark.databases
BANK_PAGE = "https://city.example/wallet"
USER, OTHER_USER = "u-7Hq2mVx9", "u-kkPq31Zz"
DAY_MS = 86_400_000


class Desk:
    """An office, and apps that two people let in."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder, [], [])
        self.store = self.office.store
        self.hosts = Hosts(self.store, self.office.riders, clock=lambda: self.office.now_ms, randomness=os.urandom)

    def make(self, name: str = "city-app", scopes: tuple[Scope, ...] = tuple(Scope)) -> Caller:
        """Two people approve it, or its new terms."""
        it = Host(name, "برنامه", "An app", ("https://city.example",), scopes)
        made = self.office.staff.propose(NIMA, it, why="council of the 3rd", key="")
        self.office.staff.decide(TARA, made.id, made.digest, approves=True, key="")
        return caller_of(it, scopes)

    def token(self, name: str = "city-app", scopes: tuple[Scope, ...] = tuple(Scope), overlap_days: int = 7) -> str:
        return make_host_token(
            self.store, name, scopes, by="root", now_ms=self.office.now_ms, randomness=os.urandom, days=30,
            overlap_days=overlap_days,
        )  # fmt: skip

    def proof(self, caller: Caller, phone: SigningKey) -> KeyProof:
        challenge = self.hosts.challenge(caller)
        return KeyProof(challenge, phone.sign(Purpose.REGISTRATION, registration_payload(challenge, phone.public)))

    def register(self, caller: Caller, phone: SigningKey, user: str = USER) -> bytes:
        return self.hosts.register(caller, user, phone.public, self.proof(caller, phone)).credential_id


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_two_people_make_it_and_approve_its_terms_anew(desk: Desk) -> None:
    it = Host("city-app", "برنامه", "An app", ("https://city.example",), (Scope.READ,))
    made = desk.office.staff.propose(NIMA, it, why="council of the 3rd", key="")
    assert desk.store.host("city-app") is None, "one person made it"
    desk.office.staff.decide(TARA, made.id, made.digest, approves=True, key="")
    token = desk.token(scopes=(Scope.READ,))
    desk.make(scopes=(Scope.TRIPS,))
    caller = desk.hosts.caller(token)
    assert caller is not None
    assert caller.scopes == frozenset(), "a token kept what its host may no more"
    assert [it.host.scopes for it in desk.store.hosts("", 9)] == [(Scope.TRIPS,)]


def test_a_token_ends_when_it_is_over_when_it_is_followed_and_with_its_host(desk: Desk) -> None:
    desk.make()
    first = desk.token()
    second = desk.token(overlap_days=1)
    assert desk.hosts.caller(first) is not None, "both are good for a while"
    desk.office.now_ms += DAY_MS
    assert desk.hosts.caller(first) is None
    assert desk.hosts.caller(second) is not None
    desk.token(overlap_days=0)
    assert desk.hosts.caller(second) is None
    third = desk.token(overlap_days=0)
    desk.office.now_ms += 30 * DAY_MS
    assert desk.hosts.caller(third) is None
    fourth = desk.token()
    end_host(desk.store, "city-app", by="root", now_ms=desk.office.now_ms)
    assert desk.hosts.caller(fourth) is None
    assert desk.hosts.caller("nobody-s") is None
    with pytest.raises(NotFound):
        desk.token()
    with pytest.raises(Refused):
        desk.make()  # its name is used up
    told = [it.entry.action for it in desk.store.log(0, 99)]
    assert told.count("new-host-token") == 5
    assert told.count("end-host") == 1


def test_a_tokens_text_is_kept_nowhere_and_no_token_is_wider_than_its_host(desk: Desk) -> None:
    desk.make(scopes=(Scope.READ,))
    with pytest.raises(Unfit):
        desk.token()
    token = desk.token(scopes=(Scope.READ,))
    assert token not in str(desk.office.rows("SELECT * FROM host_token"))
    assert token not in str(desk.office.rows("SELECT * FROM staff_log"))


def test_a_new_key_makes_a_rider_and_a_repeat_makes_none(desk: Desk) -> None:
    caller = desk.make()
    one = desk.register(caller, key("one"))
    assert desk.register(caller, key("one")) == one
    assert desk.hosts.rider(caller, USER).rider.credential_id == one
    assert desk.office.rows("SELECT count(*) FROM rider") == [(1,)]
    for phone, user in (("two", USER), ("one", OTHER_USER)):
        with pytest.raises(Refused):
            desk.register(caller, key(phone), user)
    assert desk.office.rows("SELECT count(*) FROM rider") == [(1,)]


def test_a_registration_by_a_host_ends_no_token_of_the_riders(desk: Desk) -> None:
    caller = desk.make()
    rider = registered(desk.office, key("one"))
    desk.hosts.allow_host(desk.store.rider(rider.credential_id), "city-app")
    desk.register(caller, key("one"))
    desk.office.riders.authenticate(rider.credential_id, rider.token)


def test_a_key_that_the_city_knows_needs_its_riders_word(desk: Desk) -> None:
    caller = desk.make()
    rider = registered(desk.office, key("one"))
    row = desk.store.rider(rider.credential_id)
    with pytest.raises(Refused):
        desk.register(caller, key("one"))
    with pytest.raises(NotFound):
        desk.hosts.rider(caller, USER)
    desk.office.now_ms += 1_000
    desk.hosts.allow_host(row, "city-app")
    allowed_ms = desk.office.now_ms
    desk.office.now_ms += 1_000
    assert desk.register(caller, key("one")) == rider.credential_id
    assert desk.hosts.rider(caller, USER).since_ms == allowed_ms, "it sees what was before it was allowed"
    desk.hosts.end(row, "city-app")
    with pytest.raises(NotFound):
        desk.hosts.rider(caller, USER)
    with pytest.raises(Refused):
        desk.register(caller, key("one"))
    with pytest.raises(NotFound):
        desk.hosts.end(row, "city-app")


def test_a_rider_is_given_his_apps_with_all_that_is_held_of_him(desk: Desk) -> None:
    one = desk.register(desk.make(), key("one"))
    told = {section: list(rows) for section, rows in Exports(desk.store).of(one)}
    assert told["apps"] == [{"host": "city-app", "named": USER, "since_ms": desk.office.now_ms}]


def test_a_host_has_no_rider_of_anothers(desk: Desk) -> None:
    city, bank = desk.make("city-app"), desk.make("bank-app")
    one = desk.register(city, key("one"))
    with pytest.raises(NotFound):
        desk.hosts.rider(bank, USER)
    with pytest.raises(Refused):
        desk.register(bank, key("one"))
    row = desk.store.rider(one)
    desk.hosts.allow_host(row, "bank-app")
    assert desk.register(bank, key("one")) == one
    assert [(it.host, it.user) for it, _ in desk.hosts.of_rider(row)] == [("bank-app", USER), ("city-app", USER)]
    end_host(desk.store, "bank-app", by="root", now_ms=desk.office.now_ms)
    assert [it.host for it, _ in desk.hosts.of_rider(row)] == ["city-app"]


def test_a_proof_is_this_keys_for_this_host_of_just_now_and_once(desk: Desk) -> None:
    city, bank = desk.make("city-app"), desk.make("bank-app")
    of_city = desk.proof(city, key("one"))
    with pytest.raises(NotAllowed):
        desk.hosts.register(bank, USER, key("one").public, of_city)
    with pytest.raises(BadSignature):
        desk.hosts.register(city, USER, key("two").public, of_city)
    desk.hosts.register(city, USER, key("one").public, of_city)
    with pytest.raises(NotAllowed):
        desk.hosts.register(city, USER, key("one").public, of_city)
    late = desk.proof(city, key("two"))
    desk.office.now_ms += CHALLENGE_MS
    with pytest.raises(NotAllowed):
        desk.hosts.register(city, OTHER_USER, key("two").public, late)
    direct = desk.office.riders.challenge()  # of the routes for phones: not for a host
    proof = KeyProof(direct, key("two").sign(Purpose.REGISTRATION, registration_payload(direct, key("two").public)))
    with pytest.raises(NotAllowed):
        desk.hosts.register(city, OTHER_USER, key("two").public, proof)


def test_a_key_to_which_a_desk_moved_an_account_is_no_new_rider(desk: Desk) -> None:
    caller = desk.make()
    rider = registered(desk.office, key("lost"))
    desk.office.grant(Rider(int.from_bytes(rider.credential_id)), key("new").public)
    with pytest.raises(Refused):
        desk.register(caller, key("new"))
    assert desk.office.rows("SELECT count(*) FROM rider") == [(1,)]


def test_too_much_is_refused_until_the_window_is_over(desk: Desk) -> None:
    caller = desk.make()
    for _ in range(HOST_REQUESTS_A_MINUTE):
        desk.hosts.allow(caller, Scope.READ)
    with pytest.raises(TooManyTries) as caught:
        desk.hosts.allow(caller, Scope.READ)
    assert 0 < caught.value.wait_ms <= 60_000
    desk.hosts.allow(desk.make("bank-app"), Scope.READ)  # another's is its own
    desk.office.now_ms += caught.value.wait_ms
    desk.hosts.allow(caller, Scope.READ)


def test_top_ups_of_one_rider_are_bounded_and_lead_back_into_its_pages(desk: Desk) -> None:
    caller = desk.make()
    desk.register(caller, key("one"))
    it = desk.hosts.rider(caller, USER)
    with pytest.raises(Unfit):
        desk.hosts.require_topup(caller, it, "https://evil.example/")
    for _ in range(HOST_TOPUPS_OF_ONE_A_DAY):
        desk.hosts.require_topup(caller, it, BANK_PAGE)
    with pytest.raises(TooManyTries):
        desk.hosts.require_topup(caller, it, BANK_PAGE)


def test_a_top_up_is_its_hosts_alone(desk: Desk) -> None:
    city, bank = desk.make("city-app"), desk.make("bank-app")
    desk.hosts.begun(city, "a" * 32, BANK_PAGE)
    desk.hosts.require_begun(city, "a" * 32)
    assert desk.hosts.way_back("a" * 32) == BANK_PAGE
    assert desk.hosts.way_back("b" * 32) is None
    for caller, topup in ((bank, "a" * 32), (city, "b" * 32)):
        with pytest.raises(NotFound):
            desk.hosts.require_begun(caller, topup)


def test_a_rider_has_so_many_apps_and_none_that_is_none(desk: Desk) -> None:
    rider = registered(desk.office, key("one"))
    row = desk.store.rider(rider.credential_id)
    for n in range(HOSTS_OF_A_RIDER_MAX):
        desk.make(f"app-{n}")
        desk.hosts.allow_host(row, f"app-{n}")
    desk.hosts.allow_host(row, "app-0")  # again: it is so already
    desk.make("one-more")
    with pytest.raises(Refused):
        desk.hosts.allow_host(row, "one-more")
    desk.hosts.end(row, "app-0")
    with pytest.raises(NotFound):
        desk.hosts.allow_host(row, "no-such-app")
