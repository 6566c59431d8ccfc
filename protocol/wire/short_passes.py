"""The short pass: a presentation alone, for validators that hold the rider's row (see `riders`).

    offset  bytes  field
         0      1  kind = 2
         1      8  credential id
         9      1  credential version
        10      4  time of the render, Unix seconds, by the phone's clock
        14      2  counter: renders since local midnight
        16      1  party: companions, 0–15
        17     64  phone's signature over bytes 0–16 (purpose SHORT_PASS)
        81         end; `SV1:` and base45 make 126 characters: version 5-L (4-L holds 114)

Rules:
- the id only chooses the row; the key is the row's, none comes from the code;
- the phone signs no credential bytes, and need not: class, product, expiry and key are taken from the row that the
  signed id and version name, never from the code, so there is nothing that could be glued to another credential. In
  the long pass they come from the code, and there the signature covers them. The purpose is another than PASS, so
  neither form's signature serves the other;
- a row of another version than the code's says nothing about it: that code is no more known than one without a row,
  and the long form of the same render, which carries its own credential, decides;
- one render may be shown in both forms. They are one presentation: (credential id, time, counter).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from protocol import limits
from protocol.errors import MissingSignature, OutOfRange, UnknownRider, UnknownVersion, WrongLength
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.passes import CREDENTIAL_BYTES, LongPass, Presentation, encode_moment
from protocol.wire.riders import RiderRow

KIND_SHORT_PASS = 2
_SIGNED = limits.SHORT_PASS_BYTES - limits.SIGNATURE_BYTES
FindRider: TypeAlias = Callable[[bytes], RiderRow | None]  # credential id → its row, if one is held


@dataclass(frozen=True, slots=True)
class ShortPass:
    """A verified short pass. `credential` is the row it was verified by; `raw` the 81 bytes: the rider's proof."""

    credential: RiderRow
    time_s: int
    counter: int
    party: int
    raw: bytes

    @property
    def presentation(self) -> Presentation:
        """(credential, time, counter), the same as of the long form."""
        return Presentation(self.credential.credential_id, self.time_s, self.counter)


Pass: TypeAlias = LongPass | ShortPass


def is_short(raw: bytes) -> bool:
    """Whether a payload says that it is a short pass."""
    return raw[:1] == bytes([KIND_SHORT_PASS])


def render_short_pass(credential: bytes, holder: Signer, *, time_s: int, counter: int, party: int) -> bytes:
    """What the phone does: sign (id, version, time, counter, party) of its 112-byte credential → 81 bytes.

    Raises OutOfRange by field, or WrongLength.
    """
    moment = encode_moment(time_s=time_s, counter=counter, party=party)
    if len(credential) != CREDENTIAL_BYTES:
        raise WrongLength("credential is not 112 bytes", bytes=len(credential))
    signed = bytes([KIND_SHORT_PASS]) + credential[2:11] + moment
    return signed + holder.sign(Purpose.SHORT_PASS, signed)


def claimed_presentation(raw: bytes) -> Presentation:
    """What 81 bytes say that they present, unproven: enough to wait for the long form, and for nothing else."""
    return Presentation(raw[1:9], int.from_bytes(raw[10:14], "big"), int.from_bytes(raw[14:16], "big"))


def claimed_credential(raw: bytes) -> bytes | None:
    """The credential id that a code of either form says it is of, unproven; None where it has no room for one."""
    at = 1 if is_short(raw) else 2
    return raw[at : at + limits.CREDENTIAL_ID_BYTES] if len(raw) >= at + limits.CREDENTIAL_ID_BYTES else None


def claimed_version(raw: bytes) -> int:
    """The credential version that 81 bytes say they are of, unproven."""
    return raw[9]


def open_short_pass(raw: bytes, find: FindRider) -> ShortPass:
    """Verify the phone's signature by the key of the row that `find` has for the id, then parse.

    Raises UnknownVersion, MissingSignature, WrongLength, UnknownRider (no row of this version), BadKey (in the row),
    BadSignature, HighSSignature or OutOfRange.
    """
    if not is_short(raw):
        raise UnknownVersion("not a short pass", kind=raw[0] if raw else None)
    if len(raw) == _SIGNED:
        raise MissingSignature("pass without the phone's signature", bytes=len(raw))
    if len(raw) != limits.SHORT_PASS_BYTES:
        raise WrongLength("short pass is not 81 bytes", bytes=len(raw))
    row = find(raw[1:9])
    if row is None or row.version != raw[9]:
        raise UnknownRider(
            "no row of this credential and version", version=raw[9], held=None if row is None else row.version
        )
    VerifyingKey.load(row.holder).verify(Purpose.SHORT_PASS, raw[:_SIGNED], raw[_SIGNED:])
    party = raw[16]
    if party > limits.PARTY_MAX:
        raise OutOfRange("party is out of range", field="party", value=party, most=limits.PARTY_MAX)
    return read_opened_short(raw, row)


def read_opened_short(raw: bytes, row: RiderRow) -> ShortPass:
    """Fields of a pass that `open_short_pass` has opened by this row before, here or in another process.

    Nothing is verified. Raises WrongLength.
    """
    if len(raw) != limits.SHORT_PASS_BYTES:
        raise WrongLength("short pass is not 81 bytes", bytes=len(raw))
    shown = claimed_presentation(raw)
    return ShortPass(row, shown.time_s, shown.counter, raw[16], raw)
