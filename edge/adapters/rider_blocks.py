"""The file of a rider table: its layout, how a block is read, how a new file is written.

    offset  bytes  field
         0      8  "SavarRT1"
         8      8  number: of the list that it was made from
        16      4  rows
        20      4  blocks
        24     32  SHA-256 of the index
        56      8  the first 8 bytes of SHA-256 over bytes 0–55
        64         rows, 48 bytes each (protocol/wire/riders), ascending by id
         …         index: first ids (8 bytes each), first rows (4 each), SHA-256 of blocks (32 each)

The header is written last, over zeros: a file that was cut short anywhere has none. All integers are big-endian.
"""

import os
import struct
import sys
from array import array
from bisect import bisect_right
from hashlib import sha256
from pathlib import Path
from weakref import finalize

from edge.core.errors import RidersFailed
from protocol.limits import CREDENTIAL_ID_BYTES, HASH_BYTES, RIDER_ROW_BYTES

BLOCK_ROWS_MAX = 42  # 2,016 bytes: hashlib keeps the interpreter for less than 2,048, so a lookup needs no second turn
_MAGIC = b"SavarRT1"
_HEADER = struct.Struct(">8sQII32s8s")
_CHECKED = _HEADER.size - 8
PIECE_BYTES = 1 << 20  # written and synced at once: what a tap's commit may have to wait for, 0.1 s on a slow card
_FIX = "nothing to do: riders show their long passes, and the next table that comes replaces it"


class Blocks:
    """One table's file, open for reading; closed when nobody looks into it any more."""

    def __init__(self, file: int, number: int, rows: int, index: tuple["array[int]", "array[int]", bytes]) -> None:
        self._file = file
        self.number = number
        self.rows = rows
        self.firsts, self.starts, self.digests = index
        finalize(self, os.close, file)

    def __len__(self) -> int:
        return len(self.firsts)

    def at(self, credential_id: bytes) -> int:
        """The block in which an id stands or would stand; -1 before the first."""
        return bisect_right(self.firsts, int.from_bytes(credential_id, "big")) - 1

    def end(self, block: int) -> int:
        """The row behind a block."""
        return self.starts[block + 1] if block + 1 < len(self.starts) else self.rows

    def row(self, credential_id: bytes) -> bytes | None:
        """The 48 bytes of an id, out of a block whose hash is right; None if it is not there. Raises RidersFailed."""
        block = self.at(credential_id)
        if block < 0:
            return None
        raw = self.block(block)
        found = raw.find(credential_id)
        while found % RIDER_ROW_BYTES and found >= 0:  # an id's bytes may stand inside a key
            found = raw.find(credential_id, found + 1)
        return None if found < 0 else raw[found : found + RIDER_ROW_BYTES]

    def block(self, block: int) -> bytes:
        """A block's rows, checked. Raises RidersFailed."""
        return self.checked(block, self.rows_between(self.starts[block], self.end(block)))

    def checked(self, block: int, raw: bytes) -> bytes:
        """What was read of a block, if its hash is right. Raises RidersFailed."""
        if sha256(raw).digest() != self.digests[HASH_BYTES * block : HASH_BYTES * (block + 1)]:
            raise RidersFailed("a block of the rider table is damaged", fix=_FIX, block=block)
        return raw

    def rows_between(self, first: int, end: int) -> bytes:
        """Rows as they lie there, unchecked. Raises RidersFailed."""
        size = (end - first) * RIDER_ROW_BYTES
        try:
            raw = os.pread(self._file, size, _HEADER.size + first * RIDER_ROW_BYTES)
        except OSError as error:
            raise RidersFailed(f"the rider table cannot be read: {error}", fix=_FIX) from error
        if len(raw) != size:
            raise RidersFailed("the rider table is cut short", fix=_FIX)
        return raw


class Window:
    """Blocks first…end−1 of a table, read at once. Raises RidersFailed."""

    def __init__(self, blocks: Blocks, first: int, end: int) -> None:
        self.blocks = blocks
        self.end = end
        self._start = blocks.starts[first]
        self._raw = blocks.rows_between(self._start, blocks.end(end - 1))

    def raw(self, first: int, end: int) -> bytes:
        """The rows of blocks first…end−1, unchecked."""
        start, stop = self.blocks.starts[first], self.blocks.end(end - 1)
        return self._raw[(start - self._start) * RIDER_ROW_BYTES : (stop - self._start) * RIDER_ROW_BYTES]

    def checked(self, block: int) -> bytes:
        """The rows of one block. Raises RidersFailed."""
        return self.blocks.checked(block, self.raw(block, block + 1))


