"""The staff's log in a file that an auditor takes away: a line of JSON an entry, read again without any ledger. Pure.

A line is what `line_of` writes, byte for byte: what a person reads in it is what its hash is of.
"""

import json

from backend.core.errors import RequestError
from backend.core.limits import LOG_LINE_MAX_BYTES
from backend.core.staff.log import Entry, Logged

_TEXTS = ("person", "role", "action", "on", "outcome", "key")
_NUMBERS = ("number", "at_ms")
_HASH_BYTES = 32


class NotALine(RequestError):
    """A line of the file is none that an export wrote."""


def line_of(row: Logged) -> str:
    """One entry, with its end of line."""
    it = row.entry
    told = {
        "number": row.number, "at_ms": it.at_ms, "person": it.person, "role": it.role, "action": it.action,
        "on": it.on, "outcome": it.outcome, "key": it.key, "hash": row.hash.hex(),
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_line(line: bytes) -> Logged:
    """The entry that a line tells; its hash is not believed (`log.check_copy`). Raises NotALine."""
    try:
        row = _read(line)
    except (ValueError, RecursionError) as error:
        raise NotALine(f"a line is no entry of a log: {error}", fix="ask for the export again") from error
    if line_of(row).encode() != line:
        raise NotALine("a line is written otherwise than an export does", fix="ask for the export again")
    return row


def _read(line: bytes) -> Logged:
    if len(line) > LOG_LINE_MAX_BYTES:
        raise ValueError(f"longer than {LOG_LINE_MAX_BYTES} bytes")
    told = json.loads(line.decode())
    if not isinstance(told, dict) or set(told) != {*_TEXTS, *_NUMBERS, "hash"}:
        raise ValueError("other fields than an entry has")
    texts_are = all(isinstance(told[it], str) for it in (*_TEXTS, "hash"))
    if not texts_are or any(type(told[it]) is not int for it in _NUMBERS):  # True is no number
        raise ValueError("a field of another type")
    hashed = bytes.fromhex(told["hash"])
    if len(hashed) != _HASH_BYTES:
        raise ValueError("a hash of another length")
    return Logged(told["number"], Entry(told["at_ms"], *(told[it] for it in _TEXTS)), hashed)
