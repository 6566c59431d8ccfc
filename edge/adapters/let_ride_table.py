"""What was let ride under each policy, as the journal keeps it: a sum a policy, written in the commit of its ride.

A start reads it, and no records. `before` is what the sum was before the record `sequence`, the newest that changed it:
that one may be dropped. Rot here keeps nobody from boarding: a sum that cannot be believed begins anew; a table with a
page that cannot be read is renamed and left there, which touches none of its pages.
"""

import logging
from collections.abc import Sequence
from typing import Any

import apsw

from edge.adapters.card import CARD_ERRORS, whole
from edge.adapters.house import transaction
from edge.core.errors import JournalFailed
from edge.core.spending import LetRide
from protocol.limits import RIALS_MAX

log = logging.getLogger(__name__)
TABLE = """
CREATE TABLE IF NOT EXISTS let_ride (
  policy TEXT PRIMARY KEY, rials INTEGER NOT NULL, sequence INTEGER NOT NULL, before INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
_NOTE = (
    "INSERT INTO let_ride VALUES (?1, max(0, ?2), ?3, 0) ON CONFLICT DO UPDATE"
    " SET before = rials, rials = max(0, rials + ?2), sequence = ?3"
)
_Row = tuple[Any, ...]  # rotten, each may be anything


def note(cursor: apsw.Cursor, let_ride: LetRide, sequence: int) -> None:
    """In the commit of its record, onto the sum of its policy. Raises apsw.Error."""
    cursor.execute(_NOTE, (*let_ride, sequence))


def cut(connection: apsw.Connection, last: int) -> None:
    """The records behind `last`, one at most, are dropped, in this commit. Raises apsw.Error."""
    connection.execute("UPDATE let_ride SET rials = before, sequence = ?1 WHERE sequence > ?1", (last,))


def prune(connection: apsw.Connection, through: int) -> None:
    """So far records go, in this commit: they are older than a policy may last. Raises apsw.Error."""
    connection.execute("DELETE FROM let_ride WHERE sequence <= ?", (through,))


def read(connection: apsw.Connection) -> list[LetRide]:
    """The sums that are more than nothing, by name. Raises apsw.Error."""
    return [LetRide(policy.decode(), rials) for policy, rials, *_ in _rows(connection) if rials > 0]


def _rows(connection: apsw.Connection) -> list[_Row]:
    found: list[_Row] = connection.execute(
        "SELECT CAST(policy AS BLOB), rials, sequence, before FROM let_ride ORDER BY policy"
    ).fetchall()  # rotten, a name may be text that is none
    return found


def make_whole(connection: apsw.Connection) -> None:
    """Behind an opening: whatever cannot be believed is left out, and said. Raises apsw.Error, UnicodeDecodeError."""
    try:
        rows = _rows(connection)
    except CARD_ERRORS as error:
        log.error("what policies have let ride cannot be read, their bounds begin anew: %s", error)
        _begin_anew(connection, [])
        return
    sound = [row for row in rows if _is_sound(row)]
    if len(sound) < len(rows):
        log.error("what %d policies have let ride has rotted, their bounds begin anew", len(rows) - len(sound))
        _begin_anew(connection, sound)


def _is_sound(row: _Row) -> bool:
    """A sum beyond RIALS_MAX no door reaches in the month that a policy lasts, whether it has a bound or none."""
    policy, rials, sequence, before = row
    try:
        whole(policy).decode()
    except (JournalFailed, UnicodeDecodeError):
        return False
    sums = all(isinstance(it, int) and 0 <= it <= RIALS_MAX for it in (rials, before))
    return sums and isinstance(sequence, int) and sequence > 0


def _begin_anew(connection: apsw.Connection, rows: Sequence[_Row]) -> None:
    """With these sums. The table before is not dropped: its pages would be read for that."""
    with transaction(connection):
        count = connection.execute("SELECT count(*) FROM sqlite_schema").get
        connection.execute(f"ALTER TABLE let_ride RENAME TO rotten_{count}")
        connection.execute(TABLE)
        connection.executemany(
            "INSERT OR REPLACE INTO let_ride VALUES (?, ?, ?, ?)",
            [(policy.decode(), *numbers) for policy, *numbers in rows],
        )
