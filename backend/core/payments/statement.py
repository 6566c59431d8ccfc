"""A provider's statement as CSV: what it says was paid. Pure.

Rules:
- the first line is `authority,amount_rials,paid_at`; `authority` is by what this provider's statements name a payment
  (`PaymentProvider.statement_key`), `paid_at` is ISO 8601 with its offset;
- a line that cannot be read is reported with its number and what is wrong; the other lines still count;
- an authority that comes twice counts once; the second line is reported.
"""

import csv
import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from backend.core import limits
from backend.core.errors import RequestError
from protocol.limits import RIALS_MAX

HEADER = ("authority", "amount_rials", "paid_at")
_AUTHORITY = re.compile(rf"[A-Za-z0-9_/+=-]{{1,{limits.AUTHORITY_MAX_CHARS}}}")  # a bank's is base64
_RIALS = re.compile(r"[0-9]{1,13}")


class BadStatement(RequestError):
    """The statement as a whole cannot be used: another header, no text, or no readable row."""


class LineFault(Enum):
    """What is wrong with one line."""

    FIELDS = "not three fields"
    AUTHORITY = "authority is not one of the provider's"
    AMOUNT = "amount_rials is not a positive whole number of rials"
    TIME = "paid_at is not ISO 8601 with its offset from UTC"
    REPEATED = "the same authority stands in an earlier line"


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out: its number in the file, from 1 for the header."""

    number: int
    fault: LineFault


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One payment as the provider tells it."""

    authority: str
    rials: int
    paid_ms: int


def decode_statement(text: str) -> tuple[list[StatementRow], list[BadLine]]:
    """CSV text with the header `authority,amount_rials,paid_at` → rows and bad lines. Raises BadStatement (header).

    Lines are read one at a time, so that a stray quotation mark cannot swallow the rest of the file.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    if tuple(_fields(lines[0]) or ()) != HEADER:
        raise BadStatement(
            "the statement has another header", fix=f"the first line must be {','.join(HEADER)}", found=lines[0][:80]
        )
    rows: list[StatementRow] = []
    bad: list[BadLine] = []
    seen: set[str] = set()
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        read = _row(line)
        if isinstance(read, StatementRow) and read.authority in seen:
            read = LineFault.REPEATED
        if isinstance(read, LineFault):
            bad.append(BadLine(number, read))
        else:
            seen.add(read.authority)
            rows.append(read)
    return rows, bad


def _fields(line: str) -> list[str] | None:
    try:
        return next(csv.reader([line.removesuffix("\r")], strict=True), None)
    except csv.Error:
        return None


def _row(line: str) -> StatementRow | LineFault:
    fields = _fields(line)
    if fields is None or len(fields) != len(HEADER):
        return LineFault.FIELDS
    authority, amount, paid_at = fields
    if not _AUTHORITY.fullmatch(authority):
        return LineFault.AUTHORITY
    if not _RIALS.fullmatch(amount) or not 0 < int(amount) <= RIALS_MAX:
        return LineFault.AMOUNT
    try:
        when = datetime.fromisoformat(paid_at)
    except ValueError:
        return LineFault.TIME
    if when.tzinfo is None:
        return LineFault.TIME
    return StatementRow(authority, int(amount), int(when.timestamp()) * 1000)
