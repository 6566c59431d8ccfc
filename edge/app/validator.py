"""The validator of one door, wired: cameras → boarding → journal → panel, and journal → uplink → broker → receipts.

Threads, and what each may touch:
- two per camera (see `looking`): frames, readers, sightings; they call `Boarding.present`, which has its own lock;
- `tap-signer`: the tap key while a record's commit syncs, nothing else (see `tap_signer`);
- `sync`: the uplink, shipping, receipts, health, housekeeping; nobody else touches `Sync` and `Uplink`;
- the MQTT session's own: it only leaves messages and a flag, and wakes `sync`.
"""

import logging
import os
import queue
import shutil
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version

from edge.adapters.clock import SystemClock
from edge.adapters.frames.source import make_source
from edge.adapters.journal import ApswJournal
from edge.adapters.keys import load_bundle, load_keys
from edge.adapters.readers.choose import make_readers
from edge.adapters.tap_signer import ThreadTapSigner
from edge.app.boarding import Boarding, Outcome
from edge.app.config import ValidatorConfig
from edge.app.looking import Looker
from edge.app.sync import BACKEND, Sync
from edge.core.errors import LocalError
from edge.core.limits import DISK_FREE_MIN_BYTES, HEALTH_PERIOD_MS, RECEIPTS_WAITING_MAX, STEP_MAX_MS
from edge.core.ports import Clock, FrameSource, Panel
from edge.core.sightings import Sighting
from edge.core.uplink import Uplink
from protocol.limits import INT63_MAX
from protocol.wire.health import Health, State, encode_health, encode_state
from protocol.wire.keys import VerifyingKey
from protocol.wire.topics import Address, Channel
from transport.mqtt import Message, MqttSession, Will

log = logging.getLogger(__name__)
# Called after a showing was answered: (camera, when its frame was taken, what became of it).
OnOutcome = Callable[[str, int, Outcome], None]


