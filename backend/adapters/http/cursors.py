"""Pages of lists: how many rows, and cursors where rows have no number: opaque text, made and read here alone.

A cursor is the place of the last row of a page, so that rows which come meanwhile move no other ones.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from fastapi import Depends, Query

from backend.core import limits
from backend.core.case_ports import CaseKey
from backend.core.staff.errors import Unfit
from protocol.limits import INT63_MAX

_PATTERN = "^[A-Za-z0-9_-]{1,400}$"
Limit = Annotated[int, Query(ge=1, le=limits.PAGE_MAX)]  # rows of a page


class NotACursor(Unfit):
    """The text is no cursor of this list."""

    def __init__(self) -> None:
        super().__init__("this is no cursor of this list", fix="begin without one, then take what each page names")


def of_case(key: CaseKey) -> str:
    """The cursor behind a case."""
    return _text([*key])


def of_ride(place: tuple[int, int]) -> str:
    """The cursor behind a rider's ride."""
    return _text([*place])


def _text(values: list[int | str]) -> str:
    return urlsafe_b64encode(json.dumps(values, ensure_ascii=False).encode()).rstrip(b"=").decode()


def _values(cursor: str) -> list[object]:
    """Raises NotACursor."""
    try:
        found = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise NotACursor from error
    return found if isinstance(found, list) else []


async def case_cursor(
    after: Annotated[str | None, Query(pattern=_PATTERN, description="`next_after` of the page before.")] = None,
) -> CaseKey | None:
    """The place behind which a page of cases begins. Raises NotACursor."""
    match None if after is None else _values(after):
        case None:
            return None
        case [int(day), str(kind), str(subject)] if abs(day) <= INT63_MAX and _is_plain(kind + subject):
            return day, kind, subject
    raise NotACursor


async def ride_cursor(
    before: Annotated[str | None, Query(pattern=_PATTERN, description="`next_before` of the page before.")] = None,
) -> tuple[int, int] | None:
    """The place behind which a page of rides begins. Raises NotACursor."""
    match None if before is None else _values(before):
        case None:
            return None
        case [int(wall_ms), int(row)] if max(abs(wall_ms), abs(row)) <= INT63_MAX:
            return wall_ms, row
    raise NotACursor


def _is_plain(text: str) -> bool:
    """Whether a database can compare it: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


CaseCursor = Annotated[CaseKey | None, Depends(case_cursor)]
RideCursor = Annotated[tuple[int, int] | None, Depends(ride_cursor)]
