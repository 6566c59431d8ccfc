"""The hot path's way to a database: its driver, without SQLAlchemy between. Values stand as `?` in both.

What differs between the two is here and in what implements it; every statement stands once, in `ingest` and `standing`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol, TypeAlias

from backend.adapters.ledger.near import Asked

Row: TypeAlias = tuple[Any, ...]


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
