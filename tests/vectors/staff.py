"""Vectors of the staff list."""

from typing import Any

from protocol.wire import cbor
from protocol.wire.staff import encode_staff
from tests.protocol.samples import STAFF
from tests.vectors.entries import Entries, of

ROWS = list(STAFF)


def staff_entries() -> Entries:
    good = encode_staff(ROWS)
    first, second = ([row.number, row.salt, row.pin, row.badge, row.both] for row in ROWS)

    def rows(*values: list[Any]) -> dict[str, Any]:
        return of(cbor.encode([2, list(values)]))

    return {
        "two drivers": of(good), "nobody": of(encode_staff([])),
        "a driver twice": rows(first, first), "not sorted": rows(second, first),
        "version 1": of(cbor.encode([1, [first[:3]]])), "one byte short": of(good[:-1]), "one byte more": of(good + b"\x00"),
        "salt of 15 bytes": rows([first[0], bytes(15), *first[2:]]), "hash of 31 bytes": rows([*first[:2], bytes(31), *first[3:]]),
        "PIN in clear": rows([*first[:2], "1234", *first[3:]]), "number in capitals": rows(["A1", *first[1:]]),
        "field missing": rows(first[:4]), "field too many": rows([*first, 0]), "badge of 7 bytes": rows([*first[:3], bytes(7), False]), "both is 1": rows([*first[:4], 1]),
        "rows are null": of(cbor.encode([2, None])),
    }  # fmt: skip
