"""Signing in over the served API: cookie, origin, one's sessions, and a passkey for what posts money."""

import json
from collections.abc import Iterator
from hashlib import sha256

import httpx
import pytest

from backend.adapters.http.access import COOKIE
from backend.app.naming import end_person, invite, name_without_token
from backend.core.hosts.host import Scope
from backend.core.limits import SESSION_IDLE_MS, SIGN_IN_TRIES
from backend.core.staff.roles import Right, Role
from backend.core.staff.signing_in import FRESH
from tests.backend.authenticator import (
    ORIGIN,
    Authenticator,
    assertion_body,
    assertion_header,
    made_body,
)
from tests.backend.desk_http import OPS, Api
from tests.backend.test_http_roles import routes, rules

PAGE = {"Origin": ORIGIN}
POSTING = {"debit": "suspense", "credit": "operator:bus-1", "amount_rials": 60_000, "why": "counted"}


class Browser:
    """Somebody's: a cookie, an authenticator, and our pages in it."""

    def __init__(self, api: Api, name: str, role: Role, number: int) -> None:
        self.api, self.name, self.key = api, name, Authenticator(number)
        self.token = ""
        name_without_token(api.office, name, role, by="test", now_ms=api.now_ms)

    def post(self, path: str, body: object = None, *, headers: dict[str, str] | None = None) -> httpx.Response:
        """As a page of ours does; bytes that are hashed are those that are sent."""
        content = b"" if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **PAGE, **self.cookie, **(headers or {})}
        return self.api.client.post(path, content=content, headers=sent)

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"{COOKIE}={self.token}"} if self.token else {}

    def make(self) -> httpx.Response:
        code = invite(self.api.office, self.name, by="test", now_ms=self.api.now_ms, randomness=bytes)
        options = self.post("/v1/staff/passkeys/options", {"code": code}).json()["options"]
        return self.post("/v1/staff/passkeys", {"code": code, "label": "تلفن", **made_body(self.key.make(options))})

    def answer(self) -> dict[str, str]:
        return assertion_body(self.key.sign(self.post("/v1/staff/sign-in/options").json()["options"]))

    def sign_in(self) -> httpx.Response:
        done = self.post("/v1/staff/sign-in", self.answer())
        assert done.status_code == 200, done.text
        self.token = done.cookies[COOKIE]
        self.api.client.cookies.clear()
        return done

    def act(self, path: str, body: dict[str, object], *, of: str | None = None) -> httpx.Response:
        """With a passkey for it; `of`: for another path."""
        asked = {"method": "POST", "target": of or path, "body_sha256": sha256(json.dumps(body).encode()).hexdigest()}
        options = self.post("/v1/staff/acts", asked)
        assert options.status_code == 200, options.text
        said = assertion_header(self.key.sign(options.json()["options"]))
        return self.post(path, body, headers={"Savar-Assertion": said})


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(passkeys=True) as served:
        yield served


@pytest.fixture
def sara(api: Api) -> Browser:
    made = Browser(api, "sara", Role.FINANCE, 1)
    assert made.make().json() == {"name": "sara"}
    return made


def test_the_cookie_is_for_this_host_over_tls_and_for_no_script(sara: Browser) -> None:
    done = sara.sign_in()
    assert done.json()["name"] == "sara"
    name, *attributes = done.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-savar=")
    assert {it.lower() for it in attributes} == {"httponly", "secure", "path=/", "samesite=strict", "max-age=43200"}
    assert sara.token not in done.text
    me = sara.api.client.get("/v1/staff/me", headers=sara.cookie)
    assert (me.status_code, me.json()["role"]) == (200, "finance")


def test_a_session_shows_and_ends_ones_own(sara: Browser) -> None:
    sara.sign_in()
    first = sara.cookie
    sara.token = ""  # another browser
    sara.api.now_ms += 1
    sara.sign_in()
    found = sara.api.client.get("/v1/staff/sessions", headers=sara.cookie).json()
    assert [it["current"] for it in found["sessions"]] == [True, False]
    assert [it["label"] for it in found["passkeys"]] == ["تلفن"]
    assert {it["passkey"] for it in found["sessions"]} == {found["passkeys"][0]["passkey"]}
    assert sara.token not in str(found)
    other = found["sessions"][1]["session"]
    assert sara.post(f"/v1/staff/sessions/{other}/end").json() == {"ended": 1}
    assert sara.post(f"/v1/staff/sessions/{other}/end").status_code == 404
    over = sara.api.client.get("/v1/staff/me", headers=first)
    assert (over.status_code, over.json()["title"]) == (401, "Not signed in")
    assert sara.post("/v1/staff/sessions/end").json() == {"ended": 1}
    assert sara.api.client.get("/v1/staff/me", headers=sara.cookie).status_code == 401


