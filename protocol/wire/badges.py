"""The badge: a driver's printed code, signed by the issuer, by which a terminal knows who signs in. Nobody rides by it.

    offset  bytes  field
         0      1  kind = 4
         1      1  issuer hint: first byte of the issuer's key id
         2      8  badge id, random
        10      2  last valid local day, days since 1970-01-01
        12      1  length n of the number, 1 to 32
        13      n  the driver's number on the staff list: a–z, 0–9, hyphen
      13+n     64  issuer's signature over everything before it (purpose BADGE)

Rules:
- a badge proves who printed it and nothing more: the staff list says which badge is a driver's, so a lost one is denied
  by naming another or none there;
- it can be photographed, so it stands for a number and, only where the staff list says so, for a PIN;
- the purpose is its own: no ticket or credential can be made of a badge, and no badge of them; the bytes verified are
  the bytes received, before anything of them is parsed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protocol import limits
from protocol.errors import MissingSignature, OutOfRange, UnknownVersion, WrongLength
from protocol.localtime import service_day
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey, key_id
from protocol.wire.passes import verify_issuer
from protocol.wire.records import Instant

KIND_BADGE = 4
_HEAD = 13
_DAY_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Badge:
    """A verified badge. `issuer` is the key that signed it; `raw` the bytes as received."""

    issuer: VerifyingKey
    badge_id: bytes
    last_day: int
    number: str
    raw: bytes

    def expired(self, now: Instant) -> bool:
        """Whether its last day has passed, by a clock that is right within its uncertainty; no other clock says so."""
        return now.trusted and service_day(now.wall_ms - now.uncertainty_s * 1000) > self.last_day


def is_badge(raw: bytes) -> bool:
    """Whether a payload says that it is a badge."""
    return raw[:1] == bytes([KIND_BADGE])


def issue_badge(issuer: Signer, *, badge_id: bytes, last_day: int, number: str) -> bytes:
    """Sign a badge → its bytes. Raises OutOfRange or WrongType by field; what is issued can be read."""
    if not 0 <= last_day <= _DAY_MAX:
        raise OutOfRange("last_day is out of range", field="last_day", value=last_day, most=_DAY_MAX)
    if len(badge_id) != limits.BADGE_ID_BYTES:
        raise OutOfRange("badge id is not 8 bytes", field="badge_id", bytes=len(badge_id))
    cbor.name_text("number", number)
    body = b"".join((
        bytes([KIND_BADGE, key_id(issuer.public)[0]]), badge_id, last_day.to_bytes(2, "big"), bytes([len(number)]),
        number.encode(),
    ))  # fmt: skip
    return body + issuer.sign(Purpose.BADGE, body)


def open_badge(raw: bytes, issuers: Iterable[VerifyingKey]) -> Badge:
    """Verify the issuer's signature over the received bytes, then parse.

    Raises UnknownVersion, WrongLength, MissingSignature, UnknownIssuer, BadSignature, HighSSignature or OutOfRange (a
    number that is no name).
    """
    if not is_badge(raw):
        raise UnknownVersion("not a badge", kind=raw[0] if raw else None)
    end = _HEAD + (raw[_HEAD - 1] if len(raw) >= _HEAD else 0)
    if len(raw) == end > _HEAD:
        raise MissingSignature("badge without the issuer's signature", bytes=len(raw))
    if end == _HEAD or len(raw) != end + limits.SIGNATURE_BYTES:
        raise WrongLength("badge is not as long as its number says", bytes=len(raw))
    issuer = verify_issuer(Purpose.BADGE, raw[:end], raw[end:], issuers)
    number = raw[_HEAD:end].decode("latin-1")
    cbor.name_text("number", number)
    return Badge(issuer, raw[2:10], int.from_bytes(raw[10:12], "big"), number, raw)
