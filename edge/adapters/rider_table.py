"""The rider table on the card: a million rows that are looked up where they lie, and never loaded.

Rules:
- a lookup bisects the index, which is in memory (1.4 MB for a million riders), and reads one block of up to 42 rows;
- the block is hashed at every lookup, for a card rots under a running process too. What does not match is set aside and
  never believed: such a table knows nobody, and riders show their long form;
- blocks are read and not mapped: of a sector that the card cannot give, `read` says so, and a mapping kills the process
  (SIGBUS) in the middle of somebody's boarding. The system caches either the same way;
- a new table is written beside the old one, in pieces that are synced one by one so that no tap's commit waits behind
  50 MB, then renamed over it. Lookups under way go on in the old file, which is gone with the last of them;
- an update copies what it does not touch with its hashes: what was rotten stays recognisable. It fits one table only;
- writing stops where it would take the journal's room (DISK_FREE_MIN_BYTES); the old table stays in force.
"""

import logging
import os
import shutil
import threading
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path

from edge.adapters.rider_blocks import BLOCK_ROWS_MAX, PIECE_BYTES, Blocks, BlockWriter, Window, load_blocks
from edge.core.errors import RidersFailed
from edge.core.limits import DISK_FREE_MIN_BYTES
from protocol.errors import DuplicateKey, NotDeterministic
from protocol.limits import RIDER_ROW_BYTES
from protocol.wire.riders import RiderRow, chunk_ids, decode_row

log = logging.getLogger(__name__)
_FILL_ROWS = 32  # of a new block: room for later riders before it must be split
_WINDOW_BLOCKS = 2_600  # read at once by an update: about 4 MiB
_ROOM_EVERY = 8  # pieces of 1 MiB between two looks at the card's room
_STAYS = "the table before it stays in force"
_Change = tuple[bytes, bytes]  # id, its new row; empty if it is gone


