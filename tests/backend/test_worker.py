"""The ingest thread: a bounded inbox, bounded groups, births answered, and nothing a device or a disk does ends it."""

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.app.fleet_watch import FleetWatch
from backend.app.ingest import Incoming
from backend.app.worker import IngestWorker
from backend.core.errors import StoreFailed
from backend.core.ledger import SUSPENSE, Transfer, TransferKind
from backend.core.limits import GROUP_BATCHES_MAX, INBOX_MESSAGES_MAX, WATCH_PERIOD_S
from protocol.wire import chain
from protocol.wire.health import State, encode_state
from protocol.wire.receipts import Receipt, open_receipt
from protocol.wire.topics import Address, Channel
from tests.backend.bus import NOON_MS, RECEIPT, Bus, Rider
from tests.backend.desk import CITY, Desk, check_ledger

pytestmark = pytest.mark.databases

RIDERS = [Rider(1)]


def topic(bus: Bus, channel: Channel = Channel.TAPS) -> str:
    return Address(CITY, "s0", bus.name).topic(channel)


def state(bus: Bus, *, online: bool = True) -> bytes:
    return encode_state(State(bus.name, online, bus.epoch, NOON_MS, "test"), bus.tap_key)


class Post:
    """A worker over a real ledger; its receipts, verified; a monotonic clock in hand."""

    def __init__(self, desk: Desk, buses: list[Bus]) -> None:
        self.desk, self.receipts, self.groups, self.looks, self.seconds = desk, [], [], [], 100.0
        self.published = threading.Event()
        for bus in buses:
            desk.enrol(bus)
        self.watch = FleetWatch(
            store=desk.store, ingest_store=desk.store, find_device=desk.find,
            devices=lambda: [bus.device for bus in buses], silent_after_s=600,
            old_bundle_after_s=7_200, newest_bundle=lambda: 0, now_ms=lambda: desk.now_ms,
            on_alarm=lambda *_: None, on_ended=lambda *_: None,
        )  # fmt: skip
        self.worker = IngestWorker(
            desk.ingest, self.watch, publish_receipt=self._publish, monotonic=lambda: self.seconds,
            expire=lambda: desk.store.expire_due(desk.now_ms, 1),
        )  # fmt: skip
        take, look = desk.ingest.take, self.watch.look

        def counted(messages: list[Incoming]) -> list:
            self.groups.append(len(messages))
            return take(messages)

        def noted() -> None:
            self.looks.append(self.seconds)
            look()

        desk.ingest.take, self.watch.look = counted, noted

    def _publish(self, device: str, receipt: bytes) -> None:
        opened: Receipt = open_receipt(receipt, [RECEIPT.verifying])
        assert opened.device == device
        self.receipts.append(opened)
        self.published.set()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty inbox is not waited for."""
    monkeypatch.setattr("backend.app.worker.GROUP_WAIT_S", 0.01)


@pytest.fixture
def bus() -> Bus:
    made = Bus()
    made.ride(1, RIDERS, GROUP_BATCHES_MAX * 3)
    return made


@pytest.fixture
def post(tmp_path: Path, bus: Bus) -> Iterator[Post]:
    desk = Desk(tmp_path, [], RIDERS)
    yield Post(desk, [bus])
    desk.close()


def test_a_full_inbox_drops_and_counts(post: Post, bus: Bus) -> None:
    """P3, P6: `offer` never blocks; what was dropped is counted, has no receipt and comes again."""
    batches = bus.batches(20)
    for n in range(INBOX_MESSAGES_MAX + 7):
        post.worker.offer(topic(bus), batches[0] if n < INBOX_MESSAGES_MAX else batches[1])
    assert post.worker.dropped == 7
    while post.worker._inbox.qsize():
        post.worker.step()
    assert {r.sequence for r in post.receipts} == {20}
    for batch in batches[1:]:
        post.worker.offer(topic(bus), batch)
    post.worker.step()
    assert post.receipts[-1].sequence == bus.last
    check_ledger(post.desk)


def test_a_group_is_bounded(post: Post, bus: Bus) -> None:
    """What waits beyond a group is the next group's."""
    for batch in bus.batches(1):
        post.worker.offer(topic(bus), batch)
    while post.worker._inbox.qsize():
        post.worker.step()
    assert post.groups == [GROUP_BATCHES_MAX] * (bus.last // GROUP_BATCHES_MAX) + [bus.last % GROUP_BATCHES_MAX]
    assert [r.sequence for r in post.receipts] == [*range(GROUP_BATCHES_MAX, bus.last, GROUP_BATCHES_MAX), bus.last]


def test_what_is_pending_expires_in_time(post: Post) -> None:
    """So many a look, a look a second; a rider's money is not held for ever."""
    store, now_ms = post.desk.store, post.desk.now_ms
    for n in (1, 2):
        held = Transfer(bytes([n]) * 32, TransferKind.FARE, SUSPENSE, "operator:bus-1", 5)
        store.make_pending(held, expires_ms=now_ms + n, at_ms=now_ms)
    waits = []
    for _ in range(4):
        post.worker.step(0)
        waits.append(store.balance_of(SUSPENSE).debits_pending)
        post.seconds += WATCH_PERIOD_S
        post.desk.now_ms += 2
    assert waits == [10, 5, 0, 0]
    assert store.balance(SUSPENSE) == 0


def test_a_birth_is_told_where_it_stands(post: Post, bus: Bus) -> None:
    """P2: also after what came in the same group; a will is not answered."""
    post.worker.offer(topic(bus, Channel.STATE), state(bus))
    post.worker.step()
    assert [(r.sequence, r.head) for r in post.receipts] == [(0, chain.GENESIS)]
    post.worker.offer(topic(bus, Channel.STATE), state(bus))
    post.worker.offer(topic(bus), bus.batch(1, 5))
    post.worker.step()
    assert [(r.sequence, r.head) for r in post.receipts[1:]] == [(5, bus.hashes[4])] * 2
    post.worker.offer(topic(bus, Channel.STATE), state(bus, online=False))
    post.worker.offer(topic(bus, Channel.STATE), b"forged")
    post.worker.step()
    assert len(post.receipts) == 3


@pytest.mark.parametrize(
    "strange",
    [
        "", "savar", "savar/2/testabad/s0/bus-1-d1/taps", "savar/1/testabad/s0/bus-1-d1/secrets",
        "savar/1/testabad/s0/BUS/taps", "savar/1/testabad/s0/bus-1-d1/receipt", "savar/1/testabad/s0/bus-1-d1/reply",
        "savar/1/testabad/s0/bus-1-d1/taps/more", "دیگر",
    ],
)  # fmt: skip
def test_a_strange_topic_is_left(post: Post, bus: Bus, strange: str) -> None:
    """It holds up nothing that came with it."""
    post.worker.offer(strange, bus.batch())
    post.worker.offer(topic(bus), bus.batch())
    post.worker.step()
    assert [r.sequence for r in post.receipts] == [bus.last]
    assert post.desk.quarantined() == []


def test_garbage_on_every_channel_ends_nothing(post: Post, bus: Bus) -> None:
    """P3: all of it is in quarantine, and the genuine batch behind it is stored."""
    for channel in (Channel.TAPS, Channel.HEALTH, Channel.STATE):
        for garbage in (b"", b"\xff" * 40, b"\x83\x01\x02\x03"):
            post.worker.offer(topic(bus, channel), garbage)
    post.worker.offer(topic(bus), bus.batch())
    post.worker.step()
    assert [r.sequence for r in post.receipts] == [bus.last]
    assert post.desk.store.counts()["quarantined"] == 9


def test_silence_is_looked_for_when_due_also_without_messages(post: Post) -> None:
    for seconds in (100.0, 100.5, 100 + WATCH_PERIOD_S, 100 + WATCH_PERIOD_S * 1.5, 100 + WATCH_PERIOD_S * 3):
        post.seconds = seconds
        post.worker.step()
    assert post.looks == [100.0, 100 + WATCH_PERIOD_S, 100 + WATCH_PERIOD_S * 3]


def test_a_ledger_that_cannot_be_written_does_not_end_the_thread(
    post: Post, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: a full disk is said, promises nothing, and with room again everything goes on without a restart."""

    def full(*_: object, **__: object) -> None:
        raise StoreFailed("the ledger cannot be written: database or disk is full")

    with monkeypatch.context() as broken:
        for name in ("commit", "keep_state", "keep_health", "quarantine", "devices", "watermark"):
            broken.setattr(post.desk.store, name, full)
        post.worker.offer(topic(bus, Channel.STATE), state(bus))
        post.worker.offer(topic(bus, Channel.HEALTH), b"garbage")
        post.worker.offer(topic(bus), bus.batch())
        post.worker.offer(topic(bus), b"garbage")
        post.worker.step()
    with monkeypatch.context() as unreadable:
        unreadable.setattr(post.desk.store, "ledger_mark", full)
        post.worker.offer(topic(bus, Channel.STATE), state(bus))
        post.worker.step()
    assert post.receipts == []
    post.seconds += WATCH_PERIOD_S
    post.worker.offer(topic(bus), bus.batch())
    post.worker.step()
    assert [r.sequence for r in post.receipts] == [bus.last]
    assert post.looks == [100.0, 100.0 + WATCH_PERIOD_S]
    check_ledger(post.desk)


def test_the_thread_takes_answers_and_stops(post: Post, bus: Bus) -> None:
    post.worker.start()
    post.worker.offer(topic(bus), bus.batch())
    assert post.published.wait(30)
    post.worker.stop()
    assert not post.worker._thread.is_alive()
    assert post.worker.failure is None
    assert post.receipts[0].sequence == bus.last


def test_what_ends_the_thread_is_kept_for_the_supervisor(post: Post, bus: Bus) -> None:
    """P4: a fault of our own is not swallowed: the process is ended by whoever watches it."""
    fault = RuntimeError("a defect")

    def broken(_: object) -> list:
        raise fault

    post.desk.ingest.take = broken
    post.worker.offer(topic(bus), bus.batch())
    post.worker.start()
    post.worker._thread.join(30)
    assert post.worker.failure is fault
    post.worker.stop()


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_rests_for_a_group_and_no_longer(tmp_path: Path, bus: Bus, *, on: bool) -> None:
    """Also behind a group that fails; and what had switched it off finds it so."""
    desk = Desk(tmp_path, riders=RIDERS)
    post = Post(desk, [bus])
    seen = []

    def failing(messages: list[Incoming]) -> list:
        seen.append((len(messages), gc.isenabled()))
        raise RuntimeError

    desk.ingest.take = failing
    post.worker.offer(topic(bus), bus.batch())
    before = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        with pytest.raises(RuntimeError):
            post.worker.step()
        assert (seen, gc.isenabled()) == ([(1, False)], on)
    finally:
        (gc.enable if before else gc.disable)()
        desk.close()
