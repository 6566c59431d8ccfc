"""Health and state of devices: verified, kept, and looked at: silence, an old bundle, and what `ailments` finds."""

import logging
from collections.abc import Callable, Sequence

from backend.core.ailments import BLIND, BLIND_FIX, COPIED, RULES, Ailments, Reads
from backend.core.broker_list import BROKER, LIST_ENDS, LIST_FIX
from backend.core.errors import KeyRevoked
from backend.core.fleet import REVOKED_FIX, REVOKED_SPEAKS, Behind, Change, Contact, step
from backend.core.limits import QUARANTINE_BYTES_MAX
from backend.core.ports import Device, FleetStore, IngestStore, Quarantined
from backend.core.said import Age, Words
from protocol.errors import OutOfRange, ProofError, UnknownKey, WireError
from protocol.wire.health import Health, open_health, open_state
from protocol.wire.keys import VerifyingKey
from protocol.wire.topics import Channel

log = logging.getLogger(__name__)
OnAlarm = Callable[[str, str, str, str], None]  # kind, device, detail, fix
SILENT = "silent"
OLD_BUNDLE = "old-bundle"
SAID_BEFORE = "said-before"
_SAID_BEFORE = "its words are old ones: somebody says them again, or it runs on an old copy of its card"
_SAID_BEFORE_FIX = "go and look whether it speaks, and who holds the broker; with a fork, keep its card"
_OURS = frozenset((SILENT, OLD_BUNDLE, SAID_BEFORE, BLIND, *(rule.kind for rule in RULES)))


