"""Whether a statement of the backend's reads a table from end to end that grows as long as there are buses.

SQLite tells how it would answer each statement, at once and on an empty table as on a full one: a look-up that goes by no
index finds the same, and takes the longer the older the city is.
"""

import re
import sqlite3
import sys
from collections.abc import Iterable
from functools import partial
from types import FrameType
from typing import Any, Final

GROWING = frozenset({
    "account", "annulment", "application", "bank_row", "card", "card_issue", "cash_topup", "claim", "day_key", "discrepancy_entry", "dispute", "former",
    "guardian", "host_event", "host_rider", "host_token", "host_topup", "paid_in", "payout_sent", "phone", "phone_code", "phone_recovery", "proposal", "proxy", "quarantine",
    "record", "rider", "shift", "statement_row", "ticket_ride", "topup", "transfer", "unproven", "ward_topup",
})  # fmt: skip
MEANT = (  # what a statement begins with, or has in it, and why it may
    (r"FROM transfer ORDER BY transfer\.id(?! DESC LIMIT)", "verify goes through all"),
    (r'GROUP BY transfer\."key" HAVING', "verify goes through all"),
    (r"FROM account ORDER BY account\.id", "verify goes through all"),
    (r"FROM (ward|cash)_topup\s*$", "verify goes through all"),
    (r"sum\(anon_1\.debits\)", "verify goes through all"),
    (r"SELECT count\(\*\) AS count_1 FROM (record|transfer)$", "what a backup says of itself"),
    (r"SELECT min\(id \+ \?\), max\(id \+ \?\) FROM transfer", "once a reconciliation: ids and times of set clocks"),
    (r"ORDER BY \w+\.id DESC LIMIT", "from the end"),
    (r"FROM statement_row WHERE .*ORDER BY statement_row\.named, statement_row\.provider LIMIT", "behind a place"),
    (r"FROM statement_row WHERE payout <> .* HAVING", "once a reconciliation: payouts of all their rows"),
    (r"FROM former WHERE former\.ended_ms IS NOT NULL GROUP BY", "a deny file names each ended version"),
    (r"FROM quarantine", "what is kept apart is bounded"),
    (r"wall_ms < \? AND .* ORDER BY device, epoch, sequence LIMIT", "nightly forgetting goes through, by place"),
    (r"FROM annulment WHERE NOT stands", "few wait"),
    (r"SELECT anon_1\.\w+, anon_1\.\w+.*FROM unproven", "what is held, which the office works off"),
    (r"FROM transfer WHERE transfer\.kind = \? ORDER BY transfer\.id", "verify goes through all"),
)  # fmt: skip


class Watched(sqlite3.Connection):
    """One whose statements are looked at, each shape once."""

    def cursor(self, *_: Any, **__: Any) -> Any:
        return super().cursor(Looking)


class Looking(sqlite3.Cursor):
    """`Connection.execute` goes by a cursor, too."""

    def execute(self, sql: str, values: Any = ()) -> "Looking":
        _look(self.connection, sql, values)
        super().execute(sql, values)
        return self

    def executemany(self, sql: str, rows: Iterable[Any]) -> "Looking":
        rows = [*rows]
        if rows:
            _look(self.connection, sql, rows[0])
        super().executemany(sql, rows)
        return self


_COARSE: Final = frozenset({"SEARCH statement_row USING PRIMARY KEY (provider=?)"})  # by a column of few values alone
_READ_ALL: Final = (  # whose work it is to read all, and who is not the backend
    "/tests/", "/simulators/", "/benchmarks/", "/migrations/", "/ledger/verifying",
)  # fmt: skip
connect: Final = partial(sqlite3.connect, factory=Watched)
found: Final[list[str]] = []  # statements that read all of a table and are not meant to
_known: Final[set[str]] = set()


def _look(connection: sqlite3.Connection, sql: str, values: Any) -> None:
    shape = shape_of(sql)
    if shape in _known or not _is_the_backends(sys._getframe(2)):
        return
    _known.add(shape)
    if shape.split(maxsplit=1)[0] not in {"SELECT", "WITH", "UPDATE", "DELETE", "INSERT"}:
        return
    plan = sqlite3.Cursor(connection).execute(f"EXPLAIN QUERY PLAN {sql}", values)
    read = read_whole([row[3] for row in plan], sql)
    if read and not any(re.search(meant, shape) for meant, _ in MEANT):
        found.append(f"all of {', '.join(read)}: {shape}")


def shape_of(sql: str) -> str:
    """A statement without its values."""
    shape = re.sub(r"[xX]?'(?:[^']|'')*'|(?<![\w.])-?\d+\b", "?", " ".join(sql.split()))
    return re.sub(r"\((\?(, )?)+\)(, \((\?(, )?)+\))*", "(?)", shape)


def read_whole(plan: list[str], sql: str) -> list[str]:
    """The growing tables that a plan reads from end to end, by whatever name the statement calls them."""
    called = {other or table: table for table, other in re.findall(r"(?:FROM|JOIN) (\w+)(?: AS (\w+))?", sql)}
    whole = [it.split()[1] for it in plan if it.startswith("SCAN ") or it in _COARSE]
    names = [called.get(name, name) for name in whole]
    return sorted(set(names) & GROWING)


def _is_the_backends(frame: FrameType | None) -> bool:
    """Whose statement it is: the first who is neither SQLAlchemy nor an adapter's connection."""
    while frame is not None:
        path = frame.f_code.co_filename
        if any(room in path for room in _READ_ALL):
            return False
        if "/backend/" in path and not path.endswith(("/connection.py", "/driver.py")):
            return True
        frame = frame.f_back
    return False
