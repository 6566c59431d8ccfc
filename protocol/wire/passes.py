"""The long pass: a credential signed by the issuer, and a presentation signed by the phone at each render.

    offset  bytes  field
         0      1  kind = 1
         1      1  issuer hint: first byte of the issuer's key id
         2      8  credential id
        10      1  credential version (denied by version)
        11     33  holder key, compressed P-256
        44      1  rider class (high four bits), product (low four bits)
        45      2  expiry: last valid local day, days since 1970-01-01
        47      1  offline allowance, units of 50,000 rials
        48     64  issuer's signature over bytes 0–47 (purpose CREDENTIAL)
       112      4  time of the render, Unix seconds, by the phone's clock
       116      2  counter: renders since local midnight
       118      1  party: companions, 0–15
       119     64  phone's signature over bytes 0–118 (purpose PASS)
       183         end; `SV1:` and base45 make 279 characters: exactly version 8-L

Rules:
- the bytes verified are the bytes received: offsets cut them; nothing is parsed or re-encoded before both
  signatures hold;
- a pass without its second signature is fraud, not a simpler ticket (P9);
- the hint only narrows which issuer keys are tried; every key is one we hold, none comes from the code.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from protocol import limits
from protocol.errors import BadSignature, MissingSignature, OutOfRange, UnknownIssuer, UnknownVersion, WrongLength
from protocol.wire.keys import Purpose, Signer, VerifyingKey, key_id

KIND_LONG_PASS = 1
_BODY = 48
CREDENTIAL_BYTES = _BODY + limits.SIGNATURE_BYTES
_SIGNED = CREDENTIAL_BYTES + 7


@dataclass(frozen=True, slots=True)
class Credential:
    """What the issuer vouches for. `raw` is the signed 112 bytes exactly as issued."""

    issuer_hint: int
    credential_id: bytes
    version: int
    holder: bytes
    rider_class: int
    product: int
    expiry_day: int
    allowance_units: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Presentation:
    """What identifies one showing of a pass; its bytes never do."""

    credential_id: bytes
    time_s: int
    counter: int


@dataclass(frozen=True, slots=True)
class LongPass:
    """A verified long pass. `raw` is the 183 bytes as received: the rider's proof."""

    credential: Credential
    time_s: int
    counter: int
    party: int
    raw: bytes

    @property
    def presentation(self) -> Presentation:
        """(credential, time, counter)."""
        return Presentation(self.credential.credential_id, self.time_s, self.counter)


def issue_credential(
    issuer: Signer,
    *,
    credential_id: bytes,
    version: int,
    holder: bytes,
    rider_class: int,
    product: int,
    expiry_day: int,
    allowance_units: int,
) -> bytes:
    """Sign a credential → its 112 bytes. Raises BadKey (holder) or OutOfRange by field."""
    VerifyingKey.load(holder)
    for name, value, most in (
        ("version", version, 255), ("rider_class", rider_class, 15), ("product", product, 15),
        ("expiry_day", expiry_day, 65_535), ("allowance_units", allowance_units, 255),
    ):  # fmt: skip
        if not 0 <= value <= most:
            raise OutOfRange(f"{name} is out of range", field=name, value=value, most=most)
    if len(credential_id) != limits.CREDENTIAL_ID_BYTES:
        raise OutOfRange("credential id is not 8 bytes", field="credential_id", bytes=len(credential_id))
    body = b"".join((
        bytes([KIND_LONG_PASS, key_id(issuer.public)[0]]), credential_id, bytes([version]), holder,
        bytes([rider_class << 4 | product]), expiry_day.to_bytes(2, "big"), bytes([allowance_units]),
    ))  # fmt: skip
    return body + issuer.sign(Purpose.CREDENTIAL, body)


def encode_moment(*, time_s: int, counter: int, party: int) -> bytes:
    """What a render adds, in either form: time, counter, party → 7 bytes. Raises OutOfRange by field."""
    for name, value, most in (
        ("time_s", time_s, limits.UINT32_MAX), ("counter", counter, 65_535), ("party", party, limits.PARTY_MAX),
    ):  # fmt: skip
        if not 0 <= value <= most:
            raise OutOfRange(f"{name} is out of range", field=name, value=value, most=most)
    return time_s.to_bytes(4, "big") + counter.to_bytes(2, "big") + bytes([party])


def render_long_pass(credential: bytes, holder: Signer, *, time_s: int, counter: int, party: int) -> bytes:
    """What the phone does every 15 s: sign (time, counter, party) over the credential's bytes → 183 bytes.

    Raises OutOfRange by field, or WrongLength.
    """
    moment = encode_moment(time_s=time_s, counter=counter, party=party)
    if len(credential) != CREDENTIAL_BYTES:
        raise WrongLength("credential is not 112 bytes", bytes=len(credential))
    signed = credential + moment
    return signed + holder.sign(Purpose.PASS, signed)


