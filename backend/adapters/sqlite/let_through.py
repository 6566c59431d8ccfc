"""Rides that were let through, summed by policy, cause and day as they are stored."""

import sqlite3
from collections.abc import Sequence

from backend.adapters.sqlite.connection import Guarded
from backend.core.let_through import LetThrough
from backend.core.ports import Commit
from protocol.fares.verdicts import Reason


def count_let_through(connection: sqlite3.Connection, commits: Sequence[Commit]) -> None:
    """Add what new records say; the caller holds the transaction, so each counts once (P6)."""
    connection.executemany(
        "INSERT INTO let_through VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " rides = rides + excluded.rides, persons = persons + excluded.persons,"
        " forgone_rials = forgone_rials + excluded.forgone_rials,"
        " charged_rials = charged_rials + excluded.charged_rials",
        [
            (it.policies, it.order, int(it.reason), it.day, it.rides, it.persons, it.forgone_rials, it.charged_rials)
            for commit in commits
            for it in commit.let_through
        ],
    )


class LetThroughTables:
    """Implements `LetThroughStore`."""

    _writer: Guarded

    def let_through(self) -> Sequence[LetThrough]:
        """Every sum, by policy, cause and day."""
        with self._writer.reading() as connection:
            rows = connection.execute("SELECT * FROM let_through ORDER BY day, policies, name, reason").fetchall()
        return [LetThrough(number, name, Reason(reason), *sums) for number, name, reason, *sums in rows]
