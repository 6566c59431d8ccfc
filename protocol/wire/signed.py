"""COSE_Sign1 envelope (RFC 9052 §4.2) for every signed message that is not in a QR.

Fixed shape: tag 18, [protected {1:-7}, {4: key id}, payload, signature]. Because the shape is fixed, the envelope is
cut at known offsets and its exact bytes compared; the payload is parsed only after the signature over it has held.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protocol import limits
from protocol.errors import (
    NotDeterministic,
    TooLarge,
    TrailingBytes,
    Truncated,
    UnknownAlgorithm,
    UnknownKey,
    WrongType,
)
from protocol.wire.keys import PROTECTED, Purpose, Signer, VerifyingKey, bstr, key_id

_OPEN = b"\xd2\x84"  # tag 18, array of four
_PROTECTED = bstr(PROTECTED)
_UNPROTECTED = b"\xa1\x04\x48"  # {4: 8-byte key id}
_TAIL = b"\x58\x40"  # 64-byte signature


@dataclass(frozen=True, slots=True)
class Envelope:
    """A cut but not yet verified COSE_Sign1."""

    key_id: bytes
    payload: bytes
    signature: bytes


def seal_message(purpose: Purpose, payload: bytes, signer: Signer) -> bytes:
    """Payload → COSE_Sign1 bytes."""
    signature = signer.sign(purpose, payload)
    return _OPEN + _PROTECTED + _UNPROTECTED + key_id(signer.public) + bstr(payload) + _TAIL + signature


def cut(data: bytes, *, max_bytes: int) -> Envelope:
    """COSE_Sign1 bytes → its parts, unverified. Raises WireError or UnknownAlgorithm by name."""
    if len(data) > max_bytes:
        raise TooLarge("signed message over its limit", bytes=len(data), limit=max_bytes)
    if not _stands(data, 0, _OPEN):
        raise WrongType("not a COSE_Sign1 message")
    at = len(_OPEN)
    if not _stands(data, at, _PROTECTED):
        raise UnknownAlgorithm("protected header is not {1: -7}", header=data[at : at + 8].hex())
    at += len(_PROTECTED)
    if not _stands(data, at, _UNPROTECTED):
        raise WrongType("unprotected header is not {4: key id}")
    at += len(_UNPROTECTED)
    kid = data[at : at + limits.KEY_ID_BYTES]
    payload, at = _takebstr(data, at + limits.KEY_ID_BYTES)
    if not _stands(data, at, _TAIL):
        raise WrongType("signature is not 64 bytes")
    tail = data[at:]
    if len(tail) < len(_TAIL) + limits.SIGNATURE_BYTES:
        raise Truncated("signed message ends inside its signature")
    if len(tail) > len(_TAIL) + limits.SIGNATURE_BYTES:
        raise TrailingBytes("bytes after the signature")
    return Envelope(kid, payload, tail[len(_TAIL) :])


def _stands(data: bytes, at: int, part: bytes) -> bool:
    """Whether `part` stands at `at`. Raises Truncated where the bytes end inside it: that is no other message."""
    found = data[at : at + len(part)]
    if len(found) < len(part) and part.startswith(found):
        raise Truncated("signed message ends inside its headers", at=len(data))
    return found == part


def _takebstr(data: bytes, at: int) -> tuple[bytes, int]:
    """Byte string at `at` → (its bytes, offset behind it); its head must be minimal."""
    if at >= len(data):
        raise Truncated("signed message ends before its payload")
    head = data[at]
    sizes = {0x58: 1, 0x59: 2, 0x5A: 4}
    if 0x40 <= head < 0x58:
        size, start = head - 0x40, at + 1
    elif head in sizes:
        start = at + 1 + sizes[head]
        if start > len(data):
            raise Truncated("signed message ends inside its payload's length")
        size = int.from_bytes(data[at + 1 : start], "big")
    elif head >> 5 == 2:
        raise NotDeterministic("payload length is not minimal", head=head)
    else:
        raise WrongType("payload is not a byte string")
    payload = data[start : start + size]
    if len(payload) < size:
        raise Truncated("signed message ends inside its payload", missing=size - len(payload))
    if data[at:start] + payload != bstr(payload):
        raise NotDeterministic("payload length is not minimal")
    return payload, start + size


def open_message(purpose: Purpose, data: bytes, keys: Iterable[VerifyingKey], *, max_bytes: int) -> bytes:
    """COSE_Sign1 bytes → the verified payload, by one of `keys`. Raises WireError, UnknownKey or another ProofError."""
    envelope = cut(data, max_bytes=max_bytes)
    for key in keys:
        if key.id == envelope.key_id:
            key.verify(purpose, envelope.payload, envelope.signature)
            return envelope.payload
    raise UnknownKey("message signed by a key we do not hold", key=envelope.key_id.hex(), purpose=purpose.name)
