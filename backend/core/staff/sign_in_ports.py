"""The ports for signing in: where passkeys and sessions are kept, who verifies, what the API asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Person
from backend.core.staff.signing_in import Assertion, Made, Passkey, Session, Token


class SignInStore(Protocol):
    """Every change with its entry in the log, in one durable transaction. Raises StoreFailed."""

    def note(self, entry: Entry) -> None:
        """An entry by itself: what was refused."""
        ...

    def add_token(self, token: Token, others_end_ms: int, entry: Entry) -> bool:
        """Keep it; the person's others end at `others_end_ms` at the latest. False: there is no such person now."""
        ...

    def tokens(self, person: str, at_ms: int) -> Sequence[Token]:
        """A person's that open something, oldest first."""
        ...

    def invite(self, code_hash: bytes, person: str, until_ms: int, entry: Entry) -> bool:
        """Keep an invitation in the place of one before. False: there is no such person now."""
        ...

    def invited(self, code_hash: bytes, at_ms: int) -> Person | None:
        """Whom this invitation is for, if it is still good."""
        ...

    def add_passkey(self, code_hash: bytes, passkey: Passkey, entry: Entry) -> bool:
        """Use the invitation up. False, and nothing is stored: it is not good any more, or the passkey is known."""
        ...

    def passkey(self, credential_id: bytes) -> tuple[Passkey, Person] | None:
        """A passkey and whose it is, if it still opens anything."""
        ...

    def passkeys(self, person: str) -> Sequence[Passkey]:
        """A person's, oldest first."""
        ...

    def end_passkeys(self, person: str, credential_id: bytes | None, entry: Entry) -> int:
        """One of them, or all and an invitation that waits, with their sessions → how many passkeys there were."""
        ...

    def count_up(self, credential_id: bytes, sign_count: int) -> bool:
        """Keep the count that a passkey told. False, and nothing is stored: it does not rise (`signing_in.rises`)."""
        ...

    def begin_session(self, session: Session, sign_count: int, entry: Entry) -> bool:
        """`count_up`, and with it the session; the oldest beyond SESSIONS_MAX and those that are over are forgotten."""
        ...

    def session(self, token_hash: bytes) -> tuple[Session, Person] | None:
        """A session and whose it is, over or not; None where it, its passkey or its person was ended."""
        ...

    def keep_seen(self, session: Session) -> None:
        """When it was used last."""
        ...

    def sessions(self, person: str) -> Sequence[Session]:
        """A person's, newest first, over or not."""
        ...

    def end_sessions(self, person: str, token_hash: bytes | None, entry: Entry) -> int:
        """One of them, or all → how many there were; none: nothing is told."""
        ...


@dataclass(frozen=True, slots=True)
class NewKey:
    """What an authenticator made: its id, its public key in COSE, its count."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


class PasskeyVerifier(Protocol):
    """For one origin, with a person verified at the authenticator. Raises BadPasskey; the challenge is not judged."""

    def made(self, it: Made) -> NewKey:
        """What it made. No attestation is asked for, and none believed."""
        ...

    def asserted(self, it: Assertion, public_key: bytes) -> int:
        """The count that it told. What it counted before is not judged."""
        ...

    def options_to_make(self, challenge: bytes, person: Person, held: Sequence[bytes]) -> dict[str, Any]:
        """What the browser is to ask for, as JSON of WebAuthn level 3."""
        ...

    def options_to_assert(self, challenge: bytes, held: Sequence[bytes]) -> dict[str, Any]:
        """What the browser is to ask for; `held` empty: whichever passkey it has for us."""
        ...


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a session is of, and the session."""

    actor: Actor
    session: Session


class SignInDesk(Protocol):
    """What the API asks of the app about signing in. `address`: the caller's, whose tries are counted.

    Raises SignInRefused, TooManyTries.
    """

    @property
    def origin(self) -> str:
        """The one origin that pages are served at."""
        ...

    def options_to_make(self, code: str, address: str) -> dict[str, Any]:
        """For a passkey by this invitation."""
        ...

    def make(self, code: str, it: Made, label: str, address: str) -> str:
        """Keep the passkey → whose it is."""
        ...

    def options_to_sign_in(self) -> dict[str, Any]:
        """The same for whoever asks."""
        ...

    def sign_in(self, it: Assertion, address: str, had: str | None) -> tuple[str, SignedIn]:
        """A new session → its token, told once. `had`: the token that the browser had, whose session ends."""
        ...

    def of(self, token: str) -> SignedIn | None:
        """Whose session this is; None: it opens nothing."""
        ...

    def options_to_act(self, who: SignedIn, act: bytes) -> dict[str, Any]:
        """For one act of this session (`signing_in.act_digest`)."""
        ...

    def require_fresh(self, actor: Actor, who: SignedIn | None, act: bytes, it: Assertion | None) -> None:
        """Return where a passkey of this person was just asked for this very act; the log tells what is refused.

        Raises FreshWanted too.
        """
        ...

    def sessions(self, who: SignedIn) -> Sequence[Session]:
        """One's own that are not over, newest first."""
        ...

    def passkeys(self, who: SignedIn) -> Sequence[Passkey]:
        """One's own."""
        ...

    def end(self, who: SignedIn, name: str | None) -> int:
        """One of one's own sessions, or all → how many. Raises NotFound for one that is not there."""
        ...
