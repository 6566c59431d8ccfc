"""Keys and signatures: ECDSA P-256 with SHA-256, raw r‖s, low s, over a COSE Sig_structure (RFC 9052 §4.4).

Rules:
- one algorithm; the protected header is the constant {1: -7} and nothing else is accepted;
- the purpose is the Sig_structure's external data, so a signature made for one purpose never serves another;
- a signature with s above n/2 is refused, so no third party can make a second valid form of one (malleability);
- signing is deterministic (RFC 6979), so seeded runs replay byte for byte.
"""

from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from protocol import limits
from protocol.errors import BadKey, BadSignature, HighSSignature, WrongLength
from protocol.wire import crypto

PROTECTED = b"\xa1\x01\x26"  # {1: -7}: algorithm ES256 (RFC 9053 §2.1)


def bstr(data: bytes) -> bytes:
    """CBOR byte string with its minimal head."""
    size = len(data)
    if size < 24:
        return bytes([0x40 | size]) + data
    if size < 0x100:
        return bytes([0x58, size]) + data
    if size < 0x10000:
        return b"\x59" + size.to_bytes(2, "big") + data
    return b"\x5a" + size.to_bytes(4, "big") + data


class Purpose(Enum):
    """What a signature is for; its value is the Sig_structure's external_aad."""

    CREDENTIAL = b"savar/1/credential"
    PASS = b"savar/1/pass"
    SHORT_PASS = b"savar/1/short-pass"
    TICKET = b"savar/1/ticket"
    BADGE = b"savar/1/badge"
    RECORD = b"savar/1/record"
    RECEIPT = b"savar/1/receipt"
    HEALTH = b"savar/1/health"
    STATE = b"savar/1/state"
    SISTER = b"savar/1/sister"
    MANIFEST = b"savar/1/manifest"
    AUTHORITY = b"savar/1/authority"
    REGISTRATION = b"savar/1/registration"
    TIME = b"savar/1/time"
    CLAIM = b"savar/1/claim"
    ENROLMENT = b"savar/1/enrolment"
    ANSWER = b"savar/1/answer"
    RENEWAL = b"savar/1/renewal"
    ASSIGNMENT = b"savar/1/assignment"
    VEHICLE_CODE = b"savar/1/vehicle-code"
    BOARDING = b"savar/1/boarding"
    GRANT = b"savar/1/grant"
    COUNT = b"savar/1/count"

    def __init__(self, context: bytes) -> None:
        self.prefix = (
            b"\x84\x6aSignature1" + bstr(PROTECTED) + bstr(context)
        )  # of the Sig_structure, before the payload


def to_be_signed(purpose: Purpose, payload: bytes) -> bytes:
    """The Sig_structure ["Signature1", protected, external_aad, payload] that every Savar signature covers."""
    return purpose.prefix + bstr(payload)


@lru_cache(maxsize=256)  # every message names its sender's
def key_id(public: bytes) -> bytes:
    """Compressed point → 8-byte key id."""
    return sha256(public).digest()[: limits.KEY_ID_BYTES]


class Signer(Protocol):
    """Whatever can sign: a key in memory, a file, a token. `public` is the compressed point."""

    @property
    def public(self) -> bytes:
        """Compressed public point, 33 bytes."""
        ...

    def sign(self, purpose: Purpose, payload: bytes) -> bytes:
        """64-byte low-s signature over the payload for this purpose."""
        ...


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public P-256 key: its compressed bytes, its id, and the loaded half."""

    public: bytes
    id: bytes
    _half: crypto.PublicHalf = field(repr=False, compare=False)

    @classmethod
    def load(cls, public: bytes) -> "VerifyingKey":
        """33-byte compressed point → key. Raises BadKey (off the curve, or another encoding)."""
        if len(public) != limits.PUBLIC_KEY_BYTES:
            raise BadKey("public key is not a compressed P-256 point", bytes=len(public))
        return cls(public, key_id(public), crypto.scheme().load(public))

    def verify(self, purpose: Purpose, payload: bytes, signature: bytes) -> None:
        """Return if the signature holds. Raises WrongLength, HighSSignature or BadSignature."""
        if len(signature) != limits.SIGNATURE_BYTES:
            raise WrongLength("signature is not 64 bytes", bytes=len(signature))
        if int.from_bytes(signature[32:], "big") > crypto.ORDER // 2:
            raise HighSSignature("signature in its high-s form")
        try:
            self._half.verify(to_be_signed(purpose, payload), signature)
        except BadSignature as error:
            error.data |= {"purpose": purpose.name, "key": self.id.hex()}
            raise


class SigningKey:
    """A private P-256 key held in memory. Its repr never shows the secret."""

    def __init__(self, private: crypto.PrivateHalf) -> None:
        self._private = private
        self.verifying = VerifyingKey.load(private.public)

    @classmethod
    def from_secret(cls, secret: bytes) -> "SigningKey":
        """32 random (or seeded) bytes → key."""
        return cls(crypto.scheme().derive(secret))

    @classmethod
    def from_pem(cls, pem: bytes) -> "SigningKey":
        """PKCS#8 PEM, unencrypted → key. Raises BadKey."""
        try:
            private = serialization.load_pem_private_key(pem, None)
        except (ValueError, TypeError) as error:
            raise BadKey("not an unencrypted PKCS#8 private key") from error
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise BadKey("private key is not an EC key")
        return cls(crypto.P256Private(private))

    def to_pem(self) -> bytes:
        """PKCS#8 PEM, unencrypted. The caller writes it 0600 and never logs it."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        """The loaded P-256 key, for certificates and files."""
        assert isinstance(self._private, crypto.P256Private), "a stand-in has no certificate"
        return self._private.private

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """What was encrypted to this key, bound to `info`. Raises SealBroken."""
        return self._private.unwrap(wrapped, info)

    @property
    def public(self) -> bytes:
        """Compressed public point, 33 bytes."""
        return self.verifying.public

    @property
    def id(self) -> bytes:
        """8-byte key id."""
        return self.verifying.id

    def sign(self, purpose: Purpose, payload: bytes) -> bytes:
        """Deterministic low-s r‖s over the payload for this purpose."""
        return self._private.sign(to_be_signed(purpose, payload))

    def __repr__(self) -> str:
        """Key id only."""
        return f"SigningKey({self.id.hex()})"
