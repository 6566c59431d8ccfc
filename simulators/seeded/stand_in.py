"""A keyed-hash stand-in for P-256 with the same contract: lengths, errors, low s, determinism. It proves nothing.

Who holds the stand-in can look every secret up by its public half; an attacker of the seeded city has only bytes, as
outside. Verifying costs a hash instead of 48 µs, so a seed is about its faults and not about curves.
"""

from hashlib import blake2b
from hmac import compare_digest

from protocol import limits
from protocol.errors import BadKey, BadSignature, SealBroken

_TAG_BYTES = 16


class _Secret:
    """Both halves of a stand-in key. Implements PrivateHalf and PublicHalf."""

    __slots__ = ("_key", "public")

    def __init__(self, public: bytes, key: bytes) -> None:
        self.public = public
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """64 bytes, the second half below half the curve's order."""
        made = blake2b(message, key=self._key, digest_size=limits.SIGNATURE_BYTES).digest()
        return made[:32] + bytes([made[32] & 0x3F]) + made[33:]

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises BadSignature."""
        if not compare_digest(self.sign(message), signature):
            raise BadSignature("signature does not hold")

    def wrap(self, secret: bytes, info: bytes) -> bytes:
        """A stream of hash bytes over the secret, and a tag over both."""
        hidden = bytes(a ^ b for a, b in zip(secret, self._stream(info, len(secret)), strict=True))
        return hidden + self._tag(hidden, info)

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """Raises SealBroken."""
        hidden, tag = wrapped[:-_TAG_BYTES], wrapped[-_TAG_BYTES:]
        if not compare_digest(tag, self._tag(hidden, info)):
            raise SealBroken("wrapped key does not open")
        return bytes(a ^ b for a, b in zip(hidden, self._stream(info, len(hidden)), strict=True))

    def _stream(self, info: bytes, size: int) -> bytes:
        made = b""
        while len(made) < size:
            made += blake2b(info + len(made).to_bytes(4, "big"), key=self._key, person=b"savar-stream").digest()
        return made[:size]

    def _tag(self, hidden: bytes, info: bytes) -> bytes:
        return blake2b(hidden + info, key=self._key, person=b"savar-tag", digest_size=_TAG_BYTES).digest()


class StandIn:
    """Implements `protocol.wire.crypto.Scheme`. One a seed: its keys are known to it alone."""

    def __init__(self) -> None:
        self._by_public: dict[bytes, _Secret] = {}

    def derive(self, secret: bytes) -> _Secret:
        """The public half looks like a compressed point and says nothing of the secret."""
        key = blake2b(secret, person=b"savar-secret", digest_size=32).digest()
        made = _Secret(b"\x02" + blake2b(key, person=b"savar-public", digest_size=32).digest(), key)
        return self._by_public.setdefault(made.public, made)

    def load(self, public: bytes) -> _Secret:
        """Raises BadKey for a public half that belongs to no key: the stand-in's "not on the curve"."""
        found = self._by_public.get(public)
        if found is None:
            raise BadKey("public key is not on the curve")
        return found

    def wrap(self, secret: bytes, recipient: bytes, info: bytes) -> bytes:
        """Raises BadKey."""
        return self.load(recipient).wrap(secret, info)