def test_what_the_browser_had_ends_when_it_signs_in_again(sara: Browser) -> None:
    sara.sign_in()
    before = sara.cookie
    sara.sign_in()
    assert sara.api.client.get("/v1/staff/me", headers=before).status_code == 401


@pytest.mark.parametrize("origin", [{"Origin": "https://evil.test"}, {"Origin": "null"}, {}])
def test_a_page_of_others_changes_nothing(sara: Browser, origin: dict[str, str]) -> None:
    """Whatever a browser would do with SameSite."""
    sara.sign_in()
    sent = {**sara.cookie, **origin}
    refused = sara.api.client.post("/v1/staff/sessions/end", headers=sent)
    assert (refused.status_code, refused.json()["title"]) == (403, "Not allowed")
    if origin:
        options = sara.api.client.post("/v1/staff/sign-in/options", headers=origin)
        assert options.status_code == 403
    assert sara.api.client.get("/v1/staff/me", headers=sent).status_code == 200


def test_a_session_that_is_over_is_told_so_and_a_bearer_token_counts_before_it(sara: Browser) -> None:
    sara.sign_in()
    mixed = {**sara.cookie, **OPS}
    assert sara.api.client.get("/v1/staff/me", headers=mixed).json()["name"] == "administrator"
    assert sara.api.client.get("/v1/staff/sessions", headers=mixed).status_code == 409
    sara.api.now_ms += SESSION_IDLE_MS
    over = sara.api.client.get("/v1/staff/me", headers=sara.cookie)
    assert (over.status_code, over.json()["fix"]) == (401, "sign in again")


def test_nobody_learns_what_was_wrong_or_who_there_is(api: Api, sara: Browser) -> None:
    ended = Browser(api, "omid", Role.FINANCE, 2)
    ended.make()
    end_person(api.office, "omid", by="test", now_ms=api.now_ms)
    stranger = Browser(api, "reza", Role.FINANCE, 3)
    forged = {**sara.answer(), "signature": stranger.answer()["signature"]}
    told = [
        sara.post("/v1/staff/sign-in", body)
        for body in (ended.answer(), stranger.answer(), forged, {**forged, "client_data": "AAAA"})
    ]
    assert {it.status_code for it in told} == {403}
    assert len({it.text for it in told}) == 1
    codes = [sara.post("/v1/staff/passkeys/options", {"code": it}) for it in ("never-made", "A" * 43)]
    assert {(it.status_code, it.json()["title"]) for it in codes} == {(403, "Sign in refused")}


def test_who_tries_too_often_is_told_for_how_long_to_wait(api: Api, sara: Browser) -> None:
    for _ in range(SIGN_IN_TRIES):
        assert sara.post("/v1/staff/passkeys/options", {"code": "guessed"}).status_code == 403
    refused = sara.post("/v1/staff/sign-in", sara.answer())
    assert (refused.status_code, refused.json()["data"]["wait_ms"]) == (429, 900_000)
    assert refused.headers["retry-after"] == "900"


