"""Statements of payment providers and of the bank, as CSV. Pure; a line at a time, whatever the size of the file.

A provider's: the header `authority,amount_rials,paid_at`, or that with the three columns `kind,fee_rials,payout` behind
it. `kind` is `payment` or `reversal`; `fee_rials` is what the provider keeps of the row; `payout` names the transfer
to the bank in which the row was paid out, empty as long as it was not.
The bank's: `reference,amount_rials,booked_at`, or with `kind` behind it: `in` or `out`, and without it all came in.
`reference` is, of what came in, the provider's payout's name, of what went out the bank's own word for it. Times are
ISO 8601 with their offset.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import chain

from backend.core import limits
from backend.core.errors import RequestError
from protocol.limits import RIALS_MAX
from protocol.localtime import service_day

SHORT = ("authority", "amount_rials", "paid_at")
WHOLE = (*SHORT, "kind", "fee_rials", "payout")
BANK = ("reference", "amount_rials", "booked_at")
BANK_WHOLE = (*BANK, "kind")
_OUTGOING = {"in": False, "out": True}
_NAME = re.compile(rf"[A-Za-z0-9_/+=-]{{1,{limits.AUTHORITY_MAX_CHARS}}}")
_RIALS = re.compile(r"[0-9]{1,15}")
_FIRST_LINE = 2  # below the header


class StatementUnfit(RequestError):
    """A file is no statement: it has another header."""


class RowKind(Enum):
    """What a provider's row tells of."""

    PAYMENT = "payment"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """One row of a provider's statement. `fee_rials`: what of it the provider keeps; `payout`: empty, not paid out."""

    line: int
    authority: str
    rials: int
    at_ms: int
    kind: RowKind = RowKind.PAYMENT
    fee_rials: int = 0
    payout: str = ""

    @property
    def day(self) -> int:
        """The service day that it belongs to."""
        return service_day(self.at_ms)


@dataclass(frozen=True, slots=True)
class BankRow:
    """One entry of the bank's. `outgoing`: it left our account."""

    line: int
    reference: str
    rials: int
    at_ms: int
    outgoing: bool = False

    @property
    def day(self) -> int:
        """The service day that it belongs to."""
        return service_day(self.at_ms)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that was left out, by its number in the file, from 1 for the header."""

    line: int
    why: str


def provider_rows(lines: Iterable[str]) -> Iterator[ProviderRow | Unreadable]:
    """Lines of a provider's statement → its rows. Raises StatementUnfit (header)."""
    header, rest = _header(lines, (SHORT, WHOLE))
    for number, line in rest:
        fields = _fields(line)
        if fields is None or len(fields) != len(header):
            yield Unreadable(number, f"not {len(header)} fields")
            continue
        yield _provider_row(number, fields)


def bank_rows(lines: Iterable[str]) -> Iterator[BankRow | Unreadable]:
    """Lines of the bank's statement → its rows. Raises StatementUnfit (header)."""
    header, rest = _header(lines, (BANK, BANK_WHOLE))
    for number, line in rest:
        fields = _fields(line)
        if fields is None or len(fields) != len(header):
            yield Unreadable(number, f"not {len(header)} fields")
            continue
        reference, amount, booked_at, kind = fields if len(fields) == len(BANK_WHOLE) else (*fields, "in")
        at_ms, rials = _time(booked_at), _amount(amount)
        if not _NAME.fullmatch(reference):
            yield Unreadable(number, "reference is not one of the bank's")
        elif rials is None:
            yield Unreadable(number, "amount_rials is not a positive whole number of rials")
        elif at_ms is None:
            yield Unreadable(number, "booked_at is not ISO 8601 with its offset from UTC")
        elif kind not in _OUTGOING:
            yield Unreadable(number, "kind is neither in nor out")
        else:
            yield BankRow(number, reference, rials, at_ms, _OUTGOING[kind])


def _provider_row(number: int, fields: list[str]) -> ProviderRow | Unreadable:
    authority, amount, paid_at, kind, fee, payout = (
        fields if len(fields) == len(WHOLE) else (*fields, "payment", "0", "")
    )
    rials, at_ms = _amount(amount), _time(paid_at)
    if not _NAME.fullmatch(authority):
        return Unreadable(number, "authority is not one of the provider's")
    if rials is None:
        return Unreadable(number, "amount_rials is not a positive whole number of rials")
    if at_ms is None:
        return Unreadable(number, "paid_at is not ISO 8601 with its offset from UTC")
    if kind not in {it.value for it in RowKind}:
        return Unreadable(number, "kind is neither payment nor reversal")
    if not _RIALS.fullmatch(fee) or int(fee) > rials:
        return Unreadable(number, "fee_rials is not a whole number of rials up to the amount")
    if payout and not _NAME.fullmatch(payout):
        return Unreadable(number, "payout is no payout's name")
    return ProviderRow(number, authority, rials, at_ms, RowKind(kind), int(fee), payout)


def _header(
    lines: Iterable[str], fit: tuple[tuple[str, ...], ...]
) -> tuple[tuple[str, ...], Iterator[tuple[int, str]]]:
    told = iter(lines)
    first = next(told, "").removeprefix("\ufeff")
    header = tuple(_fields(first) or ())
    if header not in fit:
        fix = " or ".join(",".join(it) for it in fit)
        raise StatementUnfit("the statement has another header", fix=f"the first line must be {fix}", found=first[:80])
    numbered = enumerate(chain(told), start=_FIRST_LINE)
    return header, ((number, line) for number, line in numbered if line.strip())


def _fields(line: str) -> list[str] | None:
    """One line alone, so that a stray quotation mark cannot swallow the rest of the file."""
    try:
        return next(csv.reader([line.rstrip("\r\n")], strict=True), None)
    except csv.Error:
        return None


def _amount(text: str) -> int | None:
    return int(text) if _RIALS.fullmatch(text) and 0 < int(text) <= RIALS_MAX else None


def _time(text: str) -> int | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if when.tzinfo is None else int(when.timestamp()) * 1000