def load_blocks(path: Path) -> Blocks | None:
    """Open a table; None if there is no file. Raises RidersFailed for one that is torn, rotten or none of ours."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RidersFailed(f"the rider table cannot be opened: {error}", fix=_FIX) from error
    try:
        number, rows, index = _read_index(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)  # no read-ahead of rows that nobody asks for
    except BaseException as error:
        os.close(file)
        if isinstance(error, OSError):
            raise RidersFailed(f"the rider table cannot be read: {error}", fix=_FIX) from error
        raise
    return Blocks(file, number, rows, index)


def _read_index(file: int) -> tuple[int, int, tuple["array[int]", "array[int]", bytes]]:
    head = os.pread(file, _HEADER.size, 0)
    if len(head) < _HEADER.size or sha256(head[:_CHECKED]).digest()[:8] != head[_CHECKED:]:
        raise RidersFailed("the rider table's header is damaged", fix=_FIX)
    magic, number, rows, blocks, digest, _ = _HEADER.unpack(head)
    at = _HEADER.size + rows * RIDER_ROW_BYTES
    size = blocks * (CREDENTIAL_ID_BYTES + 4 + HASH_BYTES)
    if magic != _MAGIC or os.fstat(file).st_size != at + size:
        raise RidersFailed("the rider table has another length than its header says", fix=_FIX)
    raw = os.pread(file, size, at)
    if sha256(raw).digest() != digest:
        raise RidersFailed("the rider table's index is damaged", fix=_FIX)
    firsts, starts = 8 * blocks, 12 * blocks
    return number, rows, (_array("Q", raw[:firsts]), _array("I", raw[firsts:starts]), raw[starts:])


def _array(kind: str, raw: bytes) -> "array[int]":
    """Big-endian integers ⇄ an array of this machine."""
    found = array(kind, raw)
    if sys.byteorder == "little":
        found.byteswap()
    return found


class BlockWriter:
    """Writes a new file that was opened with O_DSYNC, piece by piece. `pieces`: how many were written.

    Raises OSError; the caller removes what is not finished.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._firsts, self._starts, self._digests = array("Q"), array("I"), bytearray()
        self._rows = 0
        self._held: list[bytes] = []
        self._held_bytes = 0
        self.pieces = 0
        os.write(file, bytes(_HEADER.size))

    def add(self, raw: bytes) -> bool:
        """A new block; True if a piece is full and should be written."""
        self._firsts.append(int.from_bytes(raw[:CREDENTIAL_ID_BYTES], "big"))
        self._starts.append(self._rows)
        self._digests += sha256(raw).digest()
        return self._hold(raw)

    def copy(self, window: Window, first: int, end: int) -> bool:
        """Blocks first…end−1 of another table, with the hashes they had there."""
        blocks = window.blocks
        shift = self._rows - blocks.starts[first]
        self._firsts.extend(blocks.firsts[first:end])
        self._starts.extend(start + shift for start in blocks.starts[first:end])
        self._digests += blocks.digests[HASH_BYTES * first : HASH_BYTES * end]
        return self._hold(window.raw(first, end))

    def _hold(self, raw: bytes) -> bool:
        self._rows += len(raw) // RIDER_ROW_BYTES
        self._held.append(raw)
        self._held_bytes += len(raw)
        return self._held_bytes >= PIECE_BYTES

    def write_held(self) -> None:
        """Write what is held; it is synced when this returns."""
        _write_all(self._file, b"".join(self._held))
        self._held.clear()
        self._held_bytes = 0
        self.pieces += 1

    def finish(self, number: int) -> None:
        """The rest, the index, and at last the header; everything is synced when it returns."""
        index = _array("Q", self._firsts.tobytes()).tobytes() + _array("I", self._starts.tobytes()).tobytes()
        index += self._digests
        self._held.append(index)
        self.write_held()
        head = _HEADER.pack(_MAGIC, number, self._rows, len(self._firsts), sha256(index).digest(), b"")[:_CHECKED]
        os.pwrite(self._file, head + sha256(head).digest()[:8], 0)
        os.fsync(self._file)


def _write_all(file: int, data: bytes) -> None:
    """`write` may take less than it was given."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
