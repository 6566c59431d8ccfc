"""Error families: whose fault it is, what it was about, and what to do next.

A refused boarding is not an error but an ordinary Decision. Errors are for bytes that break the contract, proofs that
do not hold, and parts of our own that fail.
"""

from enum import Enum
from typing import ClassVar


class Fault(Enum):
    """Whose fault an error is; it decides who has to act."""

    PEER = "peer"  # the bytes that someone else sent break the contract
    PROOF = "proof"  # the bytes are well formed, but what they claim is not proven
    LOCAL = "local"  # something of ours fails: a disk, a camera, a key file
    OPERATOR = "operator"  # a person configured or called it wrongly


class SavarError(Exception):
    """Base of every error Savar raises on purpose.

    `fix` says the next step to a person; `data` carries the facts for a log or a problem document and never a secret.
    """

    fault: ClassVar[Fault] = Fault.LOCAL

    def __init__(self, message: str, *, fix: str = "", **data: object) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.data = data

    @property
    def name(self) -> str:
        """The error's short stable name: its class name."""
        return type(self).__name__

    def __str__(self) -> str:
        """The message, then the fix, on one line."""
        return f"{self.message} — {self.fix}" if self.fix else self.message


class WireError(SavarError):
    """Received bytes break the contract; the sender is at fault."""

    fault = Fault.PEER


class Truncated(WireError):
    """The bytes end before the structure does."""


class TrailingBytes(WireError):
    """There are bytes after the structure's end."""


class DuplicateKey(WireError):
    """A map names one key twice."""


class NotDeterministic(WireError):
    """CBOR that RFC 8949 §4.2 forbids: a non-minimal head, an indefinite length, unsorted keys, a float, a tag."""


class MissingField(WireError):
    """A structure lacks a field that its version has."""


class UnknownField(WireError):
    """A structure has a field that its version does not have."""


class WrongType(WireError):
    """A field holds a value of another type."""


class OutOfRange(WireError):
    """A field's value lies outside its limits."""


class UnknownVersion(WireError):
    """The structure names a version or kind that this software does not speak."""


class WrongLength(WireError):
    """A fixed layout has another length than its kind prescribes."""


class TooLarge(WireError):
    """More bytes or items than `limits` allows."""


class NotAFareCode(WireError):
    """A code without our prefix: a payment sticker, an address plate, a URL."""


class DamagedCode(WireError):
    """A code with our prefix whose text is not valid base45."""


class ProofError(SavarError):
    """Well-formed bytes whose claim is not proven."""

    fault = Fault.PROOF


class BadSignature(ProofError):
    """The signature does not verify over the received bytes."""


class HighSSignature(ProofError):
    """The signature verifies only in its high-s twin form, which the contract refuses (malleability)."""


class MissingSignature(ProofError):
    """A structure that must be signed twice carries one signature: fraud, not a simpler ticket (P9)."""


class UnknownAlgorithm(ProofError):
    """The protected header names another algorithm than ES256. Nothing is guessed."""


class UnknownIssuer(ProofError):
    """No key that we hold has issued this credential."""


class UnknownRider(ProofError):
    """A short pass of a credential, or a version of it, that we hold no row of: its long form decides."""


class UnknownKey(ProofError):
    """The signature names a key that we do not hold."""


class BadKey(ProofError):
    """Bytes that should be a P-256 public key are not a point on the curve."""


class ChainBroken(ProofError):
    """A record does not follow its predecessor: a gap, a fork or a changed byte (P11)."""


class SealBroken(ProofError):
    """A sealed rider part does not open under its day key and public part."""


class RolledBack(ProofError):
    """Something signed and numbered carries a lower number than what is already held (P12)."""


class NumberReused(ProofError):
    """Two different contents are signed under one number (P12)."""


class WrongHash(ProofError):
    """Bytes fetched by their hash have another one (P12)."""
