"""The grant: a rider has scanned the bus, and the backend answers for the fare. By MQTT, or shown by the phone.

A *request* is what the rider signs, with the phone's key:

    offset  bytes  field
         0      8  credential id
         8      1  credential version
         9      4  time of the vehicle code
        13      8  nonce of the vehicle code
        21      1  party: companions, 0–15
        22      1  length n of the vehicle's name, 1 to 32
        23      n  vehicle
      23+n     64  holder's signature over everything before it (purpose BOARDING)

A *grant* is what the backend makes of it:

    offset  bytes  field
         0      1  kind = 6
         1      1  issuer hint: first byte of the issuer's key id
         2      1  rider class (high four bits), product (low four)
         3      5  most: rials that the rider has agreed to pay at most
         8   87+n  the request, as it was received
      95+n     64  issuer's signature over everything before it (purpose GRANT)
     159+n         end; with a vehicle's name of up to 24 letters as small a symbol as the long pass: version 8-L

Rules:
- the rider's signature inside is what makes the boarding money: who steals the issuer's key or a tap key can light a
  lamp and charge nobody. The issuer's key signs, and no key of its own: whoever has it can make passes already;
- the request binds vehicle, time and nonce of the code that was scanned: it serves no other bus and no other moment;
- no time of the phone's is in it, and none of the backend's: it is good for ten minutes from the time of the vehicle
  code, by the clock of the bus that made that code;
- its presentation is (credential, time of the code, 65,534), which no phone's render reaches: one code is one boarding,
  however often the grant comes and on whichever way.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protocol import limits
from protocol.errors import MissingSignature, OutOfRange, UnknownVersion, WrongLength
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey, key_id
from protocol.wire.passes import Presentation, verify_issuer
from protocol.wire.riders import RiderRow
from protocol.wire.short_passes import ShortPass

KIND_GRANT = 6
GRANTED = 65_534  # a phone renders 5,760 times a day; 65,535 is a bearer ticket's
_REQUEST_HEAD = 23
_GRANT_HEAD = 8


@dataclass(frozen=True, slots=True)
class BoardingRequest:
    """What a rider asks for. `raw`: its bytes with the phone's signature, which `prove` verifies."""

    credential_id: bytes
    version: int
    time_s: int
    nonce: bytes
    party: int
    vehicle: str
    raw: bytes

    @property
    def presentation(self) -> Presentation:
        """What identifies the boarding: one vehicle code, one boarding."""
        return Presentation(self.credential_id, self.time_s, GRANTED)

    def good_at(self, wall_ms: int) -> bool:
        """Whether a grant of it may board at this time of the bus; a little early, for two doors have two clocks.

        For ten minutes in all: so long a bus remembers what it accepted, whatever its tariff.
        """
        age_ms = wall_ms - self.time_s * 1000 + limits.FRESH_WINDOW_S * 1000
        return 0 <= age_ms <= limits.GRANT_S * 1000

    def prove(self, holder: VerifyingKey) -> None:
        """The rider's own signature, by the key of this credential and version. Raises BadSignature, HighSSignature."""
        end = len(self.raw) - limits.SIGNATURE_BYTES
        holder.verify(Purpose.BOARDING, self.raw[:end], self.raw[end:])


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant that its issuer has signed. `request.prove` is not called yet: who holds the rider's key does that.

    `most_rials`: what the rider agreed to pay at most. `raw`: the bytes as received, the rider's proof.
    """

    issuer: VerifyingKey
    rider_class: int
    product: int
    most_rials: int
    request: BoardingRequest
    raw: bytes

    @property
    def presentation(self) -> Presentation:
        """The request's."""
        return self.request.presentation

    @property
    def party(self) -> int:
        """Companions."""
        return self.request.party


def sign_boarding(
    holder: Signer, *, credential_id: bytes, version: int, time_s: int, nonce: bytes, party: int, vehicle: str
) -> bytes:
    """What the phone does when its rider confirms → the request's bytes. Raises OutOfRange or WrongType by field."""
    for name, value, most in (
        ("version", version, 255), ("time_s", time_s, limits.UINT32_MAX), ("party", party, limits.PARTY_MAX),
    ):  # fmt: skip
        if not 0 <= value <= most:
            raise OutOfRange(f"{name} is out of range", field=name, value=value, most=most)
    for name, data, size in (
        ("credential_id", credential_id, limits.CREDENTIAL_ID_BYTES), ("nonce", nonce, limits.NONCE_BYTES),
    ):  # fmt: skip
        if len(data) != size:
            raise OutOfRange(f"{name} is not {size} bytes", field=name, bytes=len(data))
    cbor.name_text("vehicle", vehicle)
    body = b"".join((
        credential_id, bytes([version]), time_s.to_bytes(4, "big"), nonce, bytes([party, len(vehicle)]),
        vehicle.encode(),
    ))  # fmt: skip
    return body + holder.sign(Purpose.BOARDING, body)


