"""How the databases on a card are kept when the card is full (P4).

Rules:
- housekeeping is lent the reserve's room and returns it in the same call;
- until the reserve is whole again the files do not grow: taps use what pruning makes free in them, so whatever may be
  pruned can always be pruned, and nothing else ever has to go.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import apsw

from edge.adapters.card import abandon, connect
from edge.core.ports import Reserve

_PAGES_MAX = 0xFFFF_FFFE  # SQLite's own bound
_Result = TypeVar("_Result")


class House:
    """Keeps one database's house. Its owner serialises the calls."""

    def __init__(self, reserve: Reserve | None) -> None:
        self._reserve = reserve
        self._may_grow = True
        self._folded: tuple[apsw.Connection, int] | None = None  # what was folded in whole, after how many changes

    def connect(self, path: Path, vfs: str | None) -> apsw.Connection:
        """Open or create (see `card`), and bound if a part of the reserve is owed. Raises apsw.Error."""
        connection = connect(path, vfs)
        try:
            self._bound(connection)
        except BaseException:
            abandon(connection)
            raise
        return connection

    def _bound(self, connection: apsw.Connection) -> None:
        """No growth is a bound of one page: SQLite takes the file's present size for it."""
        connection.execute(f"PRAGMA max_page_count={_PAGES_MAX if self._may_grow else 1}")

    def keep(self, connection: Callable[[], apsw.Connection], work: Callable[[], _Result]) -> _Result:
        """Do it, on the reserve's room if the card is full. `work` may be begun twice, and may change the connection.

        Raises apsw.Error.
        """
        try:
            return work()
        except apsw.FullError:
            if self._reserve is None or not self._reserve.give_up():
                raise
        try:
            return work()
        finally:
            self.renew(connection())

    def renew(self, connection: apsw.Connection) -> None:
        """Have the reserve whole if the card has room again, and let the file grow only then. Raises apsw.Error."""
        may_grow = self._reserve is None or self._reserve.make()
        if may_grow != self._may_grow:
            self._may_grow = may_grow
            self._bound(connection)

    def fold(self, connection: apsw.Connection) -> None:
        """The write-ahead log into the file; the next write begins the log anew. Raises apsw.Error.

        Asked for every few seconds, also where nobody has boarded since: then there is nothing in it.
        """
        now = connection, connection.total_changes()
        if self._folded != now:
            self._folded = None
            there, folded = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._folded = now if there == folded else None


class transaction:  # noqa: N801 - stands in a `with`, as a function would
    """Everything inside, or nothing. Raises apsw.Error.

    Not apsw's own: on a full disk SQLite ends a transaction itself, and rolling it back again would hide why.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._roll_back()
            return
        try:
            self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
