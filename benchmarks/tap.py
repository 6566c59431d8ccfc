"""A full tap after verification against the physical limit of the same disk, interleaved in one run.

A tap: decide, encode, seal, chain, sign, commit. The limit: fdatasync of an overwritten 4 KiB block. One tap, one sync,
by turns, each after the same work (verifying a rider's code): so a machine whose speed drifts drifts for both, and
neither finds a disk or a cache that the other does not. Between turns of 50 the write-ahead log is folded in, as the
sync thread does on the bus.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import micros
from benchmarks.limits import OverwriteSync
from edge.adapters.journal import ApswJournal
from edge.adapters.tap_signer import ThreadTapSigner
from edge.app.boarding import Boarding
from edge.core.ports import Showing
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from protocol.wire.bundles import Bundle
from protocol.wire.codes import read_code, write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import issue_credential, open_long_pass, render_long_pass
from protocol.wire.records import ClockQuality, Instant, Service

TURN = 50  # taps between two checkpoints: more than a bus sees in its 10 s


@dataclass(slots=True)
class _LastShown:
    """A panel that remembers what it showed."""

    showing: Showing | None = None

    def show(self, showing: Showing) -> None:
        self.showing = showing

    def idle(self) -> None:
        self.showing = None


def _now() -> Instant:
    return Instant(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000, ClockQuality.TRUSTED, 1)


def _codes(issuer: SigningKey, count: int, at: Instant) -> list[bytes]:
    """One fresh code each of `count` riders."""
    texts = []
    for _ in range(count):
        holder = SigningKey.from_secret(os.urandom(32))
        credential = issue_credential(
            issuer, credential_id=os.urandom(8), version=1, holder=holder.public, rider_class=0,
            product=0, expiry_day=service_day(at.wall_ms) + 200, allowance_units=4,
        )  # fmt: skip
        raw = render_long_pass(credential, holder, time_s=at.wall_ms // 1000, counter=1, party=0)
        texts.append(write_code(raw).encode())
    return texts


def run(folder: Path, *, taps: int, tick: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """Measure `taps` taps in `folder` → the figures as a JSON-ready dict. `tick(done)` reports progress."""
    issuer, device, backend = (SigningKey.from_secret(os.urandom(32)) for _ in range(3))
    at = _now()
    bundle = Bundle("bench", 1, at.wall_ms, (issuer.public,), (backend.public,), backend.public, Tariff(1, 50_000))
    path = folder / "journal.db"
    journal = ApswJournal(path, device="bench-1", new_epoch=1)
    panel = _LastShown()
    signer = ThreadTapSigner(device)
    signer.open()
    boarding = Boarding(
        device="bench-1", service=Service("bus-1", 1, "r1", 0), bundle=bundle, journal=journal, signer=signer,
        panel=panel, software="bench", randomness=os.urandom,
    )  # fmt: skip
    boarding.begin(at)
    issuers = [issuer.verifying]
    sync = OverwriteSync(folder)
    tap_ns: list[int] = []
    sync_ns: list[int] = []
    verify_ns: list[int] = []
    try:
        while len(tap_ns) < taps:
            texts = _codes(issuer, TURN, _now())
            boarding.present(texts[0], _now(), settled=True)  # pays for the first day key
            sync.once_ns()
            for text in texts[1:]:
                started = time.perf_counter_ns()
                code = open_long_pass(read_code(text), issuers)
                verify_ns.append(time.perf_counter_ns() - started)
                now = _now()
                started = time.perf_counter_ns()
                boarding.decide_and_record(code, now)
                tap_ns.append(time.perf_counter_ns() - started)
                assert panel.showing is not None and panel.showing.row.charged  # noqa: PT018
                open_long_pass(read_code(text), issuers)  # the same work before the limit as before the tap
                sync_ns.append(sync.once_ns())
            journal.checkpoint()
            tick(len(tap_ns))
    finally:
        sync.close()
        signer.close()
        journal.close()
        for leftover in folder.glob("journal.db*"):
            leftover.unlink()
    tap, limit = micros(tap_ns), micros(sync_ns)
    return {
        "ratio_to_fdatasync": round(tap["p50"] / limit["p50"], 3),
        "tap_us": tap,
        "fdatasync_us": limit,
        "verify_us": micros(verify_ns),
        "taps": len(tap_ns),
    }
