"""Sealing of the rider part: AES-256-GCM under a day key that is wrapped to the backend by HPKE (RFC 9180, P-256).

Rules:
- a day key is random, made by the device for one local day and one run; it is never written to the card, only wrapped;
- the nonce is the record's sequence: a day key is never used for two records of one sequence, because a restart makes
  a new key;
- the public part is the associated data, so a sealed part cannot be moved to another tap;
- destroying a day key (the backend deletes its wrapped bytes and private share) deletes that day's travel, while the
  chain over the sealed bytes still verifies.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.errors import SealBroken, WrongLength
from protocol.wire import crypto
from protocol.wire.keys import SigningKey, VerifyingKey, key_id

_RIDER = b"savar/1/rider"
_INFO = b"savar/1/daykey"
DAY_KEY_BYTES = 32


def wrap_day_key(day_key: bytes, recipient: bytes, *, device: str, epoch: int, day: int) -> bytes:
    """Day key → HPKE ciphertext for the backend's sealing key (33-byte point), bound to device, epoch and day.

    Raises WrongLength (day key) or BadKey (recipient).
    """
    _require_day_key(day_key)
    VerifyingKey.load(recipient)  # one rule for what a public key is: compressed, on the curve
    return crypto.scheme().wrap(day_key, recipient, _info(device, epoch, day))


def unwrap_day_key(wrapped: bytes, recipient: SigningKey, *, device: str, epoch: int, day: int) -> bytes:
    """HPKE ciphertext → day key. Raises SealBroken when it is not for us or not for this device, epoch and day."""
    try:
        day_key = recipient.unwrap(wrapped, _info(device, epoch, day))
    except SealBroken as error:
        raise SealBroken("wrapped day key does not open", device=device, epoch=epoch, day=day) from error
    if len(day_key) != DAY_KEY_BYTES:
        raise SealBroken("day key is not 32 bytes", device=device, bytes=len(day_key))
    return day_key


def _require_day_key(secret: bytes) -> None:
    """AES-GCM would take a shorter key without a word."""
    if len(secret) != DAY_KEY_BYTES:
        raise WrongLength("day key is not 32 bytes", bytes=len(secret))


def _info(device: str, epoch: int, day: int) -> bytes:
    """What a wrapped key is bound to."""
    return b"|".join((_INFO, device.encode(), str(epoch).encode(), str(day).encode()))


@dataclass(frozen=True, slots=True)
class DayKey:
    """A day key in use. Its repr never shows the secret."""

    id: bytes
    day: int
    _cipher: AESGCM

    @classmethod
    def load(cls, secret: bytes, day: int) -> "DayKey":
        """32 secret bytes → key with its 8-byte id (first bytes of a hash: it reveals nothing). Raises WrongLength."""
        _require_day_key(secret)
        return cls(key_id(_INFO + secret), day, AESGCM(secret))

    def seal(self, sequence: int, proof: bytes, public: bytes) -> bytes:
        """Rider's proof → sealed bytes (proof + 16)."""
        return self._cipher.encrypt(sequence.to_bytes(12, "big"), proof, _RIDER + public)

    def open(self, sequence: int, sealed: bytes, public: bytes) -> bytes:
        """Sealed bytes → rider's proof. Raises SealBroken."""
        try:
            return self._cipher.decrypt(sequence.to_bytes(12, "big"), sealed, _RIDER + public)
        except InvalidTag as error:
            raise SealBroken("sealed rider part does not open", sequence=sequence) from error

    def __repr__(self) -> str:
        """Id and day only."""
        return f"DayKey({self.id.hex()}, day={self.day})"
