"""Who signs in as somebody of the office: what is caught on the way, copied, guessed, or planted beforehand."""

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from webauthn.authentication import verify_authentication_response as verifying

from backend.adapters.passkeys import Passkeys
from backend.app.naming import invite, name_without_token
from backend.app.signing_in import SignIn
from backend.core.errors import RequestError
from backend.core.limits import INVITATION_MS, SIGN_IN_TRIES
from backend.core.staff.errors import SignInRefused
from backend.core.staff.log import GENESIS, Broken, Entry, Logged, check_copy, next_hash
from backend.core.staff.log_file import line_of, read_line
from backend.core.staff.roles import Role
from backend.core.staff.sign_in_ports import SignedIn
from backend.core.staff.signing_in import Assertion, Made, act_digest
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, detected_if, refused_if
from tests.attacks.defence import gives, off
from tests.attacks.staff import Desk
from tests.backend.authenticator import ORIGIN, RP_ID, Authenticator
from tests.backend.desk_http import Api
from tests.backend.test_http_signing_in import PAGE, POSTING, Browser

HERE, THERE = "10.0.0.1", "203.0.113.7"
PLANTED = "chosen-by-the-thief"


class Door(Desk):
    """Where Sara of finance signs in with her passkey."""

    def __init__(self, ground: Ground, key: Authenticator | None = None) -> None:
        super().__init__(ground)
        self.key = key or Authenticator(1)
        self.door = SignIn(
            self.store, Passkeys(RP_ID, ORIGIN, "testabad"), ORIGIN, clock=lambda: self.now_ms, randomness=os.urandom
        )
        name_without_token(self.store, "sara", Role.FINANCE, by="root", now_ms=self.now_ms)
        self.code = invite(self.store, "sara", by="root", now_ms=self.now_ms, randomness=os.urandom)
        self.door.make(self.code, self.made(self.key), "phone", HERE)

    def made(self, key: Authenticator) -> Made:
        return key.make(self.door.options_to_make(self.code, HERE))

    def sign_in(self, key: Authenticator | None = None, had: str | None = None) -> tuple[str, SignedIn]:
        return self.door.sign_in((key or self.key).sign(self.door.options_to_sign_in()), HERE, had)

    def gets_in(self, said: Assertion) -> bool:
        try:
            self.door.sign_in(said, THERE, None)
        except RequestError:
            return False
        return True


@attack(Surface.STAFF, Who.WATCHER, Outcome.REFUSED, off("backend.app.challenges:Challenges.answer", gives(True)))
def replayed_assertion(ground: Ground) -> Outcome:
    """What a clerk's passkey said is caught behind TLS and said again; hers counts nothing, as synchronised ones do."""
    it = Door(ground, Authenticator(2, counts=False))
    said = it.key.sign(it.door.options_to_sign_in())
    it.door.sign_in(said, HERE, None)
    return refused_if(not it.gets_in(said))


def _any_origin(asserted: Callable[..., int]) -> Callable[..., int]:
    def believing(verifier: Any, it: Assertion, public_key: bytes) -> int:
        verifier._origin = json.loads(it.client_data)["origin"]
        return asserted(verifier, it, public_key)

    return believing


@attack(Surface.STAFF, Who.STRANGER, Outcome.REFUSED, off("backend.adapters.passkeys:Passkeys.asserted", _any_origin))
def assertion_for_another_origin(ground: Ground) -> Outcome:
    """A page that looks like ours under a similar name passes our challenge to a clerk's passkey, and back to us."""
    it = Door(ground)
    it.key.origin = "https://fares-test.example"
    return refused_if(not it.gets_in(it.key.sign(it.door.options_to_sign_in())))


@attack(Surface.STAFF, Who.STRANGER, Outcome.REFUSED, off("backend.core.staff.signing_in:rises", gives(True)))
def cloned_authenticator(ground: Ground) -> Outcome:
    """A clerk's security key is copied while she is at lunch; she signs in in the afternoon, and then the copy does."""
    it = Door(ground)
    copy = it.key.cloned()
    token, _ = it.sign_in()
    got_in = it.gets_in(copy.sign(it.door.options_to_sign_in()))
    return refused_if(not got_in and it.door.of(token) is None)  # nobody can tell which of both is hers


