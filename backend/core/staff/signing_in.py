"""How somebody of the staff proves who it is: passkeys, invitations to make one, sessions, tokens. Pure.

Rules:
- a passkey comes by an invitation, which an administrator makes at the backend's own machine: it is for one person,
  good once and for a day. No session makes one: a stolen session would last for ever;
- sessions stand at the server. A session's token is drawn anew at each sign-in, whatever the browser had before; it
  ends by itself half an hour after its last use and twelve hours after it began, with its passkey and its person;
- a passkey counts what it signs, or counts nothing at all (0). One whose count does not rise was copied: it ends, and
  with it its sessions (WebAuthn level 2, 6.1.1);
- who signs in in vain is told the same, whatever was wrong, and after as much work;
- a token is a machine's or a partner's: with an end, and rotated with overlap. Where passkeys are set up, it does
  nothing of `FRESH`.
"""

import json
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from backend.core.limits import SESSION_IDLE_MS, SESSION_MAX_MS, SESSION_SEEN_EVERY_MS
from backend.core.staff.roles import Right
from backend.core.staff.two_people import PROPOSE

FRESH = frozenset({*PROPOSE.values(), Right.DECIDE, Right.SETTLE, Right.END_PAYOUT, Right.END_GUARDIAN,
                   Right.PRINT_CARDS, Right.END_CARD})  # fmt: skip
"""What takes a passkey at that very moment and for that very request, where passkeys are set up: all that takes two
people, of both, what posts money or ends a hold on it by one person's word, and what makes or ends a card."""

FOR_SIGN_IN = b"sign-in"
"""What a challenge to sign in is about."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token of a person. `ends_ms` None: made before tokens had an end. Times in Unix milliseconds."""

    hash: bytes  # SHA-256 of what is sent
    person: str
    made_ms: int
    ends_ms: int | None


@dataclass(frozen=True, slots=True)
class Passkey:
    """A person's key in a phone, a computer or a stick. `public_key` in COSE, as the authenticator told it."""

    credential_id: bytes
    person: str
    public_key: bytes
    sign_count: int
    label: str
    added_ms: int

    @property
    def name(self) -> str:
        """How the log and lists call it: 16 hex digits."""
        return sha256(self.credential_id).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody is signed in. `token_hash`: SHA-256 of what the cookie holds."""

    token_hash: bytes
    person: str
    credential_id: bytes  # the passkey that began it
    began_ms: int
    seen_ms: int

    @property
    def name(self) -> str:
        """How lists call it: 16 hex digits, of which nobody finds the token."""
        return sha256(b"session|" + self.token_hash).hexdigest()[:16]

    def is_over(self, now_ms: int) -> bool:
        """Idle for too long, or too old however busy; or seen later than now: by a clock that ran ahead for a while."""
        ahead = now_ms < self.seen_ms - SESSION_SEEN_EVERY_MS
        return ahead or now_ms >= self.seen_ms + SESSION_IDLE_MS or now_ms >= self.began_ms + SESSION_MAX_MS

    def used(self, now_ms: int) -> "Session | None":
        """As it is to be kept, where that was longer ago than is worth writing; None: as it stands."""
        return replace(self, seen_ms=now_ms) if now_ms - self.seen_ms >= SESSION_SEEN_EVERY_MS else None


@dataclass(frozen=True, slots=True)
class Made:
    """What an authenticator answers to `navigator.credentials.create`."""

    client_data: bytes
    attestation: bytes


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator answers to `navigator.credentials.get`."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes


def rises(before: int, now: int) -> bool:
    """Whether a count is one that a passkey with this count before may tell. 0 both times: it counts nothing."""
    return now > before or before == now == 0


def challenge_in(client_data: bytes) -> bytes:
    """The challenge that was answered; empty where there is none to be read."""
    try:
        found = json.loads(client_data)
        text = found["challenge"] if isinstance(found, Mapping) else ""
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, KeyError, TypeError, RecursionError, NotBase64):
        return b""


def to_make(code_hash: bytes) -> bytes:
    """What a challenge for a new passkey is about: this invitation."""
    return b"make|" + code_hash


def to_act(session: Session, act: bytes) -> bytes:
    """What a challenge for one act is about: this session and this request (`act_digest`)."""
    return b"act|" + session.token_hash + act


def act_digest(method: str, target: str, body_sha256: bytes) -> bytes:
    """A request in 32 bytes: method, path with its query, SHA-256 of the body."""
    return sha256(b"\n".join((method.encode(), target.encode(), body_sha256))).digest()
