"""The ingest thread: a bounded inbox, groups of batches, health and state between them, silence looked for."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.app.fleet_watch import FleetWatch
from backend.app.ingest import Incoming, Ingest, Outgoing
from backend.app.uncollected import uncollected
from backend.core.errors import StoreFailed
from backend.core.limits import GROUP_BATCHES_MAX, GROUP_WAIT_S, INBOX_MESSAGES_MAX, WATCH_PERIOD_S
from protocol.errors import OutOfRange, UnknownVersion
from protocol.wire.topics import Channel, split

log = logging.getLogger(__name__)


@contextmanager
def _outliving_the_store() -> Iterator[None]:
    """A full disk is said and outlived: without receipts the buses keep everything, and with room it goes on."""
    try:
        yield
    except StoreFailed as error:
        log.error("not kept: %s", error)


class IngestWorker:
    """Owns the shard's ingest: everything that writes taps happens on its one thread."""

    def __init__(
        self,
        ingest: Ingest,
        watch: FleetWatch,
        *,
        publish_receipt: Callable[[str, bytes], None],
        announce: Callable[[], None] = lambda: None,
        expire: Callable[[], object] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ingest = ingest
        self._watch = watch
        self._publish_receipt = publish_receipt
        self._announce = announce
        self._expire = expire
        self._monotonic = monotonic
        self._inbox: queue.Queue[tuple[str, bytes]] = queue.Queue(INBOX_MESSAGES_MAX)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._guard, name="ingest", daemon=True)
        self._look_due = 0.0
        self.dropped = 0
        self._dropped_told = 0
        self.failure: Exception | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the group in hand and end. What waits in the inbox is sent again by its bus."""
        self._stopping.set()
        self._thread.join()

    def look_soon(self) -> None:
        """A session began: what is looked at every second is looked at after this group. From any thread."""
        self._look_due = 0.0

    def offer(self, topic: str, payload: bytes) -> None:
        """A message came; never blocks. A full inbox drops it, and counts: its bus sends it again."""
        try:
            self._inbox.put_nowait((topic, payload))
        except queue.Full:
            self.dropped += 1

    def _guard(self) -> None:
        """Thread body: what it dies of is kept for the supervisor, which ends the process; nothing is swallowed."""
        try:
            while not self._stopping.is_set():
                self.step()
        except Exception as failure:
            log.critical("the ingest thread ends", exc_info=failure)
            self.failure = failure

    def step(self, wait_s: float = GROUP_WAIT_S) -> None:
        """One group, waiting so long for its first message; when due, a look for silence, new bundles, what expires."""
        batches: list[Incoming] = []
        asking: list[tuple[str, int]] = []  # (device, epoch) to be told where we stand
        for topic, payload in self._waiting(wait_s):
            try:
                address, channel = split(topic)
            except (OutOfRange, UnknownVersion) as error:
                log.warning("a message on a strange topic is left: %s", error)
                continue
            if channel is Channel.TAPS:
                batches.append(Incoming(address.device, payload))
            elif channel in (Channel.HEALTH, Channel.STATE):
                with _outliving_the_store():
                    epoch = self._watch.take(channel, address.device, payload)
                    if epoch is not None:
                        asking.append((address.device, epoch))
        if batches:
            with uncollected():
                receipts = self._ingest.take(batches)
            for out in receipts:
                self._publish(out)
        for device, epoch in asking:
            with _outliving_the_store():
                self._publish(Outgoing(device, self._ingest.receipt(device, epoch)))
        if self._monotonic() >= self._look_due:
            self._look_due = self._monotonic() + WATCH_PERIOD_S
            self._tell_dropped()
            with _outliving_the_store():
                self._announce()
                self._watch.look()
                self._expire()

    def _tell_dropped(self) -> None:
        if (dropped := self.dropped) > self._dropped_told:
            log.warning("%d messages found the inbox full since the start; their buses send them again", dropped)
            self._dropped_told = dropped

    def _waiting(self, wait_s: float) -> list[tuple[str, bytes]]:
        """What waits, up to a group; waits a little for the first."""
        found: list[tuple[str, bytes]] = []
        try:
            found.append(self._inbox.get(block=wait_s > 0, timeout=wait_s or None))
            while len(found) < GROUP_BATCHES_MAX:
                found.append(self._inbox.get_nowait())
        except queue.Empty:
            pass  # that was all
        return found

    def _publish(self, out: Outgoing) -> None:
        self._publish_receipt(out.device, out.receipt)