@attack(
    Surface.STAFF, Who.WATCHER, Outcome.REFUSED,
    off("backend.adapters.ledger.signing_in:SignInTables.end_sessions", gives(1)),
)  # fmt: skip
def cookie_after_sign_out(ground: Ground) -> Outcome:
    """A session's cookie is read out of a clerk's browser, and used when she has signed out."""
    it = Door(ground)
    token, who = it.sign_in()
    it.door.end(who, who.session.name)
    return refused_if(it.door.of(token) is None)


def _stays_open(add: Callable[..., bool]) -> Callable[..., bool]:
    def believing(store: Any, code_hash: bytes, passkey: Any, entry: Entry) -> bool:
        done = add(store, code_hash, passkey, entry)
        store.invite(code_hash, passkey.person, entry.at_ms + INVITATION_MS, entry)
        return done

    return believing


@attack(
    Surface.STAFF, Who.STRANGER, Outcome.REFUSED,
    off("backend.adapters.ledger.signing_in:SignInTables.add_passkey", _stays_open),
)  # fmt: skip
def invitation_used_twice(ground: Ground) -> Outcome:
    """An invitation that a clerk has used is found in her mailbox, and used for a passkey of the finder's."""
    it, mine = Door(ground), Authenticator(9)
    try:
        it.door.make(it.code, it.made(mine), "phone", THERE)
    except SignInRefused:
        return Outcome.REFUSED
    return refused_if(not it.gets_in(mine.sign(it.door.options_to_sign_in())))


def _of_any_act(_: object) -> Callable[..., bytes]:
    return lambda session, act: b"act|" + session.token_hash


@attack(Surface.STAFF, Who.CLERK, Outcome.REFUSED, off("backend.core.staff.signing_in:to_act", _of_any_act))
def assertion_of_another_payout(ground: Ground) -> Outcome:
    """A page that was tampered with shows a small payout, has the passkey asked for it, and sends a large one."""
    it = Door(ground)
    _, who = it.sign_in()
    small, large = (act_digest("POST", f"/v1/proposals/{one}/approve", bytes(32)) for one in ("small", "large"))
    said = it.key.sign(it.door.options_to_act(who, small))
    try:
        it.door.require_fresh(who.actor, who, large, said)
    except SignInRefused:
        return Outcome.REFUSED
    return Outcome.SUCCEEDED


@attack(Surface.STAFF, Who.WATCHER, Outcome.REFUSED, off("backend.app.signing_in:SignIn.require_fresh", gives(None)))
def payout_by_a_stolen_cookie(ground: Ground) -> Outcome:
    """Whoever has a clerk's cookie while she is signed in proposes a posting in her name."""
    with Api(passkeys=True) as api:
        sara = Browser(api, "sara", Role.FINANCE, 1)
        sara.make()
        sara.sign_in()
        return refused_if(sara.post("/v1/proposals/for/postings", POSTING).status_code == 403)


def _the_browsers(_: object) -> Callable[..., tuple[str, bytes]]:
    return lambda randomness: (PLANTED, sha256(PLANTED.encode()).digest())


@attack(Surface.STAFF, Who.STRANGER, Outcome.REFUSED, off("backend.app.naming:new_secret", _the_browsers))
def session_fixation(ground: Ground) -> Outcome:
    """A cookie that a thief chose is planted in a clerk's browser, and is to be hers once she has signed in."""
    it = Door(ground)
    it.sign_in(had=PLANTED)
    return refused_if(it.door.of(PLANTED) is None)


def _telling(_: object) -> Callable[..., SignInRefused]:
    return lambda door, address, person=None: SignInRefused("unknown" if person is None else "wrong", fix="")


