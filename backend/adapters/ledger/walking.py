"""A rider's claims from the newest on, until a page is full: their index begins with the day, so each day is a look-up.

Which times lie under which number of a day, `claim_day` tells: of every claim that ever came, whatever clocks told. So
days of which nothing came are not asked, nor older ones once the page is full, and nothing newer can be left out.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from backend.adapters.ledger.hot import Driver
from backend.adapters.ledger.local import RIDE_DAYS
from backend.adapters.ledger.tables import CLAIM_DAY
from protocol.limits import INT63_MAX
from protocol.localtime import service_day

_Row = TypeVar("_Row")
_DAYS: Final = (
    sa.select(CLAIM_DAY.c.number, CLAIM_DAY.c.newest_ms)
    .where(CLAIM_DAY.c.oldest_ms <= sa.bindparam("at"))
    .order_by(CLAIM_DAY.c.newest_ms.desc(), CLAIM_DAY.c.number)
)
_WIDENED: Final = (
    "INSERT INTO claim_day AS held VALUES (?, ?, ?) ON CONFLICT (number) DO UPDATE SET"
    " oldest_ms = CASE WHEN excluded.oldest_ms < held.oldest_ms THEN excluded.oldest_ms ELSE held.oldest_ms END,"
    " newest_ms = CASE WHEN excluded.newest_ms > held.newest_ms THEN excluded.newest_ms ELSE held.newest_ms END"
)


def widen(driver: Driver, raw: Any, times: Iterable[int]) -> None:
    """Claims of these milliseconds came; the caller holds the transaction."""
    ordered = sorted(times)
    if not ordered:
        return
    days = [ordered]
    if service_day(ordered[0]) != service_day(ordered[-1]):  # nearly always all of one day
        days = [[*of] for _, of in groupby(ordered, key=service_day)]
    driver.many(raw, _WIDENED, [(service_day(of[0]) % RIDE_DAYS, of[0], of[-1]) for of in days])


def days_before(core: sa.Connection, at_ms: int | None) -> Sequence[tuple[int, int]]:
    """Numbers of days that have claims of then or before, or any, each with its newest time: the newest first."""
    asked = core.execute(_DAYS, {"at": INT63_MAX if at_ms is None else at_ms})
    return [(number, newest_ms) for number, newest_ms in asked]


def walk(
    days: Sequence[tuple[int, int]], limit: int, ask: Callable[[Sequence[int]], Iterable[_Row]],
    place: Callable[[_Row], tuple[Any, ...]],
) -> list[_Row]:  # fmt: skip
    """The newest rows of all these days, at most `limit`, which is 1 or more.

    `ask`: the newest of days of some numbers, as many; `place`: what rows are ordered by, their time first.
    """
    found: list[_Row] = []
    begin, size = 0, limit  # he may ride once a day
    while begin < len(days) and (len(found) < limit or place(found[-1])[0] < days[begin][1]):
        more = ask([number for number, _ in days[begin : begin + size]])
        found = sorted([*found, *more], key=place, reverse=True)[:limit]
        begin, size = begin + size, size * 2
    return found