class FleetWatch:
    """Takes health and state messages, and looks for silence. Used by the ingest thread only."""

    def __init__(
        self,
        *,
        store: FleetStore,
        ingest_store: IngestStore,
        find_device: Callable[[str], tuple[Device, VerifyingKey] | None],
        devices: Callable[[], Sequence[Device]],
        silent_after_s: int,
        old_bundle_after_s: int,
        newest_bundle: Callable[[], int],
        now_ms: Callable[[], int],
        on_alarm: OnAlarm,
        on_ended: Callable[[str, str], None],
        broker_list: Callable[[int], str] = lambda _: "",
    ) -> None:
        self._store = store
        self._ingest_store = ingest_store
        self._find_device = find_device
        self._devices = devices
        self._limit_ms = silent_after_s * 1000
        self._behind, self._behind_ms, self._newest_bundle = Behind(), old_bundle_after_s * 1000, newest_bundle
        self._now_ms = now_ms
        self._on_alarm = on_alarm
        self._on_ended = on_ended
        self._broker_list = broker_list
        self._began_ms = now_ms()
        self._ailments, self._reads, self._words = Ailments(), Reads(), Words(store.said)
        told = store.alarms(open_only=True)  # what an earlier run told of is open until its device says otherwise
        self._open = {(alarm.kind, alarm.device) for alarm in told}
        self._contact = {alarm.device: Contact.SILENT for alarm in told if alarm.kind == SILENT}

    def take(self, channel: Channel, device: str, payload: bytes) -> int | None:
        """One health or state message → the epoch of which its device should be told where we stand, if it should.

        That is at a birth (online), and where a device counts as receipted what we do not hold: the ledger was
        restored, and a bus that nobody boards would not hear of it. A sign of life is health alone, and newer than
        all before it (`core/said`): a state is kept by the broker, and each of both can be said again by who holds it.
        """
        try:
            found = self._find_device(device)
            if found is None:
                raise UnknownKey("a device that is not enrolled", device=device)
            if channel is Channel.HEALTH:
                health = open_health(payload, [found[1]])
                _require(device, health.device)
                self._hear(health, found[0])
                held = self._ingest_store.watermark(device, health.epoch).sequence
                return health.epoch if health.receipted_sequence > held else None
            state = open_state(payload, [found[1]])
            _require(device, state.device)
            self._store.keep_state(state)
        except (WireError, ProofError) as error:
            log.warning("quarantined a %s message of %s: %s", channel.value, device, error)
            self._ingest_store.quarantine(Quarantined(
                device, channel.value, error.name, str(error)[:500], payload[:QUARANTINE_BYTES_MAX], self._now_ms()
            ))  # fmt: skip
            if isinstance(error, KeyRevoked):
                self._on_alarm(REVOKED_SPEAKS, device, str(error), REVOKED_FIX)
            return None
        return state.epoch if state.online else None

    def _hear(self, health: Health, device: Device) -> None:
        age = self._words.age(health, self._now_ms())
        if age is Age.NEW:
            self._store.keep_health(health, self._now_ms())
            if device.serves:
                self._look_at_bundle(health)
                self._look_at(health, device.vehicle)
        elif found := COPIED.find(health, self._now_ms()):  # it lost records that we heard of: all that it says is old
            self._tell(COPIED.kind, health.device, found, COPIED.fix)
        if age is not Age.AGAIN:
            self._tell(SAID_BEFORE, health.device, _SAID_BEFORE if age is Age.OLD else "", _SAID_BEFORE_FIX)

    def _look_at_bundle(self, health: Health) -> None:
        """P12, no freeze unnoticed: a broker can keep a device from newer bundles, but not from our seeing it."""
        newest = self._newest_bundle()
        behind_ms = self._behind.says(health.device, health.bundle_number, newest, self._now_ms())
        if 0 < behind_ms <= self._behind_ms:
            return
        self._tell(
            OLD_BUNDLE, health.device,
            f"bundle {health.bundle_number} is in force, not {newest}, for {behind_ms // 1000} s while it speaks"
            if behind_ms else "",
            "look at its problem, chunks_url and broker; or bring the bundle from the depot",
        )  # fmt: skip

    def _look_at(self, health: Health, vehicle: str) -> None:
        """What the device says of itself, and what its other door's word says of it."""
        now_ms = self._now_ms()
        for rule, found in self._ailments.says(health, now_ms):
            self._tell(rule.kind, health.device, found, rule.fix)
        reads = sum(camera.reads for camera in health.cameras)
        blind = self._reads.says(health.device, vehicle, reads, now_ms)
        if blind is not None:
            self._tell(BLIND, health.device, blind, BLIND_FIX)

    def _tell(self, kind: str, device: str, found: str, fix: str) -> None:
        """Open an alarm of what was found, or end the one that is open."""
        is_open = (kind, device) in self._open
        if found and not is_open:  # what is open is not told again with each word of the device
            self._on_alarm(kind, device, found, fix)
            self._open.add((kind, device))
        elif not found and is_open:
            self._on_ended(kind, device)
            self._open.remove((kind, device))

    def look(self) -> None:
        """Raise and end alarms for silence, and of the broker's list. Who was never heard counts from our beginning."""
        now_ms, seen = self._now_ms(), self._store.last_seen()
        self._tell(LIST_ENDS, BROKER, self._broker_list(now_ms), LIST_FIX)
        found: list[tuple[Device, Contact, Change, int]] = []
        devices = [device for device in self._devices() if device.serves]
        self._leave_gone({device.name for device in devices})
        for device in devices:
            before = self._contact.get(device.name, Contact.OK)
            silent_ms = now_ms - max(seen.get(device.name, 0), self._began_ms if before is Contact.OK else 0)
            after, change = step(before, silent_ms=silent_ms, limit_ms=self._limit_ms)
            if change is not Change.NONE:
                found.append((device, after, change, silent_ms))
        # All at once: where the network of a city fails they are all of its buses.
        silent = [device for device, _, change, _ in found if change is Change.RAISE]
        held = {row.device: row.backlog for row in self._store.devices(silent)} if silent else {}
        for device, after, change, silent_ms in found:
            if change is Change.RAISE:
                self._on_alarm(
                    SILENT, device.name,
                    f"no word for {silent_ms // 1000} s; it held {held[device.name]} unsent records",
                    "look at the bus's network and power; its taps are kept on board",
                )  # fmt: skip
            elif change is Change.END:
                self._on_ended(SILENT, device.name)
            self._contact[device.name] = after

    def _leave_gone(self, listed: set[str]) -> None:
        """What we told of a device ends when it is revoked, or another unit took its door: nobody looks after it."""
        silent = {(SILENT, name) for name, contact in self._contact.items() if contact is Contact.SILENT}
        for kind, name in sorted(self._open | silent):
            if name not in listed and kind in _OURS and self._is_gone(name):
                self._on_ended(kind, name)
                self._open.discard((kind, name))
                self._contact.pop(name, None)

    def _is_gone(self, name: str) -> bool:
        try:
            found = self._find_device(name)
        except KeyRevoked:
            return True
        return found is not None and not found[0].serves


def _require(topic_device: str, named: str) -> None:
    if topic_device != named:
        raise OutOfRange("a message under another device's name", field="device", named=named)