def _forged(it: Door, credential_id: bytes) -> Assertion:
    said = Authenticator(7).sign(it.door.options_to_sign_in())
    return replace(said, credential_id=credential_id)


@attack(Surface.STAFF, Who.STRANGER, Outcome.REFUSED, off("backend.app.signing_in:SignIn._refused", _telling))
def people_by_the_answer(ground: Ground) -> Outcome:
    """A stranger tells by what is answered which passkeys, and so which people, there are."""
    it = Door(ground)
    told = set()
    for credential_id in (it.key.credential_id, b"nobody's"):
        with pytest.raises(SignInRefused) as refused:
            it.door.sign_in(_forged(it, credential_id), THERE, None)
        told.add((refused.value.message, refused.value.fix))
    return refused_if(len(told) == 1)


@attack(Surface.STAFF, Who.STRANGER, Outcome.REFUSED, off("backend.app.signing_in:_NOBODYS_KEY", lambda _: b"none"))
def people_by_the_time(ground: Ground) -> Outcome:
    """A stranger tells them by how long the answer takes: whoever is known costs the look at a signature."""
    it = Door(ground)
    looks: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        verify = verifying.verify_signature
        patch.setattr(verifying, "verify_signature", lambda **given: (looks.append(1), verify(**given)))
        counts = []
        for credential_id in (it.key.credential_id, b"nobody's"):
            it.gets_in(_forged(it, credential_id))
            counts.append(len(looks))
    return refused_if(counts == [1, 2])


@attack(Surface.STAFF, Who.STRANGER, Outcome.BOUNDED, off("backend.app.tries:Tries.require", gives(None)))
def guessed_invitations(ground: Ground) -> Outcome:
    """A stranger guesses at invitations, a thousand an hour from one address."""
    it = Door(ground)
    looked = 0
    for number in range(250):
        try:
            it.door.options_to_make(urlsafe_b64encode(number.to_bytes(32, "big")).decode(), THERE)
        except SignInRefused:
            looked += 1
        except RequestError:
            pass
        it.now_ms += 3_600
    return bounded_by(SIGN_IN_TRIES, looked)


def _whatever_is_published(_: object) -> Callable[..., Any]:
    return lambda number, known: None


def _following_itself(follow: Callable[..., Any]) -> Callable[..., Any]:
    return lambda rows, known: follow(rows, {})


@attack(
    Surface.STAFF, Who.DATABASE, Outcome.DETECTED,
    off("backend.core.staff.log:_follow", _following_itself), off("backend.core.staff.log:_cut_off", _whatever_is_published),
)  # fmt: skip
def export_written_anew(ground: Ground) -> Outcome:
    """An auditor is handed an export in which one name is another, chained anew from there; he has a published head."""
    it = Door(ground)
    it.sign_in()
    published = it.store.log_mark()
    lines, head = [], GENESIS
    for row in it.store.log(0, 99):
        entry = replace(row.entry, person="reza") if row.entry.person == "sara" else row.entry
        head = next_hash(head, entry)
        lines.append(line_of(Logged(row.number, entry, head)).encode())
    found = check_copy(map(read_line, lines), {published.number: published.hash})
    return detected_if(isinstance(found, Broken))


def _whatever_page(signed_in: Callable[..., Any]) -> Callable[..., Any]:
    return lambda having, request, cookie: having.sign_in.of(cookie) if cookie else None


@attack(Surface.STAFF, Who.STRANGER, Outcome.REFUSED, off("backend.adapters.http.access:signed_in", _whatever_page))
def page_of_others(ground: Ground) -> Outcome:
    """A page that a clerk opens beside ours sends a request with her cookie, from a browser that lets it go along."""
    with Api(passkeys=True) as api:
        sara = Browser(api, "sara", Role.FINANCE, 1)
        sara.make()
        sara.sign_in()
        sent = {**sara.cookie, **PAGE, "Origin": "https://evil.test"}
        return refused_if(api.client.post("/v1/staff/sessions/end", headers=sent).status_code == 403)
