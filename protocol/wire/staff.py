"""The staff list: who may sign in at a bus's terminal without a network. A bundle section, one chunk.

Rules:
- a row names the one badge that is its driver's, or none: a lost one is denied by that (see `badges`);
- a badge can be photographed, so `both` says of whom it takes badge and PIN; of others either is enough;
- a PIN is kept as scrypt over a salt of its own; the list holds numbers, no names and no badges' bearers;
- rows ascend strictly by number: one list has one form, and nobody stands in it twice;
- who holds the list can try PINs at leisure (four digits: minutes). It keeps passengers and colleagues from a driver's
  shift and float; a stolen card is answered by a new list, which every bundle may carry (P12, P13).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest

from protocol import limits
from protocol.errors import OutOfRange
from protocol.wire import cbor
from protocol.wire.manifests import require_ascending

VERSION = 2  # 1 had no badges
STAFF = "staff"  # the section's kind
_ROW: cbor.Fields = (
    ("number", cbor.name_text),
    ("salt", cbor.octets(limits.PIN_SALT_BYTES)),
    ("pin", cbor.octets(limits.HASH_BYTES)),
    ("badge", cbor.optional(cbor.octets(limits.BADGE_ID_BYTES))),
    ("both", cbor.flag),
)
_FIELDS: cbor.Fields = (("rows", cbor.array(cbor.row(_ROW), most=limits.STAFF_MAX)),)


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One driver: the number, a salt, scrypt of the PIN, the badge in force; `both`: it takes badge and PIN."""

    number: str
    salt: bytes
    pin: bytes
    badge: bytes | None = None
    both: bool = False


def hash_pin(pin: str, salt: bytes) -> bytes:
    """PIN → 32 bytes. Raises OutOfRange for what is no PIN: 4 to 8 digits, 0 to 9."""
    if not (limits.PIN_MIN_DIGITS <= len(pin) <= limits.PIN_MAX_DIGITS and pin.isascii() and pin.isdigit()):
        raise OutOfRange("a PIN has 4 to 8 digits", field="pin")
    return hashlib.scrypt(
        pin.encode(), salt=salt, n=limits.PIN_SCRYPT_N, r=limits.PIN_SCRYPT_R, p=1, dklen=limits.HASH_BYTES
    )


def make_row(number: str, pin: str, salt: bytes) -> StaffRow:
    """A driver's row. `salt`: 16 random bytes, new for each PIN. Raises OutOfRange."""
    return StaffRow(number, salt, hash_pin(pin, salt))


def knows(rows: Sequence[StaffRow], number: str, pin: str) -> bool:
    """Whether somebody of this number has this PIN; as much work for a number that nobody has."""
    found = next((row for row in rows if row.number == number), None)
    row = found or StaffRow(number, bytes(limits.PIN_SALT_BYTES), bytes(limits.HASH_BYTES))
    try:
        given = hash_pin(pin, row.salt)
    except OutOfRange:
        return False
    return compare_digest(given, row.pin) and found is not None


def encode_staff(rows: Sequence[StaffRow]) -> bytes:
    """Rows, ascending by number → the chunk. Raises WireError by name."""
    require_ascending("staff", [row.number for row in rows])
    values = [[[row.number, row.salt, row.pin, row.badge, row.both] for row in rows]]
    return cbor.encode_structure("staff", values, _FIELDS, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)


def decode_staff(data: bytes) -> tuple[StaffRow, ...]:
    """The chunk → its rows. Raises WireError by name; NotDeterministic or DuplicateKey for rows that do not ascend."""
    (values,) = cbor.decode_structure("staff", data, _FIELDS, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)
    rows = tuple(StaffRow(*row) for row in values)
    require_ascending("staff", [row.number for row in rows])
    return rows
