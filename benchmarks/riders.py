"""A rider table of a million: bytes on disk, memory, lookups, and an update while somebody looks up all the time.

What a lookup is compared with is one `pread` of a cached block, and the update with writing and syncing as many bytes.
Memory and times are measured in a process of its own, which opens the table as a validator does.
"""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.figures import micros, percentile
from edge.adapters.rider_table import RiderTable
from protocol.limits import RIDER_ROW_BYTES
from protocol.wire.riders import RiderRow, encode_rows

_CHUNK_ROWS = 10_000
_FIRST = 1  # number of the table that is built
_PIECE_BYTES = 1 << 20
Tick = Callable[[str, int], None]


def run(folder: Path, *, riders: int, changed: int, lookups: int, tick: Tick) -> dict[str, Any]:
    """Build a table, then measure it → figures."""
    path = folder / "riders.table"
    ids = _ids(riders)
    began = time.perf_counter()
    RiderTable(path, leaves_bytes=0).replace(_chunks(ids, riders, tick), number=_FIRST)
    figures: dict[str, Any] = {
        "riders": riders, "changed": changed, "lookups": lookups, "load": os.getloadavg()[0],
        "disk_bytes": path.stat().st_size, "build_s": round(time.perf_counter() - began, 2),
    }  # fmt: skip
    tick("measuring", 90)
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.riders", str(path), str(riders), str(changed), str(lookups)],
        check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    measured: dict[str, Any] = json.loads(child.stdout)
    return figures | measured | {"load_after": os.getloadavg()[0]}


def _ids(riders: int) -> list[bytes]:
    """As credentials get them: random, here from a seed."""
    rng = Random(riders)
    return sorted({rng.randbytes(8) for _ in range(riders)})


def _row(ident: bytes, version: int) -> RiderRow:
    return RiderRow(ident, b"\x02" + ident * 4, version, 0, 0, 20_800, 4)


def _chunks(ids: Sequence[bytes], riders: int, tick: Tick) -> list[bytes]:
    chunks = []
    for at in range(0, len(ids), _CHUNK_ROWS):
        chunks.append(encode_rows(_row(ident, 1) for ident in ids[at : at + _CHUNK_ROWS]))
        tick("building", 90 * at // riders)
    return chunks


def measure(path: Path, *, riders: int, changed: int, lookups: int) -> dict[str, Any]:
    """In a fresh process: memory, lookups cold and warm, an update."""
    rng = Random(7)
    ids = _ids(riders)
    asked = [rng.choice(ids) for _ in range(lookups)]
    strangers = [rng.randbytes(8) for _ in range(lookups)]
    chunk = encode_rows(
        [_row(ident, 2) for ident in rng.sample(ids, changed // 2)]
        + [_row(rng.randbytes(8), 1) for _ in range(changed - changed // 2)]
    )
    del ids
    gc.collect()
    before = _private_bytes()
    began = time.perf_counter()
    table = RiderTable(path, leaves_bytes=0)
    figures: dict[str, Any] = {"open_ms": round((time.perf_counter() - began) * 1000, 1)}
    _forget_cached(path)
    figures["lookup_cold_us"] = micros(_timed(table, asked[:1_000]))
    for ident in asked:
        table.find(ident)  # warm
    figures["lookup_us"] = micros(_timed(table, asked))
    figures["lookup_of_strangers_us"] = micros(_timed(table, strangers))
    figures["private_bytes"] = _private_bytes() - before
    figures["pread_us"] = micros(_preads(path, lookups))
    figures["lookup_over_pread"] = round(figures["lookup_us"]["p50"] / figures["pread_us"]["p50"], 1)
    figures |= _update(table, chunk, asked)
    figures["private_after_update_bytes"] = _private_bytes() - before
    write_s = _plain_write_s(path.with_name("plain"), path.stat().st_size)
    return figures | {"plain_write_s": write_s, "update_over_plain_write": round(figures["update_s"] / write_s, 1)}


def _timed(table: RiderTable, ids: Sequence[bytes]) -> list[int]:
    taken = []
    for ident in ids:
        began = time.perf_counter_ns()
        table.find(ident)
        taken.append(time.perf_counter_ns() - began)
    return taken


def _update(table: RiderTable, chunk: bytes, asked: Sequence[bytes]) -> dict[str, Any]:
    """Apply an update while another thread looks up without a pause; how long it took, and what that thread saw."""
    stop, taken, lost = threading.Event(), list[int](), list[bytes]()

    def look() -> None:
        while not stop.is_set():
            for ident in asked[:1_000]:
                began = time.perf_counter_ns()
                found = table.find(ident)
                taken.append(time.perf_counter_ns() - began)
                if found is None:
                    lost.append(ident)

    thread = threading.Thread(target=look)
    thread.start()
    time.sleep(0.2)
    alone = list(taken)
    taken.clear()
    began = time.perf_counter()
    table.update([chunk], (), base=_FIRST, number=_FIRST + 1)
    update_s = time.perf_counter() - began
    during = list(taken)
    stop.set()
    thread.join()
    assert not lost, "a rider was not found while the table was updated"
    assert table.number == _FIRST + 1
    return {
        "update_s": round(update_s, 3), "lookups_during_update": len(during),
        "lookup_during_update_us": micros(during), "worst_pause_ms": round(max(during) / 1e6, 2),
        "worst_pause_before_ms": round(max(alone) / 1e6, 2),
        "p999_during_update_us": round(percentile(during, 99.9) / 1000, 1),
    }  # fmt: skip


def _preads(path: Path, count: int) -> list[int]:
    """One block of the cached file, read and thrown away."""
    file = os.open(path, os.O_RDONLY)
    size = 32 * RIDER_ROW_BYTES
    rng, taken = Random(8), []
    most = os.fstat(file).st_size - size
    places = [rng.randrange(most) for _ in range(count)]
    for at in places:
        os.pread(file, size, at)
    for at in places:
        began = time.perf_counter_ns()
        os.pread(file, size, at)
        taken.append(time.perf_counter_ns() - began)
    os.close(file)
    return taken


def _plain_write_s(path: Path, size: int) -> float:
    """Writing so many bytes in synced pieces of a mebibyte: what an update cannot undercut."""
    piece = os.urandom(_PIECE_BYTES)
    began = time.perf_counter()
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    for _ in range(-(-size // _PIECE_BYTES)):
        os.write(file, piece)
        os.fdatasync(file)
    os.fsync(file)
    os.close(file)
    taken = time.perf_counter() - began
    path.unlink()
    return round(taken, 3)


def _forget_cached(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def _private_bytes() -> int:
    """What this process alone has in memory."""
    text = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Private_"))


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[2:]]
    found = measure(Path(sys.argv[1]), riders=numbers[0], changed=numbers[1], lookups=numbers[2])
    sys.stdout.write(json.dumps(found))