def verify_credential(raw: bytes, issuers: Iterable[VerifyingKey]) -> Credential:
    """Check the issuer's signature over received bytes, then parse. Raises WireError or ProofError by name."""
    if len(raw) != CREDENTIAL_BYTES:
        raise WrongLength("credential is not 112 bytes", bytes=len(raw))
    if raw[0] != KIND_LONG_PASS:
        raise UnknownVersion("not a credential of a kind we know", kind=raw[0])
    verify_issuer(Purpose.CREDENTIAL, raw[:_BODY], raw[_BODY:], issuers)
    return _parse_credential(raw)


def open_long_pass(raw: bytes, issuers: Iterable[VerifyingKey]) -> LongPass:
    """Verify both signatures over the received bytes, then parse.

    Raises UnknownVersion, MissingSignature, WrongLength, UnknownIssuer, BadSignature, HighSSignature, BadKey or
    OutOfRange.
    """
    if not raw or raw[0] != KIND_LONG_PASS:
        raise UnknownVersion("not a code of a kind we know", kind=raw[0] if raw else None)
    if len(raw) in (CREDENTIAL_BYTES, _SIGNED):
        raise MissingSignature("pass without the phone's signature", bytes=len(raw))
    if len(raw) != limits.LONG_PASS_BYTES:
        raise WrongLength("long pass is not 183 bytes", bytes=len(raw))
    verify_issuer(Purpose.CREDENTIAL, raw[:_BODY], raw[_BODY:CREDENTIAL_BYTES], issuers)
    return open_presentation(raw)


def open_presentation(raw: bytes) -> LongPass:
    """Verify the phone's signature with the holder key inside the pass, then parse.

    Enough by itself only where the credential's 112 bytes are known to be issued: the backend compares them. Raises
    UnknownVersion, WrongLength, BadSignature, HighSSignature, BadKey or OutOfRange.
    """
    if len(raw) != limits.LONG_PASS_BYTES:
        raise WrongLength("long pass is not 183 bytes", bytes=len(raw))
    if raw[0] != KIND_LONG_PASS:
        raise UnknownVersion("not a code of a kind we know", kind=raw[0])
    VerifyingKey.load(raw[11:44]).verify(Purpose.PASS, raw[:_SIGNED], raw[_SIGNED:])
    party = raw[118]
    if party > limits.PARTY_MAX:
        raise OutOfRange("party is out of range", field="party", value=party, most=limits.PARTY_MAX)
    return read_opened(raw)


def read_opened(raw: bytes) -> LongPass:
    """Fields of a pass that `open_presentation` has opened before, here or in another process; nothing is verified.

    Raises WrongLength.
    """
    if len(raw) != limits.LONG_PASS_BYTES:
        raise WrongLength("long pass is not 183 bytes", bytes=len(raw))
    return LongPass(
        credential=_parse_credential(raw[:CREDENTIAL_BYTES]),
        time_s=int.from_bytes(raw[112:116], "big"),
        counter=int.from_bytes(raw[116:118], "big"),
        party=raw[118],
        raw=raw,
    )


def verify_issuer(purpose: Purpose, body: bytes, signature: bytes, issuers: Iterable[VerifyingKey]) -> VerifyingKey:
    """Try every held key that the hint, the body's second byte, points to → the one that signed.

    Raises UnknownIssuer, BadSignature or HighSSignature.
    """
    candidates = [key for key in issuers if key.id[0] == body[1]]
    if not candidates:
        raise UnknownIssuer("no issuer key with this hint", hint=body[1])
    for key in candidates[:-1]:
        with suppress(BadSignature):
            key.verify(purpose, body, signature)
            return key
    candidates[-1].verify(purpose, body, signature)
    return candidates[-1]


def read_issued(raw: bytes) -> Credential:
    """Fields of a credential that the caller issued and stored itself; nothing is verified. Raises WrongLength."""
    if len(raw) != CREDENTIAL_BYTES:
        raise WrongLength("credential is not 112 bytes", bytes=len(raw))
    return _parse_credential(raw)


def _parse_credential(raw: bytes) -> Credential:
    """Fields of credential bytes that were verified."""
    return Credential(
        issuer_hint=raw[1],
        credential_id=raw[2:10],
        version=raw[10],
        holder=raw[11:44],
        rider_class=raw[44] >> 4,
        product=raw[44] & 15,
        expiry_day=int.from_bytes(raw[45:47], "big"),
        allowance_units=raw[47],
        raw=raw,
    )