def read_boarding(raw: bytes) -> BoardingRequest:
    """Fields of a request; its signature is not verified: `prove` does that, by the key that these fields name.

    Raises WrongLength, MissingSignature or OutOfRange (party, vehicle).
    """
    end = _REQUEST_HEAD + (raw[_REQUEST_HEAD - 1] if len(raw) >= _REQUEST_HEAD else 0)
    if len(raw) == end > _REQUEST_HEAD:
        raise MissingSignature("request without the phone's signature", bytes=len(raw))
    if len(raw) != end + limits.SIGNATURE_BYTES:
        raise WrongLength("request is not as long as its vehicle's name says", bytes=len(raw))
    if raw[21] > limits.PARTY_MAX:
        raise OutOfRange("party is out of range", field="party", value=raw[21], most=limits.PARTY_MAX)
    vehicle = raw[_REQUEST_HEAD:end].decode("latin-1")
    cbor.name_text("vehicle", vehicle)
    return BoardingRequest(raw[:8], raw[8], int.from_bytes(raw[9:13], "big"), raw[13:21], raw[21], vehicle, raw)


def open_boarding(raw: bytes, holder: VerifyingKey) -> BoardingRequest:
    """Verify the phone's signature by the key of the credential that `read_boarding` names, then parse.

    Raises as `read_boarding`, and BadSignature, HighSSignature.
    """
    end = len(raw) - limits.SIGNATURE_BYTES
    if end < _REQUEST_HEAD + 1:
        return read_boarding(raw)  # which says what is wrong with it
    if end == _REQUEST_HEAD + raw[_REQUEST_HEAD - 1]:
        holder.verify(Purpose.BOARDING, raw[:end], raw[end:])
    return read_boarding(raw)


def is_grant(raw: bytes) -> bool:
    """Whether a payload says that it is a grant."""
    return raw[:1] == bytes([KIND_GRANT])


def issue_grant(issuer: Signer, request: bytes, *, rider_class: int, product: int, most_rials: int) -> bytes:
    """Sign a request that was proven before → the grant's bytes. Raises as `read_boarding`, and OutOfRange by field."""
    for name, value, most in (
        ("rider_class", rider_class, 15), ("product", product, 15), ("most_rials", most_rials, limits.RIALS_MAX),
    ):  # fmt: skip
        if not 0 <= value <= most:
            raise OutOfRange(f"{name} is out of range", field=name, value=value, most=most)
    read_boarding(request)
    body = b"".join((
        bytes([KIND_GRANT, key_id(issuer.public)[0], rider_class << 4 | product]), most_rials.to_bytes(5, "big"),
        request,
    ))  # fmt: skip
    return body + issuer.sign(Purpose.GRANT, body)


def open_grant(raw: bytes, issuers: Iterable[VerifyingKey]) -> Grant:
    """Verify the issuer's signature over the received bytes, then parse.

    Raises UnknownVersion, MissingSignature, WrongLength, UnknownIssuer, BadSignature, HighSSignature or OutOfRange.
    """
    if not is_grant(raw):
        raise UnknownVersion("not a grant", kind=raw[0] if raw else None)
    named = _GRANT_HEAD + _REQUEST_HEAD  # where the vehicle's name begins
    end = named + (raw[named - 1] if len(raw) >= named else 0) + limits.SIGNATURE_BYTES
    if len(raw) == end > named + limits.SIGNATURE_BYTES:
        raise MissingSignature("grant without the issuer's signature", bytes=len(raw))
    if len(raw) != end + limits.SIGNATURE_BYTES:
        raise WrongLength("grant is not as long as its vehicle's name says", bytes=len(raw))
    issuer = verify_issuer(Purpose.GRANT, raw[:end], raw[end:], issuers)
    return _parse(raw, issuer)


def claimed_request(raw: bytes) -> bytes:
    """The request in a grant, unproven: enough to look for its rider, and for nothing else."""
    return raw[_GRANT_HEAD : -limits.SIGNATURE_BYTES]


def granted_pass(of: BoardingRequest, row: RiderRow, raw: bytes) -> ShortPass:
    """A grant's request as the presentation that it is, of the rider in this row; `raw`: the grant."""
    return ShortPass(row, of.time_s, GRANTED, of.party, raw)


def _parse(raw: bytes, issuer: VerifyingKey) -> Grant:
    """Fields of bytes that were verified."""
    most_rials = int.from_bytes(raw[3:_GRANT_HEAD], "big")
    if most_rials > limits.RIALS_MAX:
        raise OutOfRange("most is out of range", field="most_rials", value=most_rials, most=limits.RIALS_MAX)
    request = read_boarding(raw[_GRANT_HEAD : -limits.SIGNATURE_BYTES])
    return Grant(issuer, raw[2] >> 4, raw[2] & 15, most_rials, request, raw)
