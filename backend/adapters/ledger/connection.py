"""One connection of a ledger and the lock that serialises it; a database's errors turned into ours at one place.

SQLAlchemy Core and the database's own driver share the connection, and with it the transaction: Core for what is
asked now and then, the driver itself (`raw`) for the hot path.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from types import TracebackType
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from backend.adapters.ledger.hot import Driver, Row
from backend.core.errors import StoreFailed, StoreRefused

FIX = "buses keep what has no receipt; look at {}, then start the backend again"


class Guarded(ABC):
    """Opened by its subclass, which knows the database."""

    url: ClassVar[str]  # SQLAlchemy's for this database and driver
    where: ClassVar[str]  # what to look at when it fails
    errors: ClassVar[type[Exception]]  # the driver's own
    speaks: ClassVar[type[Driver]]  # what is asked in bulk

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._core: sa.Connection | None = None
        self._raw: Any = None  # the driver's own under it: found through Core, it would cost as much as a short query
        self._closed = False

    # --- what each database has of its own ----------------------------------------------------------------------------

    @abstractmethod
    def _connect(self) -> Any:
        """A driver's connection that begins no transaction by itself."""

    @abstractmethod
    def _is_lost(self, raw: Any) -> bool:
        """Whether it is of no use any more, and has to be opened anew."""

    @property
    @abstractmethod
    def beginnings(self) -> "dict[Kind, str]":
        """What begins each kind of transaction; nothing: none is needed."""

    @abstractmethod
    def in_transaction(self, raw: Any) -> bool:
        """Whether one is open."""

    @abstractmethod
    def refused(self, error: BaseException) -> bool | None:
        """Whether a rule or a column of the tables refuses it; False: the database fails; None: no error of its own."""

    @abstractmethod
    def said(self, error: BaseException) -> str:
        """What it is, without the values of a row: those may be a rider's."""

    @abstractmethod
    def committed(self, answer: Any) -> bool:
        """Whether the answer to a COMMIT says so."""

    # --- for everybody ------------------------------------------------------------------------------------------------

    def reading(self) -> "_Entered":
        """For reads. Raises StoreFailed; StoreRefused for a number that no column can hold."""
        return _Entered(self, "reading")

    def snapshot(self) -> "_Entered":
        """For reads of one moment, however long they take."""
        return _Entered(self, "snapshot")

    def transaction(self) -> "_Entered":
        """One durable transaction: committed and synced when the block ends, nothing stored if it raises.

        Raises StoreRefused where a rule of the tables forbids it, StoreFailed where the disk does.
        """
        return _Entered(self, "transaction")

    def rows(self, driver: Driver, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All that one query of the hot path gives; raises as `reading` does, and has no block to enter and leave."""
        self.acquire()
        try:
            return driver.rows(self._raw, sql, values)
        except BaseException as error:
            self.translate(error, "read")
            raise
        finally:
            self.release()

    def acquire(self) -> sa.Connection:
        """The connection, and the lock that keeps others away from it; opened anew if it was lost."""
        self._lock.acquire()
        try:
            self._require_open()
            if self._core is None or self._core.invalidated or self._is_lost(self._raw):
                self.let_go()
                self._core = core_over(self.url, self._connect())
                self._raw = raw(self._core)
        except BaseException as error:
            self._lock.release()
            self.translate(error, "opened")
            raise
        return self._core

    @property
    def raw(self) -> Any:
        """The driver's own connection, for whoever has acquired it."""
        return self._raw

    def _require_open(self) -> None:
        if self._closed:
            raise StoreFailed("the ledger was closed", fix="start the backend again")

    def release(self) -> None:
        """Let others at it."""
        self._lock.release()

    def translate(self, error: BaseException | None, done: str) -> None:
        """Raise a database's error as ours; any other is left to its own way."""
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
        if cause is None or (refused := self.refused(cause)) is None:
            return
        said = self.said(cause)
        if refused:
            raise StoreRefused(f"the ledger refuses it: {said}", fix="look at the quarantine") from error
        raise StoreFailed(f"the ledger cannot be {done}: {said}", fix=FIX.format(self.where)) from error

    def close(self) -> None:
        """Release it."""
        with self._lock:
            self._closed = True
            self.let_go()

    def let_go(self) -> None:
        """The connection is of no use; the next who asks gets a new one. Holding the lock."""
        core, self._core, self._raw = self._core, None, None
        if core is not None:
            if not core.invalidated:
                core.invalidate()  # closes the driver's own; a plain `close` would first roll back what is ours to end
            core.close()


Kind = Literal["reading", "snapshot", "transaction"]
_DONE: dict[Kind, str] = {"reading": "read", "snapshot": "read", "transaction": "written"}


class _Entered:
    """What `reading`, `snapshot` and `transaction` enter."""

    def __init__(self, guarded: Guarded, kind: Kind) -> None:
        self._guarded, self._kind = guarded, kind
        self._raw: Any = None
        self._begun = False

    def __enter__(self) -> sa.Connection:
        core = self._guarded.acquire()
        self._raw = self._guarded.raw
        begins = self._guarded.beginnings[self._kind]
        if self._kind == "snapshot" and self._guarded.in_transaction(self._raw):
            begins = ""  # within another one: the same moment
        if begins:
            self._begun = True
            try:
                self._raw.execute(begins)
            except BaseException as error:
                self._end(error)
                raise
        return core

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None and not self._begun:
            self._guarded.release()
            return
        try:
            if error is None:
                self._commit()
        except BaseException as failed:
            self._end(failed)
            raise
        self._end(error)

    def _commit(self) -> None:
        if not self._guarded.committed(self._raw.execute("COMMIT")):
            raise StoreFailed("a statement had failed, so nothing is stored", fix=FIX.format(self._guarded.where))

    def _end(self, error: BaseException | None) -> None:
        """Let go; what failed is rolled back, and told in our words if it was the database's."""
        guarded = self._guarded
        try:
            if error is not None and self._begun and guarded.in_transaction(self._raw):
                self._raw.execute("ROLLBACK")
        except guarded.errors:
            guarded.let_go()  # a session that cannot even end: what it began ends with it, and the first error is told
        finally:
            guarded.release()
        guarded.translate(error, _DONE[self._kind])


def raw(core: sa.Connection) -> Any:
    """The driver's own connection under Core's."""
    return core.connection.driver_connection


@cache
def _spoken(url: str) -> tuple[sa.Dialect, dict[Any, Any]]:
    """How this database is spoken to, and every statement as it was put into its words: once a process.

    As many as the code has statements. Made anew for each connection, they would cost a simulated city a tenth.
    """
    return sa.create_engine(url).dialect, {}


def core_over(url: str, connection: Any) -> sa.Connection:
    """Core over one connection of the driver's that is already open; transactions are ours."""
    dialect, statements = _spoken(url)
    pool = StaticPool(lambda: connection, reset_on_return=None, dialect=dialect)
    core = sa.Engine(pool, dialect, sa.make_url(url), execution_options={"compiled_cache": statements}).connect()
    if not hasattr(dialect, "default_isolation_level"):  # what SQLAlchemy asks of the first connection
        dialect.initialize(core)
    return core
