"""The control of every power-cut test: a journal whose commits wait for no sync. It must be caught losing taps (P1)."""

import apsw

from edge.adapters.journal import ApswJournal


class WeakJournal(ApswJournal):
    """The validator's journal with SQLite's `synchronous=NORMAL`: the log is synced when it is folded in, no sooner."""

    def _connect(self) -> apsw.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection
