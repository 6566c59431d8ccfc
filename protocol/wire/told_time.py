"""What a backend signs to tell a phone the time over HTTP: the phone's own random bytes, then the time.

A time without a nonce could be kept and told again later: a phone that believed it would sign codes of the past.
"""

from protocol import limits
from protocol.errors import OutOfRange, WrongLength


def told_time_payload(nonce: bytes, time_ms: int) -> bytes:
    """Nonce and Unix milliseconds → the 24 bytes that purpose TIME signs. Raises WrongLength, OutOfRange."""
    if len(nonce) != limits.TIME_NONCE_BYTES:
        raise WrongLength("a nonce of another length", expected=limits.TIME_NONCE_BYTES, found=len(nonce))
    if not 0 <= time_ms <= limits.LATEST_MS:
        raise OutOfRange("time is out of range", field="time_ms", value=time_ms, most=limits.LATEST_MS)
    return nonce + time_ms.to_bytes(8, "big")
