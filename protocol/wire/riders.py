"""The rider table's rows: what a validator must hold of a credential to read its holder's short pass.

    offset  bytes  field
         0      8  credential id
         8     33  holder key, compressed P-256
        41      1  credential version
        42      1  rider class, 0–15
        43      1  product, 0–15
        44      2  expiry: last valid local day, days since 1970-01-01
        46      2  offline allowance, units of 50,000 rials
        48         end

Rules:
- a chunk is rows and nothing else, ascending strictly by id: one set of riders has one form, and so one hash;
- a chunk holds at most RIDER_CHUNK_ROWS_MAX rows, so that it stays under 1 MiB;
- one id, one row: the row of the version in force. What it says of another version is nothing;
- rows carry no signature of their own. Whoever hands in chunks has proven that the city made them.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from protocol import limits
from protocol.errors import DuplicateKey, NotDeterministic, OutOfRange, TooLarge, WrongLength
from protocol.wire.passes import Credential

_ROW = struct.Struct(">8s33sBBBHH")
_Values = tuple[bytes, bytes, int, int, int, int, int]
_HALF_BYTE = 15


@dataclass(frozen=True, slots=True)
class RiderRow:
    """One credential as the table has it, by the names of `Credential`."""

    credential_id: bytes
    holder: bytes
    version: int
    rider_class: int
    product: int
    expiry_day: int
    allowance_units: int


def row_of(credential: Credential) -> RiderRow:
    """The row that a credential makes."""
    return RiderRow(
        credential.credential_id, credential.holder, credential.version, credential.rider_class, credential.product,
        credential.expiry_day, credential.allowance_units,
    )  # fmt: skip


def encode_rows(rows: Iterable[RiderRow]) -> bytes:
    """Rows in any order → one chunk, sorted by id.

    Raises OutOfRange by field, DuplicateKey (an id twice) or TooLarge.
    """
    chunk = b"".join(sorted(_encode_row(row) for row in rows))
    for _ in _unpacked(chunk):  # what is written is what would be taken
        pass
    return chunk


def _encode_row(row: RiderRow) -> bytes:
    for name, value, bytes_ in (
        ("credential_id", row.credential_id, limits.CREDENTIAL_ID_BYTES),
        ("holder", row.holder, limits.PUBLIC_KEY_BYTES),
    ):  # fmt: skip
        if len(value) != bytes_:
            raise OutOfRange(f"{name} is not {bytes_} bytes", field=name, bytes=len(value))
    for name, number, most in (
        ("version", row.version, 255), ("rider_class", row.rider_class, _HALF_BYTE),
        ("product", row.product, _HALF_BYTE), ("expiry_day", row.expiry_day, 65_535),
        ("allowance_units", row.allowance_units, 65_535),
    ):  # fmt: skip
        if not 0 <= number <= most:
            raise OutOfRange(f"{name} is out of range", field=name, value=number, most=most)
    return _ROW.pack(
        row.credential_id, row.holder, row.version, row.rider_class, row.product, row.expiry_day, row.allowance_units
    )


def decode_row(raw: bytes) -> RiderRow:
    """48 bytes of a chunk that was taken → row. The key is not looked at before a pass needs it.

    Raises WrongLength or OutOfRange.
    """
    if len(raw) != limits.RIDER_ROW_BYTES:
        raise WrongLength("a rider's row is not 48 bytes", bytes=len(raw))
    return RiderRow(*_checked(_ROW.unpack(raw)))


def decode_rows(chunk: bytes) -> list[RiderRow]:
    """A chunk → its rows. Raises WrongLength, TooLarge, OutOfRange, DuplicateKey or NotDeterministic."""
    return [RiderRow(*values) for values in _unpacked(chunk)]


def chunk_ids(chunk: bytes) -> list[bytes]:
    """A chunk → the ids of its rows, everything checked as `decode_rows` does; a million rows take under a second."""
    return [values[0] for values in _unpacked(chunk)]


def _unpacked(chunk: bytes) -> Iterator[_Values]:
    """Every row's values, strictly ascending by id."""
    if len(chunk) % limits.RIDER_ROW_BYTES:
        raise WrongLength("a chunk of riders is not whole rows", bytes=len(chunk))
    if len(chunk) > limits.RIDER_CHUNK_ROWS_MAX * limits.RIDER_ROW_BYTES:
        raise TooLarge("a chunk of riders over its limit", bytes=len(chunk), limit=limits.RIDER_CHUNK_ROWS_MAX)
    before = b""
    for values in _ROW.iter_unpack(chunk):
        if values[0] <= before:
            if values[0] == before:
                raise DuplicateKey("a chunk of riders names one id twice", field="credential_id")
            raise NotDeterministic("a chunk of riders is not sorted", field="credential_id")
        before = values[0]
        yield _checked(values)


def _checked(values: _Values) -> _Values:
    if values[3] > _HALF_BYTE or values[4] > _HALF_BYTE:
        name, value = ("rider_class", values[3]) if values[3] > _HALF_BYTE else ("product", values[4])
        raise OutOfRange(f"{name} is out of range", field=name, value=value, most=_HALF_BYTE)
    return values
