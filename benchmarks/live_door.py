"""One door as the validator runs it: taps on the caller's thread, the station's steps on a thread beside it."""

import os
import threading
import time
from collections import deque
from pathlib import Path
from random import Random

from benchmarks.bus import ADDRESS, DEVICE, EPOCH, SERVICE, City, Lapse, LastShown
from edge.adapters.ballast import Ballast
from edge.adapters.journal import ApswJournal
from edge.adapters.tap_signer import ThreadTapSigner
from edge.app.station import Station
from edge.core.limits import BALLAST_BYTES
from edge.core.ports import Panel
from protocol.errors import SavarError
from protocol.wire import chain
from protocol.wire.batches import decode_batch
from protocol.wire.receipts import Receipt, encode_receipt
from protocol.wire.topics import Channel
from simulators.held_riders import HeldRiders

PAUSE_MS = (5, 35)  # between two taps, at random, so that taps and housekeeping do not fall into step


class Loopback:
    """The backend's end of the session: decodes a batch, verifies nothing, and signs a receipt.

    `records_s`: how many records a second of the door's clock it takes, 0 for as many as come.
    """

    def __init__(self, city: City, clock: Lapse) -> None:
        self.connected = False
        self.problem: SavarError | None = None
        self.records_s = 0
        self.batches = 0
        self.busy_ns = 0
        self._city, self._clock = city, clock
        self._free_ms = 0
        self._receipts: deque[tuple[int, bytes]] = deque(maxlen=100)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Take a batch; anything else is none of our business."""
        if retain or topic != ADDRESS.topic(Channel.TAPS):
            return self.connected
        began = time.monotonic_ns()
        held = decode_batch(payload)
        head, now = chain.head_of(held.records[-1]), self._clock.read()
        receipt = Receipt(DEVICE, EPOCH, held.last, head, 1, bytes(32), now.wall_ms)
        needs_ms = len(held.records) * 1_000 // self.records_s if self.records_s else 0
        self._free_ms = max(self._free_ms, now.mono_ms) + needs_ms
        self._receipts.append((self._free_ms, encode_receipt(receipt, self._city.backend)))
        self.batches += 1
        self.busy_ns += time.monotonic_ns() - began
        return self.connected

    def wait_ms(self) -> int:
        """Until the next receipt comes; a long time if none is due."""
        return max(0, self._receipts[0][0] - self._clock.read().mono_ms) if self._receipts else 3_600_000

    def due(self) -> list[bytes]:
        """The receipts that have come by now."""
        found = []
        while self._receipts and self._receipts[0][0] <= self._clock.read().mono_ms:
            found.append(self._receipts.popleft()[1])
        return found


class LiveDoor:
    """`start` it, tap, `stop` it. What each part of the start took stands in `started_ms`."""

    def __init__(self, path: Path, city: City, clock: Lapse, *, panel: Panel | None = None) -> None:
        self.clock = clock
        self.panel = LastShown()  # `panel` in its place shows to somebody else
        self.session = Loopback(city, clock)
        self.started_ms: dict[str, float] = {}
        self.steps_ms: list[float] = []
        self._city = city
        self._wake, self._stopping, self._turn = threading.Event(), threading.Event(), threading.Lock()
        began = time.perf_counter()
        reserve = Ballast(path.with_name("ballast"), BALLAST_BYTES)
        self.journal = ApswJournal(path, device=DEVICE, new_epoch=EPOCH, reserve=reserve)
        self.signer = ThreadTapSigner(city.device)
        self.station = Station(
            address=ADDRESS, service=SERVICE, bundle=city.bundle, journal=self.journal,
            riders=HeldRiders(), tap_signer=self.signer, key=city.device, panel=panel or self.panel, clock=clock,
            session=self.session, sister=None, software="bench", randomness=os.urandom, wake=self._wake.set,
            heard=lambda _: None,
        )  # fmt: skip
        self._took("open", began)
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
        self._pauses = Random(7)

    def _took(self, part: str, began: float) -> None:
        self.started_ms[part] = round((time.perf_counter() - began) * 1000, 1)

    def start(self) -> None:
        """What a validator does before its first tap, and its first step; then the thread."""
        self.clock.go()
        self.signer.open()
        began = time.perf_counter()
        self.station.begin(self.clock.read())
        self._took("begin", began)
        began = time.perf_counter()
        self._step()
        self._took("first_step", began)
        self.started_ms["total"] = round(sum(self.started_ms.values()), 1)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the journal."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self.station.end(self.clock.read())
        self.journal.close()
        self.signer.close()

    def hold(self, forward_ms: int = 0) -> None:
        """Neither steps nor time until `go`; then it is `forward_ms` later."""
        self._turn.acquire()
        self.clock.hold(forward_ms)

    def go(self) -> None:
        """Steps and time again."""
        self.clock.go()
        self._turn.release()

    def pace(self, speed: int) -> None:
        """From now on time runs `speed` times as fast as the world's."""
        self.hold()
        self.clock.speed = speed
        self.go()

    def go_online(self, records_s: int) -> None:
        """A session with a backend that takes this many records a second; 0: as many as come."""
        self.session.records_s = records_s
        if not self.session.connected:
            self.session.connected = True
            self.station.session_changed(connected=True)

    def tap_ns(self) -> int:
        """One tap after a random pause and the verification of its code; nanoseconds taken."""
        time.sleep(self._pauses.uniform(*PAUSE_MS) / 1000)
        now = self.clock.read()
        text = self._city.code(now)
        code = self._city.verified(text)
        started = time.perf_counter_ns()
        self.station.boarding.decide_and_record(code, text, now)
        taken = time.perf_counter_ns() - started
        assert self.panel.showing is not None and self.panel.showing.row.charged  # noqa: PT018
        return taken

    # --- the sync thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            wait_ms = min(self.station.wait_ms(self.clock.read()), self.session.wait_ms())
            self._wake.wait(wait_ms / 1000 / self.clock.speed)
            self._wake.clear()
            with self._turn:
                self._step()

    def _step(self) -> None:
        began = time.perf_counter()
        now = self.clock.read()
        for receipt in self.session.due():
            self.station.message_came(receipt)
        self.station.step(now)
        self.steps_ms.append((time.perf_counter() - began) * 1000)
        assert not self.station.problem(now), self.station.problem(now)
