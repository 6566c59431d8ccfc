"""Journals that have grown old: 120 days of taps without a network, and one that a power cut caught with a full log."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apsw

from benchmarks.bus import DEVICE, EPOCH, SERVICE, City, LastShown, instants
from edge.adapters.journal import ApswJournal
from edge.adapters.tap_signer import InlineTapSigner
from edge.app.boarding import Boarding
from edge.core.limits import WAL_PAGES_MAX
from protocol.limits import DAY_S
from simulators.held_riders import HeldRiders

_LOG_FRAME_BYTES = 4096 + 24
_WIPE_EVERY = 100  # taps between two wipings of plain ids and foldings of the log


class _Quick(ApswJournal):
    """Does not wait for the disk: for the making of a journal only."""

    def _connect(self) -> apsw.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA synchronous=OFF")
        return connection


@dataclass(frozen=True, slots=True)
class Past:
    """`days` of `daily` taps that end at `until_ms`."""

    days: int
    daily: int
    until_ms: int

    @property
    def taps(self) -> int:
        """All of them."""
        return self.days * self.daily

    @property
    def begin_ms(self) -> int:
        """When the first came."""
        return self.until_ms - self.days * DAY_S * 1000


def grow(path: Path, city: City, past: Past, tick: Callable[[int], None]) -> None:
    """A journal of these taps, made by the real code, with its end on the disk. `tick(taps)` reports progress."""
    journal = _Quick(path, device=DEVICE, new_epoch=EPOCH)
    clock = instants(past.begin_ms, past.days * DAY_S * 1000 // past.taps)
    boarding = _boarding(city, journal)
    boarding.begin(next(clock))
    for number in range(past.taps):
        now = next(clock)
        code = city.issued(now)
        boarding.decide_and_record(code, code.raw, now)
        if number % _WIPE_EVERY == 0:
            journal.forget_window(boarding.forgettable(now))
            journal.checkpoint()
            tick(number)
    assert boarding.accepted == past.taps
    journal.forget_window(journal.head.sequence)
    journal.close()
    for file in (path, path.parent):  # what follows is measured on a disk that owes nothing
        _sync(file)


def _boarding(city: City, journal: ApswJournal) -> Boarding:
    return Boarding(
        device=DEVICE, service=SERVICE, bundle=city.bundle, journal=journal, riders=HeldRiders(),
        signer=InlineTapSigner(city.device), panel=LastShown(), software="bench", randomness=os.urandom,
    )  # fmt: skip


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.close(file)


def fill_log_and_die(path: Path, seed: bytes, issued_ms: int, at_ms: int) -> None:
    """A second process taps without housekeeping until the log is nearly full, then dies by SIGKILL."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_fill_log_and_die, args=(path, seed, issued_ms, at_ms))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"the journal's process ended with {process.exitcode}"


def _fill_log_and_die(path: Path, seed: bytes, issued_ms: int, at_ms: int) -> None:
    city = City(seed, issued_ms=issued_ms)
    journal = _Quick(path, device=DEVICE, new_epoch=EPOCH)
    clock = instants(at_ms, 500)
    boarding = _boarding(city, journal)
    boarding.begin(next(clock))
    log = path.with_name(path.name + "-wal")
    while log.stat().st_size < (WAL_PAGES_MAX - 10) * _LOG_FRAME_BYTES:
        now = next(clock)
        code = city.issued(now)
        boarding.decide_and_record(code, code.raw, now)
    os.kill(os.getpid(), signal.SIGKILL)


def forget_pages(folder: Path) -> None:
    """What a power cut does to a machine's memory: the next reading comes from the disk."""
    for path in folder.iterdir():
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
