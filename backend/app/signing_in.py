"""Signing in with passkeys, sessions, and a passkey asked anew for one act: `SignInDesk` over store and verifier.

Rules, besides those of `backend.core.staff.signing_in`:
- a challenge says by its own code what it is about (`Challenges`), so nothing is kept of who asks for one;
- an answer is verified first, then its challenge used up: whoever cannot sign uses up nobody's;
- whoever is unknown is verified against a key that nobody has, and told what everybody is told;
- what fails is counted by where from (`core/origins`), and by person where one is named; beyond SIGN_IN_TRIES both
  wait. Within a session it counts for its person alone.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from backend.app.challenges import Challenges
from backend.app.naming import new_secret
from backend.app.origins import OriginTries
from backend.core import limits
from backend.core.errors import NotAllowed, NotFound
from backend.core.staff.errors import BadPasskey, FreshWanted, SignInRefused
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Person
from backend.core.staff.sign_in_ports import PasskeyVerifier, SignedIn, SignInStore
from backend.core.staff.signing_in import (
    FOR_SIGN_IN,
    Assertion,
    Made,
    Passkey,
    Session,
    challenge_in,
    rises,
    to_act,
    to_make,
)

# The key of the number one, in COSE: everybody has it, and nobody is signed in by it.
_P256_X = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
_P256_Y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
_NOBODYS_KEY = bytes.fromhex(f"a5010203262001215820{_P256_X}225820{_P256_Y}")


class SignIn:
    """Implements `SignInDesk` for pages at `origin`. `clock` gives Unix milliseconds."""

    def __init__(
        self, store: SignInStore, verifier: PasskeyVerifier, origin: str, *, clock: Callable[[], int],
        randomness: Callable[[int], bytes],
    ) -> None:  # fmt: skip
        self.origin = origin
        self._store, self._verifier = store, verifier
        self._clock, self._randomness = clock, randomness
        self._challenges = Challenges(
            clock, randomness, lifetime_ms=limits.CEREMONY_MS, most=limits.CEREMONIES_ANSWERED_MAX
        )
        self._tries = OriginTries(clock)

    # --- a passkey by an invitation -------------------------------------------------------------------------------

    def options_to_make(self, code: str, address: str) -> dict[str, Any]:
        """For a passkey by this invitation. Raises SignInRefused, TooManyTries; BadPasskey where there are too many."""
        hashed, person = self._invited(code, address)
        held = [it.credential_id for it in self._store.passkeys(person.name)]
        if len(held) >= limits.PASSKEYS_MAX:
            raise BadPasskey(
                f"{person.name} has {len(held)} passkeys already, and no more are kept",
                fix=f"at the backend's machine: savar staff sign-out {person.name} --passkeys, then invite anew",
            )
        return self._verifier.options_to_make(self._challenges.new(to_make(hashed)), person, held)

    def make(self, code: str, it: Made, label: str, address: str) -> str:
        """Keep the passkey → whose it is. Raises SignInRefused, TooManyTries, BadPasskey."""
        hashed, person = self._invited(code, address)
        made = self._verifier.made(it)
        if not self._challenges.answer(challenge_in(it.client_data), to_make(hashed)):
            raise BadPasskey("the challenge is not ours, is too old, or was answered before", fix="begin again")
        now_ms = self._clock()
        passkey = Passkey(made.credential_id, person.name, made.public_key, made.sign_count, label, now_ms)
        entry = self._entry(person, "add-passkey", passkey.name, "added")
        if not self._store.add_passkey(hashed, passkey, entry):
            raise self._refused(address)
        return person.name

    def _invited(self, code: str, address: str) -> tuple[bytes, Person]:
        self._tries.require(address)
        hashed = sha256(code.encode()).digest()
        person = self._store.invited(hashed, self._clock())
        if person is None:
            raise self._refused(address)
        return hashed, person

    # --- a session by a passkey -----------------------------------------------------------------------------------

    def options_to_sign_in(self) -> dict[str, Any]:
        """The same for whoever asks: it names nobody."""
        return self._verifier.options_to_assert(self._challenges.new(FOR_SIGN_IN), ())

    def sign_in(self, it: Assertion, address: str, had: str | None) -> tuple[str, SignedIn]:
        """A new session → its token, told once. Raises SignInRefused, TooManyTries."""
        passkey, person, count = self._proven(it, FOR_SIGN_IN, address)
        if had is not None:
            self._end_former(had)
        now_ms = self._clock()
        token, hashed = new_secret(self._randomness)
        session = Session(hashed, person.name, passkey.credential_id, now_ms, now_ms)
        if not self._store.begin_session(session, count, self._entry(person, "sign-in", passkey.name, "signed in")):
            raise self._copied(passkey, person, address)
        return token, SignedIn(_actor(person), session)

    def _proven(self, it: Assertion, about: bytes, address: str) -> tuple[Passkey, Person, int]:
        """Whose passkey said this, and the count that it told, which is yet to be kept."""
        self._tries.require(address)
        found = self._store.passkey(it.credential_id)
        if found is not None:
            self._tries.require(_named(found[1]))
        try:
            count = self._verifier.asserted(it, _NOBODYS_KEY if found is None else found[0].public_key)
        except BadPasskey as error:
            raise self._refused(address, found and found[1]) from error
        if found is None or not self._challenges.answer(challenge_in(it.client_data), about):
            raise self._refused(address, found and found[1])
        passkey, person = found
        if not rises(passkey.sign_count, count):
            raise self._copied(passkey, person, address)
        return passkey, person, count

    def _copied(self, passkey: Passkey, person: Person, address: str) -> SignInRefused:
        """There are two of it, and nobody can tell which is the person's: it ends, and what it began."""
        entry = self._entry(person, "end-passkey", passkey.name, "its count did not rise: it was copied")
        self._store.end_passkeys(person.name, passkey.credential_id, entry)
        return self._refused(address, person)

    def _refused(self, address: str, person: Person | None = None) -> SignInRefused:
        """Counted, and always the same. `address`: where from, or of whose session."""
        for name in {address} if person is None else {address, _named(person)}:
            self._tries.failed(name)
        return SignInRefused("that opens nothing", fix="try again, or ask for an invitation: savar staff invite NAME")

    def _end_former(self, token: str) -> None:
        known = self.of(token)
        if known is not None:
            self._end(known, known.session, "replaced")

    # --- a session ------------------------------------------------------------------------------------------------

    def of(self, token: str) -> SignedIn | None:
        """Whose session this is; None: it opens nothing."""
        found = self._store.session(sha256(token.encode()).digest())
        now_ms = self._clock()
        if found is None or found[0].is_over(now_ms):
            return None
        session, person = found
        if (used := session.used(now_ms)) is not None:
            self._store.keep_seen(used)
        return SignedIn(_actor(person), session)

    def sessions(self, who: SignedIn) -> Sequence[Session]:
        """One's own that are not over, newest first."""
        return [it for it in self._store.sessions(who.actor.name) if not it.is_over(self._clock())]

    def passkeys(self, who: SignedIn) -> Sequence[Passkey]:
        """One's own."""
        return self._store.passkeys(who.actor.name)

    def end(self, who: SignedIn, name: str | None) -> int:
        """One of one's own sessions, or all → how many. Raises NotFound."""
        if name is None:
            return self._end(who, None, "all")
        named = [it for it in self._store.sessions(who.actor.name) if it.name == name]
        if not named:
            raise NotFound("there is no such session of yours", fix="look at GET /v1/staff/sessions")
        return self._end(who, named[0], "one")

    def _end(self, who: SignedIn, session: Session | None, outcome: str) -> int:
        name = who.actor.name
        entry = Entry(self._clock(), name, who.actor.role.value, "sign-out", name, outcome)
        return self._store.end_sessions(name, None if session is None else session.token_hash, entry)

    # --- one act --------------------------------------------------------------------------------------------------

    def options_to_act(self, who: SignedIn, act: bytes) -> dict[str, Any]:
        """For one act of this session."""
        held = [it.credential_id for it in self.passkeys(who)]
        return self._verifier.options_to_assert(self._challenges.new(to_act(who.session, act)), held)

    def require_fresh(self, actor: Actor, who: SignedIn | None, act: bytes, it: Assertion | None) -> None:
        """Return where a passkey of this person was just asked for this very act; the log tells what is refused.

        What fails counts for this person alone: one of an office holds up nobody else's acts from the same address.

        Raises FreshWanted, SignInRefused, TooManyTries.
        """
        try:
            self._require_fresh(who, act, it)
        except NotAllowed as error:
            self._store.note(Entry(self._clock(), actor.name, actor.role.value, "act", "", error.name))
            raise

    def _require_fresh(self, who: SignedIn | None, act: bytes, it: Assertion | None) -> None:
        if who is None or it is None:
            raise FreshWanted(
                "this takes a passkey at this moment, for this very request; a token does not do it",
                fix="sign in with a passkey, ask POST /v1/staff/acts, and send its answer as Savar-Assertion",
            )
        himself = _named(who.actor)
        passkey, person, count = self._proven(it, to_act(who.session, act), himself)
        if person.name != who.actor.name:
            raise self._refused(himself, person)
        if not self._store.count_up(passkey.credential_id, count):
            raise self._copied(passkey, person, himself)

    def _entry(self, person: Person, action: str, on: str, outcome: str) -> Entry:
        return Entry(self._clock(), person.name, person.role.value, action, on, outcome)


def _actor(person: Person) -> Actor:
    return Actor(person.name, person.role, party=person.party)


def _named(person: Person | Actor) -> str:
    """Apart from any address."""
    return f"person {person.name}"