class Validator:
    """Build it, `start` it, `stop` it. Raises KeyMissing, JournalForeign, JournalFull, JournalFailed, ReaderMissing."""

    def __init__(
        self,
        config: ValidatorConfig,
        *,
        panel: Panel,
        sources: Mapping[str, FrameSource] | None = None,
        clock: Clock | None = None,
        randomness: Callable[[int], bytes] = os.urandom,
        on_outcome: OnOutcome = lambda _camera, _mono_ms, _outcome: None,
    ) -> None:
        self._config = config
        self._software = f"savar {version('savar')}"
        self._keys = load_keys(config.keys_dir)
        bundle = load_bundle(config.bundle, self._keys.bundle, city=config.city)
        self._system_clock = SystemClock(trust=config.clock.trust, floor_ms=bundle.issued_ms)
        self._clock = clock or self._system_clock
        self._address = Address(config.city, config.shard, config.device)
        epoch = int.from_bytes(randomness(8), "big") % INT63_MAX + 1
        self._journal = ApswJournal(config.data_dir / "journal.db", device=config.device, new_epoch=epoch)
        self._epoch = self._journal.head.epoch
        self._uplink = Uplink(config.device, self._epoch, (BACKEND,), last=self._journal.signed)
        self._wake = threading.Event()
        self._appended = self._journal.signed
        self._signer = ThreadTapSigner(self._keys.tap)
        self.boarding = Boarding(
            device=config.device, service=config.service, bundle=bundle, journal=self._journal, signer=self._signer,
            panel=panel, software=self._software, randomness=randomness, on_appended=self._appended_came,
        )  # fmt: skip
        self._sync = Sync(
            device=config.device, journal=self._journal, uplink=self._uplink,
            receipt_keys=[VerifyingKey.load(key) for key in bundle.receipt_keys],
            publish=self._publish, heard=self._heard, forgettable=self.boarding.forgettable,
        )  # fmt: skip
        self._receipts: queue.Queue[bytes] = queue.Queue(RECEIPTS_WAITING_MAX)
        self._session = self._make_session()
        self._sessions = 0
        self._sessions_seen = 0
        self._health_due_ms = 0
        self._on_outcome = on_outcome
        given = sources or {}
        self._looker = Looker(
            [(c.name, given.get(c.name) or make_source(c.source)) for c in config.camera],
            make_readers(config.reader.order),
            self._clock,
            self._sighting_came,
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._guard, name=f"sync-{config.device}", daemon=True)
        self._failure: Exception | None = None

    def _make_session(self) -> MqttSession:
        return MqttSession(
            self._config.broker,
            client_id=self._config.device,
            subscriptions=[self._address.topic(Channel.RECEIPT)],
            on_message=self._message_came,
            on_change=self._connection_changed,
            will=Will(self._address.topic(Channel.STATE), self._state(online=False)),
        )

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the chain, then start syncing and looking. Raises JournalFull, JournalFailed or SignerFailed."""
        self._signer.open()
        now = self._clock.read()
        self.boarding.begin(now)
        self._sync.take_up(now)
        self._session.start()
        self._thread.start()
        self._looker.start()

    def stop(self) -> None:
        """Stop looking, say goodbye to the broker, keep the newest receipt, close the journal."""
        self._looker.stop()
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._session.publish(self._address.topic(Channel.STATE), self._state(online=False), retain=True)
        self._session.stop()
        try:
            self._sync.keep_receipt()
        except LocalError as error:
            log.warning("the newest receipt is not kept, and is asked for again: %s", error)
        finally:
            self._journal.close()
            self._signer.close()

    @property
    def failure(self) -> Exception | None:
        """What a thread died of, for the supervisor that ends the process."""
        return self._failure or self._looker.failure

    @property
    def backlog(self) -> int:
        """Records that the backend has not receipted yet."""
        return self._uplink.backlog(BACKEND)

    def problem(self) -> str:
        """The worst current fault, in words for a person; empty if there is none."""
        if self.boarding.problem is not None:
            return str(self.boarding.problem)
        if self._sync.problem is not None:
            return str(self._sync.problem)
        if self._sync.forked:
            return "a receipt names another history of this journal: copied card or restored image — take it out of use"
        for camera in self._looker.cameras:
            if camera.problem is not None:
                return str(camera.problem)
        if self._disk_free() < DISK_FREE_MIN_BYTES:
            return "the card is nearly full — let it sync, or carry the journal off"
        if self._session.problem is not None:
            return str(self._session.problem)
        return ""

    def _disk_free(self) -> int:
        """Bytes free on the card; none on one that does not answer."""
        try:
            return shutil.disk_usage(self._config.data_dir).free
        except OSError as error:
            log.error("the card does not answer: %s", error)
            return 0

    # --- cameras' threads ---------------------------------------------------------------------------------------------

    def _sighting_came(self, camera: str, sighting: Sighting, frame_mono_ms: int) -> bool:
        outcome = self.boarding.present(sighting.text, self._clock.read(), settled=sighting.settled)
        if outcome is None:
            return False
        self._on_outcome(camera, frame_mono_ms, outcome)
        return True

    def _appended_came(self, sequence: int) -> None:
        self._appended = sequence
        self._wake.set()

    # --- the session's thread -----------------------------------------------------------------------------------------

    def _message_came(self, message: Message) -> None:
        try:
            self._receipts.put_nowait(message.payload)
        except queue.Full:  # receipts are cumulative: the next one says it all
            log.info("a receipt was passed over: %d wait already", RECEIPTS_WAITING_MAX)
        self._wake.set()

    def _connection_changed(self, connected: bool) -> None:  # noqa: FBT001 - a callback's shape
        if connected:
            self._sessions += 1
        self._wake.set()

    # --- the sync thread ----------------------------------------------------------------------------------------------

    def _guard(self) -> None:
        """Thread body: what it dies of is kept for the supervisor, which ends the process; nothing is swallowed."""
        try:
            while not self._stopping.is_set():
                self._step()
        except Exception as failure:
            log.critical("the sync thread ends", exc_info=failure)
            self._failure = failure

    def _step(self) -> None:
        now = self._clock.read()
        deadline = self._sync.next_deadline()
        wait_ms = STEP_MAX_MS if deadline is None else min(max(deadline - now.mono_ms, 0), STEP_MAX_MS)
        self._wake.wait(wait_ms / 1000)
        self._wake.clear()
        now = self._clock.read()
        self._take_connection()
        self._uplink.on_appended(self._appended)
        while not self._receipts.empty():
            self._sync.receipt_came(self._receipts.get_nowait(), now)
        self._sync.step(now)
        if now.mono_ms >= self._health_due_ms and self._session.connected:
            self._health_due_ms = now.mono_ms + HEALTH_PERIOD_MS
            self._session.publish(self._address.topic(Channel.HEALTH), encode_health(self.health(), self._keys.tap))

    def _take_connection(self) -> None:
        """Tell the uplink about a session that began or ended since the last step."""
        if self._sessions != self._sessions_seen:
            self._sessions_seen = self._sessions
            self._uplink.on_connected(BACKEND)
            self._session.publish(self._address.topic(Channel.STATE), self._state(online=True), retain=True)
            self._health_due_ms = 0
        elif not self._session.connected:
            self._uplink.on_disconnected(BACKEND)

    def _publish(self, sink: str, batch: bytes) -> bool:
        assert sink == BACKEND
        return self._session.publish(self._address.topic(Channel.TAPS), batch)

    def _heard(self, wall_ms: int) -> None:
        self.boarding.heard(wall_ms)
        self._system_clock.heard(wall_ms)

    def _state(self, *, online: bool) -> bytes:
        now = self._clock.read()
        state = State(self._config.device, online, self._epoch, max(now.wall_ms, 0), self._software)
        return encode_state(state, self._keys.tap)

    def health(self) -> Health:
        """The device as it is now."""
        now = self._clock.read()
        return Health(
            device=self._config.device,
            epoch=self._epoch,
            wall_ms=now.wall_ms,
            clock_quality=int(now.quality),
            software=self._software,
            last_sequence=self._journal.signed,
            receipted_sequence=self._uplink.receipted(BACKEND),
            accepted=self.boarding.accepted,
            refused=self.boarding.refused,
            disk_free_bytes=self._disk_free(),
            cameras=tuple(camera.health() for camera in self._looker.cameras),
            problem=self.problem()[:200],
        )
