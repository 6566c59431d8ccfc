"""The controls of every drill: a backend that signs receipts before it commits, and one that takes resent taps anew.

Each is a patch of a process that is about to be a drill's backend, over a ledger in SQLite. A drill must catch both.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from backend.adapters.ledger import connection
from backend.app import ingest
from protocol.wire.batches import Batch, verify_batch
from protocol.wire.keys import VerifyingKey
from protocol.wire.standing import Judgement, Standing, Watermark


def receipt_before_commit() -> None:
    """What a group stores is committed when the next one begins: receipted meanwhile, and lost with the process."""
    begins, commits = connection._Entered.__enter__, connection._Entered._commit

    def begin(self: connection._Entered) -> Any:
        if self._kind == "transaction":
            core = self._guarded.acquire()
            try:
                if self._guarded.in_transaction(connection.raw(core)):
                    connection.raw(core).execute("COMMIT")
            finally:
                self._guarded.release()
        return begins(self)

    def commit_later(self: connection._Entered) -> None:
        if self._kind != "transaction":
            commits(self)

    connection._Entered.__enter__ = begin  # type: ignore[method-assign]
    connection._Entered._commit = commit_later  # type: ignore[method-assign]


def resent_is_new(ledger: Path) -> None:
    """A batch that is held is stored and posted again, in a ledger whose table of records forbids it no more."""
    _let_records_repeat(ledger)
    judged = ingest.Ingest._judged

    def believe(
        self: ingest.Ingest, group: ingest._Group, batch: Batch, mark: Watermark, key: VerifyingKey
    ) -> Judgement:
        found = judged(self, group, batch, mark, key)
        if found.standing is Standing.KNOWN and batch.last == mark.sequence:
            return Judgement(Standing.NEW, fresh=verify_batch(batch, key))
        return found

    ingest.Ingest._judged = believe  # type: ignore[method-assign]


def _let_records_repeat(ledger: Path) -> None:
    """Before the first tap: the table is empty, and is made anew without its rule."""
    with closing(sqlite3.connect(ledger)) as opened, opened:
        ((made,),) = opened.execute("SELECT sql FROM sqlite_schema WHERE name = 'record'")
        loose, rules = re.subn(r",\s*CONSTRAINT record_tap_id UNIQUE \([^)]*\)", "", made)
        if not rules:
            return
        indexes = opened.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = 'record' AND sql LIKE 'CREATE INDEX%'")
        for statement in ("DROP TABLE record", loose, *[sql for (sql,) in indexes.fetchall()]):
            opened.execute(statement)