class RiderTable:
    """Implements `edge.core.ports.Riders` over one file. `find` from any thread; writers take turns."""

    def __init__(self, path: Path, *, leaves_bytes: int = DISK_FREE_MIN_BYTES) -> None:
        """`leaves_bytes`: what writing leaves free on the card. A file that cannot be read is set aside."""
        self._path = path
        self._new, self._aside = (path.with_name(f"{path.stem}-{what}{path.suffix}") for what in ("new", "aside"))
        self._leaves_bytes = leaves_bytes
        self._writing = threading.Lock()  # one writer at a time: held while the card works
        self._swapping = threading.Lock()  # which table is in force: held for no longer than an assignment
        self._blocks: Blocks | None = None
        self._problem: RidersFailed | None = None
        with suppress(OSError):
            self._new.unlink(missing_ok=True)  # the power went while it was written
        try:
            self._blocks = load_blocks(path)
        except RidersFailed as problem:
            self._lose(None, problem)

    @property
    def problem(self) -> RidersFailed | None:
        """Why the table is not believed, until another one is in force."""
        return self._problem

    @property
    def number(self) -> int:
        """Under which number the table in force was handed in; 0 if there is none."""
        blocks = self._blocks
        return 0 if blocks is None else blocks.number

    def find(self, credential_id: bytes) -> RiderRow | None:
        """The rider's row; None if there is none, or the table turns out to be rotten. Raises nothing."""
        blocks = self._blocks  # a writer may put another one there at any time
        if blocks is None:
            return None
        try:
            raw = blocks.row(credential_id)
        except RidersFailed as problem:
            self._lose(blocks, problem)
            return None
        return None if raw is None else decode_row(raw)

    def _lose(self, rotten: Blocks | None, problem: RidersFailed) -> None:
        """Believe it no more; put the file away, unless a writer is about to replace it."""
        with self._swapping:
            if self._blocks is not rotten:
                return
            self._blocks, self._problem = None, problem
        log.error("%s", problem)
        if self._writing.acquire(blocking=False):
            try:
                self._put_away()
            finally:
                self._writing.release()

    def _put_away(self) -> None:
        if self._blocks is None:
            try:
                self._path.replace(self._aside)
            except OSError as error:
                log.error("the rider table cannot be set aside: %s", error)

    # --- writing ------------------------------------------------------------------------------------------------------

    def replace(self, chunks: Iterable[bytes], *, number: int) -> None:
        """Put another table in force, from its chunks in ascending order.

        Raises WireError (chunks that break the contract) or RidersFailed; then the table before it stays in force.
        """
        with self._writing, self._written(number) as writer:
            last = b""
            for chunk in chunks:
                ids = chunk_ids(chunk)
                if ids and ids[0] <= last:
                    kind = DuplicateKey if ids[0] == last else NotDeterministic
                    raise kind("chunks of the rider table do not ascend", field="credential_id")
                last = ids[-1] if ids else last
                size = _FILL_ROWS * RIDER_ROW_BYTES
                for at in range(0, len(chunk), size):
                    self._add(writer, chunk[at : at + size])

    def update(self, changed: Iterable[bytes], removed: Collection[bytes], *, base: int, number: int) -> None:
        """Put a table in force that is the one of number `base` with these chunks' rows, and without these ids.

        Raises WireError, or RidersFailed: also where another table than `base` is in force.
        """
        changes = _changes(changed, removed)
        with self._writing:
            blocks = self._blocks
            if blocks is None or blocks.number != base:
                raise RidersFailed("the update is for another table of riders", fix="fetch the whole table", base=base,
                                   in_force=self.number)  # fmt: skip
            try:
                with self._written(number) as writer:
                    self._merge(blocks, changes, writer)
            except RidersFailed as problem:
                if problem.data.get("block") is not None:
                    self._lose(blocks, problem)
                    self._put_away()
                raise

    def _merge(self, blocks: Blocks, changes: list[_Change], writer: BlockWriter) -> None:
        """Every block as it is, but those in which something changes."""
        if not len(blocks):
            for raw in _split([row for _, row in changes]):
                self._add(writer, raw)
            return
        touched = _by_block(blocks, changes)
        at = 0
        for first in range(0, len(blocks), _WINDOW_BLOCKS):
            window = Window(blocks, first, min(first + _WINDOW_BLOCKS, len(blocks)))
            done = first
            while at < len(touched) and touched[at][0] < window.end:
                block, here = touched[at]
                self._copy(window, done, block, writer)
                for raw in _split(_spliced(window.checked(block), here)):
                    self._add(writer, raw)
                done, at = block + 1, at + 1
            self._copy(window, done, window.end, writer)

    def _copy(self, window: Window, first: int, end: int, writer: BlockWriter) -> None:
        if first < end and writer.copy(window, first, end):
            self._write_piece(writer)

    def _add(self, writer: BlockWriter, raw: bytes) -> None:
        if writer.add(raw):
            self._write_piece(writer)

    def _write_piece(self, writer: BlockWriter) -> None:
        """Raises RidersFailed where going on would take the journal's room."""
        if writer.pieces % _ROOM_EVERY == 0:
            ahead = _ROOM_EVERY * PIECE_BYTES
            if shutil.disk_usage(self._path.parent).free < self._leaves_bytes + ahead:
                raise RidersFailed("the card has no room for another table of riders", fix=f"let it sync; {_STAYS}")
        writer.write_held()

    @contextmanager
    def _written(self, number: int) -> Iterator[BlockWriter]:
        """A new file that takes the table's place if the body ends well, and is removed if not."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._aside.unlink(missing_ok=True)
            # Synced by the write itself: each call that lets the interpreter go waits a turn to have it back.
            file = os.open(self._new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_DSYNC, 0o600)
            try:
                writer = BlockWriter(file)
                yield writer
                self._write_piece(writer)
                writer.finish(number)
            finally:
                os.close(file)
            self._take_over()
        except OSError as error:
            raise RidersFailed(f"the rider table cannot be written: {error}", fix=_STAYS) from error
        finally:
            with suppress(OSError):
                self._new.unlink(missing_ok=True)

    def _take_over(self) -> None:
        """What was written is in force, also after a power cut from here on. Raises OSError, RidersFailed."""
        blocks = load_blocks(self._new)
        self._new.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        with self._swapping:
            self._blocks, self._problem = blocks, None


def _changes(changed: Iterable[bytes], removed: Collection[bytes]) -> list[_Change]:
    """Ascending by id, each id once. Raises WireError."""
    found = dict.fromkeys(removed, b"")
    for chunk in changed:
        for at, credential_id in enumerate(chunk_ids(chunk)):
            if credential_id in found:
                raise DuplicateKey("an update of riders names one id twice", field="credential_id")
            found[credential_id] = chunk[at * RIDER_ROW_BYTES : (at + 1) * RIDER_ROW_BYTES]
    return sorted(found.items())


def _by_block(blocks: Blocks, changes: list[_Change]) -> list[tuple[int, list[_Change]]]:
    """Which blocks something changes in, and what; ascending. What lies before the first block joins it."""
    return [(block, list(here)) for block, here in groupby(changes, lambda change: max(0, blocks.at(change[0])))]


def _spliced(raw: bytes, changes: list[_Change]) -> list[bytes]:
    """A block's rows with these put in, or taken out where they are empty."""
    rows = [raw[at : at + RIDER_ROW_BYTES] for at in range(0, len(raw), RIDER_ROW_BYTES)]
    for credential_id, row in changes:
        at = bisect_left(rows, credential_id)  # an id sorts before the row that begins with it
        there = at < len(rows) and rows[at].startswith(credential_id)
        rows[at : at + there] = [row] if row else []
    return rows


def _split(rows: list[bytes]) -> Iterator[bytes]:
    """Rows, empty ones left out → blocks: one while they fit, else of `_FILL_ROWS` each; none for no rows."""
    kept = [row for row in rows if row]
    size = BLOCK_ROWS_MAX if len(kept) <= BLOCK_ROWS_MAX else _FILL_ROWS
    for at in range(0, len(kept), size):
        yield b"".join(kept[at : at + size])
