"""The hot path's way to a database: its driver, without SQLAlchemy between. Values stand as `?` in both.

What differs between the two is here and in what implements it; every statement stands once, in `ingest` and `standing`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

Row: TypeAlias = tuple[Any, ...]


class Driver(Protocol):
    """One database's own. `raw`: its connection; the caller holds the transaction."""

    near_flat: str  # `standing`: what lies near claims, where every fare is flat, …
    near_by_the_way: str  # … and where it is by distance

    def rows(self, raw: Any, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All that a query gives."""
        ...

    def near(self, raw: Any, sql: str, values: Mapping[str, object]) -> list[Row]:
        """The same, of one of the two above, whose values have names."""
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
