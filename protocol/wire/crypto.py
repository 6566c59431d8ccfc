"""The cryptography behind keys and sealing, as a port: P-256 in every product, and a seam for the seeded city.

Rules:
- a product knows one scheme, `P256`; nothing in a message, a file or a setting chooses another;
- the seeded city runs most of its seeds under a keyed-hash stand-in with the same contract (lengths, errors, low s,
  deterministic signatures), because it spends its time on faults and not on curves; `using` is called by `simulators`
  and tests alone, and the tidy test holds that;
- one contract suite runs over both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from protocol.errors import BadKey, BadSignature, SealBroken

_CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256: low s is at most half of it
_SIGN = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_VERIFY = ec.ECDSA(hashes.SHA256())
_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class PublicHalf(Protocol):
    """What verifies."""

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if 64 bytes r‖s, s low, hold over the message. Raises BadSignature."""
        ...


class PrivateHalf(Protocol):
    """What signs, and opens what was wrapped to it. `public`: 33 bytes."""

    @property
    def public(self) -> bytes:
        """The public half's bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes r‖s, s low; the same message gives the same bytes."""
        ...

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """What `wrap` wrapped under the same `info`. Raises SealBroken."""
        ...


class Scheme(Protocol):
    """Keys of one kind."""

    def load(self, public: bytes) -> PublicHalf:
        """33 bytes → public half. Raises BadKey."""
        ...

    def derive(self, secret: bytes) -> PrivateHalf:
        """Random (or seeded) bytes → private half."""
        ...

    def wrap(self, secret: bytes, recipient: bytes, info: bytes) -> bytes:
        """Encrypt to a public key of 33 bytes, bound to `info`. Raises BadKey."""
        ...


class _Point:
    """A loaded P-256 point."""

    __slots__ = ("_point",)

    def __init__(self, point: ec.EllipticCurvePublicKey) -> None:
        self._point = point

    def verify(self, message: bytes, signature: bytes) -> None:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            self._point.verify(utils.encode_dss_signature(r, s), message, _VERIFY)
        except InvalidSignature as error:
            raise BadSignature("signature does not hold") from error


class P256Private:
    """A P-256 private key in memory."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        if not isinstance(private.curve, ec.SECP256R1):
            raise BadKey("private key is not on P-256", curve=private.curve.name)
        self.private = private
        self.public = private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
        )

    def sign(self, message: bytes) -> bytes:
        """Deterministic (RFC 6979) low-s r‖s."""
        r, s = utils.decode_dss_signature(self.private.sign(message, _SIGN))
        return r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """HPKE, RFC 9180."""
        try:
            return _SUITE.decrypt(wrapped, self.private, info=info)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("wrapped key does not open") from error


class P256:
    """ECDSA and HPKE over P-256: the only scheme of a product."""

    def load(self, public: bytes) -> _Point:
        """Compressed point → public half. Raises BadKey (off the curve, or another encoding)."""
        try:
            return _Point(ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, public))
        except ValueError as error:
            raise BadKey("public key is not on the curve") from error

    def derive(self, secret: bytes) -> P256Private:
        """The scalar is the bytes modulo n-1, plus 1 (FIPS 186-5 A.2.1 in form)."""
        return P256Private(ec.derive_private_key(int.from_bytes(secret, "big") % (ORDER - 1) + 1, _CURVE))

    def wrap(self, secret: bytes, recipient: bytes, info: bytes) -> bytes:
        """HPKE, RFC 9180; random inside, so two wrappings differ."""
        self.load(recipient)
        return _SUITE.encrypt(secret, ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, recipient), info=info)


_in_force: Scheme = P256()


def scheme() -> Scheme:
    """The scheme in force: P-256, but inside `using`."""
    return _in_force


@contextmanager
def using(other: Scheme) -> Iterator[None]:
    """Run with another scheme. For the seeded city and the contract suite; no product calls it."""
    global _in_force  # noqa: PLW0603 - one seam, entered and left as a whole
    before, _in_force = _in_force, other
    try:
        yield
    finally:
        _in_force = before
