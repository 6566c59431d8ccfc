"""The backend's machine in the seeded city: the product's own ingest over a real ledger file, without sockets.

It may die between any two events, before a commit, or after one and before anybody hears of it; its ledger may be
restored from a copy, as another incarnation.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from backend.adapters.ledger.connection import raw
from backend.adapters.sqlite.store import SqliteStore
from backend.app.fleet_watch import FleetWatch
from backend.app.ingest import Ingest
from backend.app.proofs import ProofDesk
from backend.app.worker import IngestWorker
from backend.core.errors import StoreFailed
from backend.core.ports import Commit, Device, LedgerMark, Rider, StoredRecord
from backend.core.tickets import Issue
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.topics import Address, Channel, shard_filter
from simulators.seeded.downward import TOPIC, OnWorker, no_worker
from simulators.seeded.links import SimBroker, SimSession, Wire
from simulators.world import World
from transport.mqtt import Message

RESTART_MS = (1_000, 30_000)
SILENT_AFTER_S = 600
LOOKS_EVERY_S = 30  # for silence; the product looks each second


_EMPTY: dict[str, bytes] = {}  # by city


def empty_ledger(city: str, within: Path) -> bytes:
    """A ledger file as the product makes it where there is none: once a process, and a copy of it for each office."""
    if city not in _EMPTY:
        path = within / "empty.db"
        SqliteStore(path, city).close()
        _EMPTY[city] = path.read_bytes()
    return _EMPTY[city]


class OfficeDied(BaseException):
    """The process ended in the middle of something. Only the world catches it."""


class MortalStore(SqliteStore):
    """The product's store, with a death before or after a commit, and a disk that fills."""

    def __init__(self, path: Path, city: str) -> None:
        super().__init__(path, city)
        with self._writer.reading() as core:  # a process dies here, and no power goes: what was written stays
            ledger = raw(core)
            ledger.execute("PRAGMA synchronous=OFF")
        self.die_before = self.die_after = False
        self.full = False
        self.on_commit: Callable[[Sequence[Commit]], None] = lambda _: None

    def commit(self, commits: Sequence[Commit], at_ms: int) -> LedgerMark:
        """As the store does, if it lives so long."""
        if self.full:
            raise StoreFailed("the ledger cannot be written: database or disk is full", fix="free space")
        if self.die_before:
            raise OfficeDied
        mark = super().commit(commits, at_ms)
        self.on_commit(commits)
        if self.die_after:
            raise OfficeDied
        return mark


