"""The provider's statement against our top-ups. Pure.

Rules:
- a row and a top-up are the same payment when the provider's authority is the same; nothing is guessed from amounts;
- matched: paid there, credited here, the same rials;
- ours_only: credited here, not in the statement: money we say we have and the provider does not;
- theirs_only: in the statement, not credited here (unknown to us, or still pending): a rider's money that is owed;
- amount_differs: the same payment with two amounts, credited or not;
- a line that cannot be read is reported with its number and what is wrong; the other lines still count;
- an authority that comes twice counts once; the second line is reported.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from backend.core import limits
from backend.core.errors import RequestError
from backend.core.ports import TopUp
from protocol.limits import RIALS_MAX

HEADER = ("authority", "amount_rials", "paid_at")
_AUTHORITY = re.compile(rf"[A-Za-z0-9_-]{{1,{limits.AUTHORITY_MAX_CHARS}}}")
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


class Kind(Enum):
    """How one payment stands between the provider and us."""

    MATCHED = "matched"
    OURS_ONLY = "ours_only"
    THEIRS_ONLY = "theirs_only"
    AMOUNT_DIFFERS = "amount_differs"


@dataclass(frozen=True, slots=True)
class Item:
    """One payment. `topup` is None where we know nothing of it, `row` where the provider does not."""

    kind: Kind
    topup: TopUp | None
    row: StatementRow | None


@dataclass(frozen=True, slots=True)
class Total:
    """How many payments of one kind, and their rials by each side's books."""

    count: int
    ours_rials: int
    theirs_rials: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every payment once, and the lines that could not be read."""

    items: tuple[Item, ...]
    bad_lines: tuple[BadLine, ...]

    def total(self, kind: Kind) -> Total:
        """Count and rials of one kind."""
        of_kind = [item for item in self.items if item.kind is kind]
        return Total(
            len(of_kind),
            sum(item.topup.rials for item in of_kind if item.topup),
            sum(item.row.rials for item in of_kind if item.row),
        )


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


def reconcile(
    rows: Sequence[StatementRow], topups: Iterable[TopUp], bad_lines: Sequence[BadLine] = ()
) -> Reconciliation:
    """Classify every row, then every paid top-up that no row speaks of.

    `topups` are those of the statement's period and, besides, whichever the rows name.
    """
    ours = {topup.authority: topup for topup in topups if topup.authority}
    items = []
    for row in rows:
        topup = ours.pop(row.authority, None)
        if topup is not None and topup.rials != row.rials:
            kind = Kind.AMOUNT_DIFFERS
        elif topup is None or topup.status != "paid":
            kind = Kind.THEIRS_ONLY
        else:
            kind = Kind.MATCHED
        items.append(Item(kind, topup, row))
    items += [Item(Kind.OURS_ONLY, topup, None) for topup in ours.values() if topup.status == "paid"]
    return Reconciliation(tuple(items), tuple(bad_lines))
