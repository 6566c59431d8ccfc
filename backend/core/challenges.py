"""Challenges that a phone or a passkey signs: ours by a code over them, good for a while, and once. Pure.

    time, 8 bytes of Unix milliseconds ‖ 8 random bytes ‖ HMAC-SHA-256 over both and its subject, its first 16 bytes

What it is about is told by whoever makes and checks it, and is no part of it: it answers that and nothing else.

Nothing is kept of one that is asked for, so asking costs nobody memory.
"""

import hmac
from typing import Final, NamedTuple

from protocol.limits import CHALLENGE_BYTES

_TIME: Final = 8
RANDOM_BYTES: Final = 8
_CODE: Final = CHALLENGE_BYTES - _TIME - RANDOM_BYTES


class KeyProof(NamedTuple):
    """That somebody holds a key: r‖s over `registration_payload`, purpose REGISTRATION."""

    challenge: bytes
    signature: bytes


def make_challenge(secret: bytes, at_ms: int, drawn: bytes, about: bytes = b"") -> bytes:
    """`drawn`: RANDOM_BYTES, so that no two are alike."""
    of = at_ms.to_bytes(_TIME, "big") + drawn
    return of + _code(secret, of, about)


def made_at(secret: bytes, challenge: bytes, about: bytes = b"") -> int | None:
    """When it was made, in Unix milliseconds; None if it is not ours, or about something else."""
    of, code = challenge[:-_CODE], challenge[-_CODE:]
    ours = len(of) == _TIME + RANDOM_BYTES and hmac.compare_digest(code, _code(secret, of, about))
    return int.from_bytes(of[:_TIME], "big") if ours else None


def _code(secret: bytes, of: bytes, about: bytes) -> bytes:
    return hmac.digest(secret, of + about, "sha256")[:_CODE]