class SimOffice:
    """`on_receipt(office, device, bytes)`, `on_commit(commits)`, `on_restored()` and alarms tell what it does."""

    def __init__(
        self, world: World, folder: Path, *, city: str, tariffs: dict[int, Tariff], sealing: SigningKey,
        receipts: SigningKey, broker: SimBroker, issues: dict[bytes, Issue],
    ) -> None:  # fmt: skip
        self.world, self.folder, self.city = world, folder, city
        self.path = folder / "ledger.db"
        self._tariffs, self._sealing, self._receipts = tariffs, sealing, receipts
        self._broker, self._issues = broker, issues
        self.wire = Wire(world, delay_ms=(1, 10))
        self.registry: dict[str, tuple[Device, VerifyingKey]] = {}
        self.offset_ms = 0
        self.alarms: set[tuple[str, str]] = set()
        self.store: MortalStore | None = None
        self.session: SimSession | None = None
        self.on_receipt: Callable[[str, bytes], None] = lambda *_: None
        self.on_commit: Callable[[Sequence[Commit]], None] = lambda _: None
        self.on_restored: Callable[[], None] = lambda: None
        self.on_worker: OnWorker = no_worker
        self._restoring: Path | None = None
        self._step_asked = False
        self._life = 0

    def now_ms(self) -> int:
        """Its own clock."""
        return self.world.now_ms + self.offset_ms

    def boot(self) -> None:
        """Start the process."""
        if self.store is not None:
            return
        self._life += 1
        life = self._life
        restored = self._restoring is not None
        if self._restoring is not None:
            for old in self.folder.glob("ledger.db*"):
                old.unlink()
            self.path.write_bytes(self._restoring.read_bytes())
            self._restoring = None
        elif not self.path.exists():
            self.path.write_bytes(empty_ledger(self.city, self.folder))
        store = self.store = MortalStore(self.path, self.city)
        if restored:
            incarnation = store.renew_incarnation(self.world.now_ms)
            self.world.tell("office", f"its ledger is restored, incarnation {incarnation}")
            self.on_restored()
        store.on_commit = self.on_commit
        self.make_worker(store)
        self.session = SimSession(
            self._broker, self.wire, client_id="backend-s0",
            subscriptions=[shard_filter(self.city, "s0", c) for c in (Channel.TAPS, Channel.HEALTH, Channel.STATE)],
            on_message=lambda message: self._message_came(life, message),
        )  # fmt: skip
        self.session.start()
        self.world.tell("office", "starts")

    def make_worker(self, store: MortalStore) -> None:
        """The product's services, wired as `backend/app/backend.py` wires them."""
        tariffs: dict[int, Tariff] = {}

        def keep_tariff(tariff: Tariff) -> None:
            store.keep_tariff(tariff)
            tariffs[tariff.version] = tariff

        for tariff in self._tariffs.values():
            keep_tariff(tariff)
        announce = self.on_worker(keep_tariff, self._publish_manifest)
        ingest = Ingest(
            store=store, find_device=self.registry.get, proofs=ProofDesk(self._sealing, store.day_key, store.riders),
            find_issue=self._issues.get, tariffs=tariffs, receipt_signer=self._receipts, now_ms=self.now_ms,
            on_alarm=self._alarm, on_stored=self._stored,
        )  # fmt: skip
        watch = FleetWatch(
            store=store, ingest_store=store, find_device=self.registry.get,
            devices=lambda: [device for device, _ in self.registry.values()], silent_after_s=SILENT_AFTER_S,
            old_bundle_after_s=SILENT_AFTER_S, newest_bundle=lambda: 0, now_ms=self.now_ms, on_alarm=self._alarm,
            on_ended=lambda *_: None,
        )  # fmt: skip
        self.worker = IngestWorker(
            ingest, watch, publish_receipt=self._publish_receipt, announce=announce,
            monotonic=lambda: self.world.now_ms / 1000 / LOOKS_EVERY_S,
        )  # fmt: skip
        self.ingest = ingest

    def _stored(self, records: Sequence[StoredRecord]) -> None:
        self.world.counts["stored"] += len(records)

    def _alarm(self, kind: str, device: str, detail: str, fix: str) -> None:
        assert self.store is not None
        self.alarms.add((kind, device))
        if self.store.open_alarm(kind, device, detail, fix, self.now_ms()) is not None:
            self.world.tell("office", f"alarm {kind} of {device}: {detail}")

    def _publish_receipt(self, device: str, receipt: bytes) -> None:
        assert self.session is not None
        self.on_receipt(device, receipt)
        self.session.publish(Address(self.city, "s0", device).topic(Channel.RECEIPT), receipt)

    def _publish_manifest(self, manifest: bytes) -> bool:
        return self.session is not None and self.session.publish(TOPIC, manifest, retain=True)

    def _message_came(self, life: int, message: Message) -> None:
        if life == self._life and self.store is not None:
            self.worker.offer(message.topic, message.payload)
            if not self._step_asked:
                self._step_asked = True
                self.world.after(2, self._step)

    def _step(self) -> None:
        self._step_asked = False
        if self.store is None:
            return
        try:
            self.worker.step(wait_s=0)
        except OfficeDied:
            self.kill()

    def kill(self) -> None:
        """The process is gone; it comes back by itself."""
        store, self.store = self.store, None
        session, self.session = self.session, None
        if store is not None:
            store.close()
        if session is not None:
            session.vanish()
        self.world.tell("office", "dies")
        self.world.after(self.world.between(*RESTART_MS), self.boot)

    def hash_of(self, device: str, epoch: int, sequence: int) -> bytes | None:
        """Of a record that its ledger holds, also while its process is down."""
        if self.store is not None:
            return self.store.hash_of(device, epoch, sequence)
        with closing(sqlite3.connect(self.path)) as ledger:
            row = ledger.execute(
                "SELECT hash FROM record WHERE device = ? AND epoch = ? AND sequence = ?", (device, epoch, sequence)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def back_up(self) -> Path:
        """A copy of the ledger as it is committed now."""
        copy = self.folder / f"copy-{self.world.now_ms}.db"
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return copy

    def restore(self, copy: Path) -> None:
        """The machine is lost; a new one starts from a copy."""
        self._restoring = copy
        self.kill()

    def register(self, credential_id: bytes, credential: bytes, rider_class: int) -> None:
        """A rider signs up."""
        assert self.store is not None
        self.store.add_rider(self.rider(credential_id, credential, rider_class))

    def rider(self, credential_id: bytes, credential: bytes, rider_class: int) -> Rider:
        """A rider as the ledger keeps one."""
        return Rider(credential_id, credential, rider_class, sha256(credential).digest(), self.now_ms())
