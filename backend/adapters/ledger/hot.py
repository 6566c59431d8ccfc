"""The hot path's way to a database: its driver, without SQLAlchemy between. Values stand as `?` in both.

What differs between the two is here and in what implements it; every statement stands once, in `ingest` and `standing`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, Protocol, TypeAlias, TypeVar

from backend.adapters.ledger.local import DAY, DAYS
from backend.adapters.ledger.near import Asked
from backend.core.ledger import TapId

Row: TypeAlias = tuple[Any, ...]
_VALUES_A_QUERY = 450  # under SQLite's limit of variables, whatever its build
_KEYS_A_QUERY = 500  # likewise
_Value = TypeVar("_Value")


class Driver(Protocol):
    """One database's own. `raw`: its connection; the caller holds the transaction."""

    @property
    def each(self) -> str:
        """SQL: {what} of rows of {of}, each looked up by itself in {table}, by an index, on {on}."""
        ...

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

    def numbers(self, raw: Any, table: str, many: int) -> Sequence[int]:
        """So many numbers for the next rows of a table, ascending, above those of all rows that are there."""
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


def cut(values: Sequence[_Value], size: int) -> Iterator[Sequence[_Value]]:
    """As many a statement as it takes."""
    for at in range(0, len(values), size):
        yield values[at : at + size]


def rows_of_taps(driver: Driver, raw: Any, table: str, taps: Sequence[TapId], what: str = "*") -> Iterator[Row]:
    """Columns of a table whose key is the tap, of these."""
    return rows_of(driver, raw, table, ("device", "epoch", "sequence"), taps, what)


def rows_of(  # noqa: PLR0917 - as `rows_of_taps` has them
    driver: Driver, raw: Any, table: str, key: tuple[str, ...], values: Sequence[Sequence[object]], what: str = "*",
    *, where: str = "",
) -> Iterator[Row]:  # fmt: skip
    """Columns of a table's rows in which the columns of `key` have these values; `where`: in the words of an index.

    For `IN (VALUES …)` SQLite reads all of the table.
    """
    columns = ", ".join(f"{table}.{name.strip()}" for name in what.split(","))
    for some in cut(values, _VALUES_A_QUERY // len(key)):
        asked = _asked_of(driver.each, table, key, columns, where, len(some))
        yield from driver.rows(raw, asked, [part for it in some for part in it])


@cache
def _asked_of(each: str, table: str, key: tuple[str, ...], columns: str, where: str, many: int) -> str:  # noqa: PLR0917
    marks = ", ".join([f"({', '.join('?' * len(key))})"] * many)
    on = " AND ".join([*(f"{table}.{name} = of_{name}" for name in key), *([where] if where else [])])
    found = each.format(what=columns, of="asked", table=table, on=on)
    return f"WITH asked ({', '.join(f'of_{name}' for name in key)}) AS (VALUES {marks}) {found}"


def transfers_of_keys(
    driver: Driver, raw: Any, what: str, keys: Sequence[bytes], days: Collection[int] | None = None
) -> Iterator[Row]:
    """Columns of transfers that are in no phase, of these keys; of these days and of none, or of any."""
    numbers = range(DAYS) if days is None else sorted({day % DAYS for day in days} | {0})
    for some in cut(keys, _KEYS_A_QUERY):
        yield from driver.rows(raw, asked_of_keys(driver.each, what, tuple(numbers), len(some)), some)


@lru_cache(maxsize=256)  # days come and go
def asked_of_keys(each: str, what: str, numbers: Sequence[int], many: int) -> str:
    """SQL of transfers of so many keys, of days of these numbers (`local.DAYS`)."""
    marks = ", ".join(["(?)"] * many)
    on = f"{DAY} IN ({', '.join(map(str, numbers))}) AND key = of_key AND phase IS NULL"
    return f"WITH asked (of_key) AS (VALUES {marks}) {each.format(what=what, of='asked', table='transfer', on=on)}"
