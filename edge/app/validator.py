"""The validator of one door, wired: cameras → boarding → journal → panel; journal → uplink → broker, other door.

Threads, and what each may touch:
- two per camera (see `looking`): frames, readers, sightings; they call `Boarding.present`, which has its own lock;
- `tap-signer`: the tap key while a record's commit syncs, nothing else (see `tap_signer`);
- `sync`: the station's step: uplinks, shipping, receipts, the sister door, health, housekeeping;
- `counter`, where the machine has one: the card held against it (see `counting`);
- `gnss`, where there is a receiver: its fixes, judged, followed along the timetable, told to the door;
- `bundles`: fetches what a newer bundle needs and brings it into force; a chunk may take minutes;
- the sessions' own, to the broker and to the other door: they only leave messages and a count, and wake the others.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edge.adapters.allocator import give_back
from edge.adapters.clock import SystemClock
from edge.adapters.copies import ApswCopies, open_copies
from edge.adapters.frames.source import make_source
from edge.adapters.http_chunks import HttpChunks
from edge.adapters.keys import load_keys, read_in_force
from edge.adapters.readers.choose import make_sight
from edge.adapters.rider_table import RiderTable
from edge.adapters.tap_signer import ThreadTapSigner
from edge.app.assigning import Assigning, StandsBy, sister_key
from edge.app.boarding import Boarding, Outcome
from edge.app.bundles import Bundles
from edge.app.condition import ConditionReader, software
from edge.app.config import ValidatorConfig
from edge.app.counting import counting_of
from edge.app.diagnosis import Diagnosis
from edge.app.following import Following
from edge.app.hooks import Hooks
from edge.app.kept_files import open_kept
from edge.app.light import lights
from edge.app.line_book import LineBook
from edge.app.looking import Looker
from edge.app.obeying import Obeying
from edge.app.other_door import SisterSide
from edge.app.recall import HeldRecords
from edge.app.renewing_online import OnlineRenewal
from edge.app.scanned import is_vehicle_code, scanned_at
from edge.app.sister import OnRecords
from edge.app.station import Station
from edge.app.updates import updates_of
from edge.app.whereabouts import Place, fastest_kmh, place_of
from edge.app.will import will_of
from edge.core.errors import LocalError
from edge.core.limits import CHUNK_CALL_TIMEOUT_S, COURIER_AFTER_MS, GIVE_BACK_EVERY_MS
from edge.core.lines import Lines
from edge.core.ports import Clock, FrameSource, Panel, Reserve
from edge.core.sightings import Sighting
from edge.core.signing_in import badge_in
from edge.core.vehicle import NO_LINES, Vehicle
from edge.core.vitals import Pulse
from protocol.fares.verdicts import TABLE
from protocol.wire.health import Health
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.records import Instant, Position, Record
from protocol.wire.sister import Along, DoorCondition
from protocol.wire.topics import Address, Channel, split, to_all
from transport.bundle_folder import BundleFolder
from transport.mqtt import Message, MqttSession
from transport.peer import PeerSession

log = logging.getLogger(__name__)
_HEARD = (Channel.RECEIPT, Channel.GRANT, Channel.RENEWED, Channel.ASSIGNED)  # of this device, beside what all are told
# Called after a showing was answered: (camera, when its frame was taken, what became of it).
OnOutcome = Callable[[str, int, Outcome], None]


class Validator:
    """Build, `start`, `stop` it. Raises KeyMissing, ReaderMissing, JournalForeign, -Full, -Failed."""

    def __init__(
        self,
        config: ValidatorConfig,
        *,
        panel: Panel,
        sources: Mapping[str, FrameSource] | None = None,
        clock: Clock | None = None,
        randomness: Callable[[int], bytes] = os.urandom,
        on_outcome: OnOutcome = lambda _camera, _mono_ms, _outcome: None,
        courier_after_ms: int = COURIER_AFTER_MS,
        panel_problem: Callable[[], LocalError | None] = lambda: None,
        vehicle: Vehicle = NO_LINES,
    ) -> None:
        self._config, self._vehicle = config, vehicle
        keys = load_keys(config.keys_dir, config.tap_key, signs_later=True)
        self._folder = BundleFolder(config.bundle)
        manifest, bundle, trust = read_in_force(self._folder, keys.bundle, city=config.city, recovery=keys.recovery)
        system_clock = SystemClock(trust=config.clock.trust, floor_ms=bundle.issued_ms)
        self._clock = clock or system_clock
        self._address = Address(config.city, config.shard, config.device)
        other_key = sister_key(config)
        kept = open_kept(config, randomness, courier_after_ms)
        self._journal, self._formers = kept.journal, kept.formers
        counting = counting_of(config, self._journal, keys.tap)
        self._condition = ConditionReader(config.data_dir, lambda: config.broker.certificate, counting=counting)
        self._wake, self._bundles_wake, self._stopping = (threading.Event() for _ in range(3))
        self._signer = ThreadTapSigner(keys.tap)
        self._to_all = to_all(config.city, config.shard, Channel.BUNDLE)
        self._session = self._make_session(keys.tap)
        self._renewal, self.assigning = OnlineRenewal(config, self._session), Assigning(config)
        self._peer: PeerSession | None = None
        self._copies: ApswCopies | None = None
        side = None if other_key is None else self._make_sister(other_key, kept.reserve, courier_after_ms)
        self._riders = RiderTable(config.data_dir / "riders.table")
        self._station = Station(
            address=self._address, service=config.service, bundle=bundle, journal=self._journal, riders=self._riders,
            tap_signer=self._signer, key=keys.tap, panel=panel, clock=self._clock, session=self._session, sister=side,
            formers=self._formers, software=software(), randomness=randomness, wake=self._wake.set,
            heard=system_clock.heard, position=self._position, along=self._along, condition=self.condition,
        )  # fmt: skip
        self._stands_by = StandsBy(config, self.boarding, panel)
        self._place = place_of(config.gnss, self.boarding, system_clock.satellites, vehicle)
        self.scanned = scanned_at(config, keys.tap, self.boarding, randomness, self._wake.set, vehicle, on_outcome)
        self._lines = LineBook() if self._place is None and config.terminal is not None else None
        self._bundles = Bundles(
            store=self._folder, source=None if config.chunks_url is None else HttpChunks(config.chunks_url),
            trust=trust, in_force=manifest, on_force=self._station.bundle_came,
            riders=self._riders, timetable=self._place or self._lines, releases=updates_of(config),
        )  # fmt: skip
        self._on_outcome, self._following = on_outcome, Following(self.boarding)
        self.held = HeldRecords(self._journal, self._copies)
        # A door that serves the terminal hears of the other; one that does not follows it.
        follows: list[OnRecords] = [self._following.records_came, Obeying(self.boarding, self._journal).records_came]
        self.on_far_records = follows if config.terminal is None else []
        self.hooks = Hooks()
        sight = make_sight(config.reader.order)
        self._looker = Looker(
            [(c.name, (sources or {}).get(c.name) or make_source(c.source)) for c in config.camera],
            sight.reading, self._clock, self._sighting_came, on_held=self.boarding.still_seen,
            heavy=sight.heavy, light=lights(config.data_dir, panel),
        )  # fmt: skip
        self._diagnosis = Diagnosis(
            data_dir=config.data_dir, station=self._station, looker=self._looker, bundles=self._bundles,
            place=self._place, clock=self._clock, system_clock=system_clock, session=self._session,
            panel_problem=panel_problem, card_doubt=lambda: self._condition.card_doubt, stands_by=self._stands_by.why,
        )  # fmt: skip
        self._turns = self._give_back_ms = 0  # of the sync thread
        self._threads = self._make_threads()
        self._failure: Exception | None = None

    def _make_threads(self) -> list[threading.Thread]:
        return [
            threading.Thread(target=self._guard, args=(step,), name=f"{name}-{self._config.device}", daemon=True)
            for name, step in (("sync", self._step), ("bundles", self._step_bundles), ("gnss", self._step_gnss))
            if name != "gnss" or self._place is not None
        ]

    def _make_session(self, key: Signer) -> MqttSession:
        return MqttSession(
            self._config.broker,
            client_id=self._config.device,
            subscriptions=[*map(self._address.topic, _HEARD), self._to_all],
            on_message=self._message_came,
            on_change=lambda connected: self._station.session_changed(connected=connected),
            will=will_of(self._address, self._journal.head.epoch, self._clock.read(), software(), key),
        )

    def _make_sister(self, key: VerifyingKey, reserve: Reserve, courier_after_ms: int) -> SisterSide:
        config = self._config
        assert config.sister is not None
        self._copies = open_copies(config.data_dir / "sister.db", sister=config.sister.device, reserve=reserve)
        from edge.adapters.door_finder import finder_for  # noqa: PLC0415 - 5 MB that a door alone has no use of

        self._peer = PeerSession(
            config.sister,
            name=config.device,
            on_message=lambda data: self._station.sister_came(data),  # noqa: PLW0108 - there is no station yet
            on_change=lambda connected: self._station.link_changed(connected=connected),
            finder=finder_for(config.sister),
        )
        return SisterSide(config.sister.device, key, self._copies, self._peer, courier_after_ms, self._far_records_came)

    def _far_records_came(self, records: Sequence[Record], now: Instant) -> None:
        for told in self.on_far_records:
            told(records, now)

    @property
    def boarding(self) -> Boarding:
        """The service behind the door."""
        return self._station.boarding

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the chain, then start syncing and looking.

        Raises JournalFull, JournalFailed; BundleBusy while `savar bundle take` is at work.
        """
        self._signer.open()
        self._station.begin(self._clock.read(), self._condition.begin())
        if self._config.terminal is None:
            self._following.recall(self.held.far(), self._clock.read())
        self.hooks.before_looking(self._clock.read())
        self._folder.hold()
        if self._peer is not None:
            self._peer.start()  # first: what was paid at the other door should be known when somebody boards
        self._session.start()
        for thread in self._threads:
            thread.start()
        self._looker.start()

    def stop(self) -> None:
        """Stop looking, say goodbye to broker and other door, keep the newest receipt, close journal and copies."""
        self._looker.stop()
        self._stopping.set()
        self._wake.set()
        self._bundles_wake.set()
        self._threads[0].join()
        self._threads[1].join(CHUNK_CALL_TIMEOUT_S)  # one that drips is left to the process's end: it changes no bundle
        if self._place is not None:
            self._threads[2].join()
            self._place.close()
        self._folder.release()
        self._station.say_goodbye()
        self._session.stop()
        if self._peer is not None:
            self._peer.stop()
        try:
            self._station.end(self._clock.read())
        except LocalError as error:
            log.warning("the newest receipt is not kept, and is asked for again: %s", error)
        else:
            self._condition.end()
        finally:
            self._journal.close()
            for copies in (self._copies, *(former.copies for former in self._formers)):
                if copies is not None:
                    copies.close()
            self._signer.close()

    @property
    def failure(self) -> Exception | None:
        """What a thread died of, for the supervisor that ends the process."""
        return self._failure or self._looker.failure or (None if self._peer is None else self._peer.failure)

    def pulses(self) -> list[Pulse]:
        """Every thread of this door as it is now, between `start` and `stop`."""
        sync, *others = self._threads
        parts = [
            Pulse(sync.name, sync.is_alive(), self._turns), *(Pulse(it.name, it.is_alive()) for it in others),
            Pulse("tap-signer", self._signer.alive), Pulse("mqtt", self._session.alive),
        ]  # fmt: skip
        if self._peer is not None:
            parts.append(Pulse("peer", self._peer.alive))
        return parts + self._looker.pulses()

    @property
    def backlog(self) -> int:
        """Records that the backend has not receipted yet."""
        return self._station.backlog

    @property
    def sister_backlog(self) -> int:
        """Records that the other door has not witnessed yet; 0 where there is none."""
        return self._station.sister_backlog

    @property
    def courier_backlog(self) -> int:
        """The other door's records that lie here and that, as far as we know, the backend has not receipted."""
        return self._station.courier_backlog

    def problem(self) -> str:
        """The worst current fault, in words for a person; empty if there is none."""
        return self._diagnosis.problem()

    def condition(self) -> DoorCondition:
        """What this door's own self-test says. A bus without a network is as it should be: no fault."""
        return self._diagnosis.condition()

    @property
    def far_condition(self) -> DoorCondition | None:
        """What the other door last said of itself; None if nothing yet."""
        return self._station.far_condition

    @property
    def online(self) -> bool:
        """Whether there is a session with the backend's broker."""
        return self._session.connected

    @property
    def linked(self) -> bool:
        """Whether the other door is heard."""
        return self._peer is not None and self._peer.connected

    @property
    def clock(self) -> Clock:
        """The clock that taps are timed by."""
        return self._clock

    # --- cameras' threads ---------------------------------------------------------------------------------------------

    def _sighting_came(self, camera: str, sighting: Sighting, frame_mono_ms: int) -> bool:
        now = self._clock.read()
        if self._stands_by.answers(sighting):
            return True
        badge = badge_in(sighting.text, self.boarding.bundle.issuer_keys)
        if badge is not None:  # a driver's, and nobody's fare: no record and no verdict
            self.hooks.on_badge(badge, now)
        if badge is not None or is_vehicle_code(sighting.text):  # the other door's, or our own in a mirror
            return True
        outcome = self.boarding.present(sighting.text, now, settled=sighting.settled)
        if outcome is None:
            return False
        if not outcome.again:
            if TABLE[outcome.showing.verdict].boards:
                self._vehicle.accepted(now.mono_ms)
            self._on_outcome(camera, frame_mono_ms, outcome)
        return True

    # --- the sessions' threads ----------------------------------------------------------------------------------------

    def _message_came(self, message: Message) -> None:
        if message.topic == self._to_all:
            self._bundles.announced(message.payload)
            self._bundles_wake.set()
            if not message.retained:
                self._station.backend_there()
        else:
            came = {
                Channel.RENEWED: self._renewal.came, Channel.GRANT: self.scanned.came,
                Channel.ASSIGNED: self.assigning.came,
            }  # fmt: skip
            came.get(split(message.topic)[1], self._station.message_came)(message.payload)

    # --- the sync thread ----------------------------------------------------------------------------------------------

    def _guard(self, step: Callable[[], None]) -> None:
        """Thread body: what it dies of is kept for the supervisor, which ends the process; nothing is swallowed."""
        try:
            while not self._stopping.is_set():
                step()
        except Exception as failure:
            log.critical("the thread %s ends", threading.current_thread().name, exc_info=failure)
            self._failure = failure

    def _step(self) -> None:
        self._turns += 1
        self._wake.wait(self._station.wait_ms(self._clock.read()) / 1000)
        self._wake.clear()
        self.scanned.step(self._clock.read())  # first: somebody stands there
        now = self._clock.read()
        self._station.step(now)
        self._following.step(now)
        self._renewal.step(now)
        self.assigning.step()
        if now.mono_ms >= self._give_back_ms:
            give_back()
            self._give_back_ms = now.mono_ms + GIVE_BACK_EVERY_MS
        self._station.tell_health(now, self.health)

    # --- the bundles' thread ------------------------------------------------------------------------------------------

    def _step_bundles(self) -> None:
        wait_ms = self._bundles.step(self._clock.read())
        self._bundles_wake.wait(wait_ms / 1000)
        self._bundles_wake.clear()

    # --- the receiver's thread ----------------------------------------------------------------------------------------

    def _step_gnss(self) -> None:
        assert self._place is not None
        self._stopping.wait(self._place.step(self._clock.read) / 1000)

    def _along(self, mono_ms: int) -> tuple[Along | None, Along | None]:
        return (None, None) if self._place is None else self._place.along(mono_ms)

    def _position(self, mono_ms: int) -> Position | None:
        return None if self._place is None else self._place.position(mono_ms)

    def speed_kmh(self, mono_ms: int) -> int | None:
        """How fast the vehicle goes, by its wheels or the last trusted fix, the faster; None where nobody knows."""
        return fastest_kmh(self._vehicle, self._place, mono_ms)

    @property
    def place(self) -> Place | None:
        """Where the vehicle is, where there is a receiver."""
        return self._place

    @property
    def lines(self) -> Lines:
        """The timetable's lines; empty while there is no timetable."""
        book = self._place or self._lines
        return {} if book is None else book.lines

    def health(self) -> Health:
        """The device as it is now."""
        now = self._clock.read()
        told = replace(self._condition.read(), tamper=self._vehicle.tamper(), board=self._vehicle.board(now.mono_ms))
        cameras = tuple(camera.health() for camera in self._looker.cameras)
        return self._station.health(
            now, disk_free=self._diagnosis.disk_free(), cameras=cameras, problem=self.problem(), condition=told
        )  # fmt: skip