def test_money_takes_a_passkey_of_both_people_for_that_very_request(api: Api, sara: Browser) -> None:
    omid = Browser(api, "omid", Role.FINANCE, 2)
    omid.make()
    for it in (sara, omid):
        it.sign_in()
    merely = sara.post("/v1/proposals/for/postings", POSTING)
    assert (merely.status_code, merely.json()["title"]) == (403, "Fresh wanted")
    token = api.client.post("/v1/proposals/for/postings", json=POSTING, headers=api.staff(Role.FINANCE))
    assert (token.status_code, token.json()["title"]) == (403, "Fresh wanted")
    made = sara.act("/v1/proposals/for/postings", POSTING)
    assert made.status_code == 201, made.text
    it = made.json()
    approve, digest = f"/v1/proposals/{it['id']}/approve", {"digest": it["digest"]}
    assert sara.act(approve, digest).json()["title"] == "One person"
    assert omid.act(approve, digest, of=f"/v1/proposals/{it['id']}/refuse").json()["title"] == "Sign in refused"
    assert api.client.get("/v1/staff/me", headers={**omid.cookie, "Savar-Assertion": "x"}).status_code == 200
    garbled = omid.post(approve, digest, headers={"Savar-Assertion": "a.b.c"})
    assert (garbled.status_code, garbled.json()["title"]) == (422, "Bad passkey")
    assert omid.act(approve, digest).json()["state"] == "approved"
    assert api.office.balance("operator:bus-1") == 60_000


def test_every_route_of_a_right_that_takes_a_passkey_asks_for_one_and_no_other_does(api: Api, sara: Browser) -> None:
    """From the table, over all routes."""
    operations = Browser(api, "nima", Role.OPERATIONS, 4)
    operations.make()
    for it in (sara, operations):
        it.sign_in()
    asked: set[Right] = set()
    for route in routes(api):
        (rule,) = rules(route)
        if not isinstance(rule, Right) or rule is Right.OWN_WALLET:
            continue
        path = route.path.format(
            proposal_id="0" * 32, payout_id="0" * 32, vehicle="bus-1", day="1405-09-08", role="operator", name="metro",
            dispute_id="0" * 32, application_id="0" * 32, session="0" * 16,
            number="0" * 12, issue="0" * 32,
        )  # fmt: skip
        (method,) = route.methods
        for it in (sara, operations):
            if path == "/v1/staff/sessions/end":
                continue
            answer = api.client.request(
                method, path, headers={**PAGE, **it.cookie}, json={} if method in ("POST", "PUT") else None
            )
            wanted = answer.status_code == 403 and answer.json()["title"] == "Fresh wanted"
            allowed = answer.status_code != 403 or wanted
            assert not allowed or wanted == (rule in FRESH), (path, answer.text)
            asked |= {rule} if wanted else set()
    assert asked == FRESH


def test_what_takes_a_passkey_documents_that_one_may_have_to_wait(api: Api) -> None:
    documented = {(it.path, rule) for it in routes(api) for rule in rules(it) if 429 in it.responses}
    tried_too_often = {
        (f"/v1/{it}", "open to all")
        for it in (
            "staff/passkeys", "staff/passkeys/options", "staff/sign-in", "staff/sign-in/options", "riders/phone/codes",
            "riders/phone/sign-in",
        )
    } | {(f"/v1/riders/{{rider_id}}/{it}", Right.OWN_WALLET) for it in ("phone", "phone/give-up")}  # fmt: skip
    of_hosts = {(it.path, rule) for it in routes(api) for rule in rules(it) if isinstance(rule, Scope)}  # by quota
    assert {it for it in documented if it[1] in FRESH} == documented - tried_too_often - of_hosts
    assert of_hosts <= documented
    assert {rule for _, rule in documented if rule in FRESH} == FRESH
    assert all(429 in it.responses for it in routes(api) if rules(it) & FRESH)


def test_what_takes_no_passkey_is_written_down() -> None:
    """A new right gets onto this list by being written here, or takes one."""
    decided_within = {it for it in Right if it.value.startswith("decide-")}
    reads = {it for it in Right if it.value.startswith("see-")}
    assert set(Right) - FRESH - decided_within - reads == {
        Right.OWN_WALLET, Right.COMPARE_STATEMENT, Right.RESOLVE_DISCREPANCY, Right.ANSWER_DISPUTE,
        Right.ANSWER_APPLICATION, Right.TAKE_CASH,  # a kiosk's program has a token, bounded by what it may owe
    }  # fmt: skip


def test_where_no_passkeys_are_set_up_tokens_do_all_and_the_routes_say_so() -> None:
    with Api() as api:
        headers = api.staff(Role.FINANCE)
        assert api.client.post("/v1/proposals/for/postings", json=POSTING, headers=headers).status_code == 201
        told = api.client.post("/v1/staff/sign-in/options")
        assert (told.status_code, "[passkeys]" in told.json()["fix"]) == (409, True)
