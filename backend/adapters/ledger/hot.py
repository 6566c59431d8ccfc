"""The hot path's way to a database: its driver, without SQLAlchemy between. Values stand as `?` in both.

What differs between the two is here and in what implements it; every statement stands once, in `ingest` and `standing`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Protocol, TypeAlias

from backend.adapters.ledger.near import Asked
from backend.core.ledger import TapId

Row: TypeAlias = tuple[Any, ...]
_TAPS_A_QUERY = 150  # three values each: under SQLite's limit of variables, whatever its build


class Driver(Protocol):
    """One database's own. `raw`: its connection; the caller holds the transaction."""

    def begin_months(self, raw: Any, days: Collection[int], now_ms: int) -> None:
        """Make room for rows of these service days, where a month has room of its own; first in a transaction."""
        ...

    def rows(self, raw: Any, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All that a query gives."""
        ...

    def near(self, raw: Any, asked: Sequence[Asked]) -> list[Row]:
        """Claims near others: `near.near_sql` of these look-ups."""
        ...

    def between(self, raw: Any, asked: Sequence[Asked]) -> list[Row]:
        """Claims of riders in spans of time: `near.between_sql` of these look-ups."""
        ...

    def run(self, raw: Any, sql: str, values: Sequence[object] = ()) -> int:
        """One statement → how many rows it changed."""
        ...

    def many(self, raw: Any, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """One statement for each of these rows."""
        ...

    def move(self, raw: Any, accounts: Sequence[tuple[str, int, int]]) -> None:
        """Add to debits and credits of these accounts, each named once; one that is new begins."""
        ...

    def add(self, raw: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """New rows, in bulk."""
        ...


def rows_of_taps(driver: Driver, raw: Any, table: str, taps: Sequence[TapId], what: str = "*") -> Iterator[Row]:
    """Columns of a table whose key is the tap, of these. Joined: of `IN (VALUES …)` SQLite reads the whole table."""
    columns = ", ".join(f"{table}.{name.strip()}" for name in what.split(","))
    for at in range(0, len(taps), _TAPS_A_QUERY):
        some = taps[at : at + _TAPS_A_QUERY]
        yield from driver.rows(raw, _of_taps(table, columns, len(some)), [part for tap in some for part in tap])


@cache
def _of_taps(table: str, columns: str, many: int) -> str:
    marks = ", ".join(["(?, ?, ?)"] * many)
    return (
        f"WITH asked (device, epoch, sequence) AS (VALUES {marks})"  # noqa: S608 - ours, and marks
        f" SELECT {columns} FROM asked JOIN {table} USING (device, epoch, sequence)"
    )
