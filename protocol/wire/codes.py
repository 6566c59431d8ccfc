"""The text in a QR: `SV1:` and base45 (RFC 9285). Anything without the prefix is somebody else's code."""

import base45

from protocol import limits
from protocol.errors import DamagedCode, NotAFareCode, TooLarge

_PREFIX = limits.CODE_PREFIX.encode()


def write_code(payload: bytes) -> str:
    """Payload bytes → the text to put into a QR in alphanumeric mode."""
    text: bytes = base45.b45encode(payload)
    return limits.CODE_PREFIX + text.decode()


def is_ours(text: bytes) -> bool:
    """Whether the text in a QR carries our prefix."""
    return text.startswith(_PREFIX)


def read_code(text: bytes) -> bytes:
    """Bytes out of a QR → payload bytes.

    Raises NotAFareCode (no prefix), TooLarge, or DamagedCode (prefix, but not base45).
    """
    if not is_ours(text):
        raise NotAFareCode("not a fare code", bytes=len(text))
    if len(text) > limits.CODE_TEXT_MAX_CHARS:
        raise TooLarge("code longer than any QR symbol", chars=len(text), limit=limits.CODE_TEXT_MAX_CHARS)
    try:
        payload: bytes = base45.b45decode(text[len(_PREFIX) :])
    except ValueError as error:  # base45's own error, and UnicodeDecodeError
        raise DamagedCode("code is not base45", chars=len(text)) from error
    return payload
