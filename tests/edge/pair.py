"""Two doors of one bus with the cable between them in the test's hands: stations over memory journals and real copies."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.adapters.copies import ApswCopies
from edge.adapters.tap_signer import InlineTapSigner
from edge.app.other_door import SisterSide
from edge.app.station import Station
from edge.core.errors import JournalFailed
from edge.core.ports import Copies
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from protocol.wire import chain
from protocol.wire.batches import decode_batch, encode_batch
from protocol.wire.keys import SigningKey
from protocol.wire.receipts import Receipt, encode_receipt
from protocol.wire.records import Instant, Service
from protocol.wire.sister import Along, DoorCondition, SisterWord, encode_sister, open_sister
from protocol.wire.topics import Address, Channel
from simulators.held_riders import HeldRiders
from tests.edge.door import BACKEND, DEVICE, MemoryJournal, RememberingPanel, Rider, at, bundle

OTHER = SigningKey.from_secret(b"other device" + bytes(20))
FRONT, REAR = "bus-1-d1", "bus-1-d2"
KEYS = {FRONT: DEVICE, REAR: OTHER}


@dataclass
class End:
    """One end of the cable: what was sent waits in `out` until the test hands it over."""

    connected: bool = False
    takes: bool = True
    tried: int = 0
    out: list[bytes] = field(default_factory=list)
    problem: SavarError | None = None

    def send(self, data: bytes) -> bool:
        self.tried += 1
        if not self.connected or not self.takes:
            return False
        self.out.append(data)
        return True


@dataclass
class Broker:
    """A session that remembers what was published."""

    connected: bool = False
    published: list[tuple[str, bytes]] = field(default_factory=list)
    problem: SavarError | None = None

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        del retain
        if self.connected:
            self.published.append((topic, payload))
        return self.connected


class ReadOnlyCopies(ApswCopies):
    """Copies on a card that takes nothing while `broken`."""

    broken = False

    def add(self, *args: object) -> None:
        if self.broken:
            raise JournalFailed("the card is read-only")
        super().add(*args)  # type: ignore[arg-type]


class Door:
    """A station, and everything around it. `clock` is what its own clock reads."""

    def __init__(self, name: str, journal: MemoryJournal, copies: Copies, now: Instant, **rules: object) -> None:
        self.name, self.journal, self.copies, self.clock = name, journal, copies, now
        self.other = REAR if name == FRONT else FRONT
        self.panel, self.end, self.broker = RememberingPanel(), End(), Broker()
        self.heard: list[int] = []
        self.woken = 0
        self.condition: DoorCondition | None = None
        self.along: tuple[Along | None, Along | None] = (None, None)
        self.station = Station(
            address=Address("testabad", "s0", name), service=Service("bus-1", 1 if name == FRONT else 2, "r9", 0),
            bundle=bundle(**rules), journal=journal, riders=HeldRiders(), tap_signer=InlineTapSigner(KEYS[name]), key=KEYS[name], panel=self.panel,
            clock=self, session=self.broker, sister=SisterSide(self.other, KEYS[self.other].verifying, copies, self.end),
            software="test", randomness=lambda size: bytes(range(size)), wake=self._woken, heard=self.heard.append,
            condition=lambda: self.condition, along=lambda _: self.along,
        )  # fmt: skip
        self.station.begin(now)

    def _woken(self) -> None:
        self.woken += 1

    def read(self) -> Instant:
        return self.clock

    def step(self, now: Instant) -> None:
        self.clock = now
        self.station.step(now)

    def board(self, rider: Rider, now: Instant, **changes: int) -> None:
        self.show(rider.code(now, **changes), now)

    def show(self, code: bytes, now: Instant) -> None:
        self.station.boarding.present(code, now, settled=True)

    def online(self, *, yes: bool = True) -> None:
        self.broker.connected = yes
        self.station.session_changed(connected=yes)

    def receipt(self, sequence: int, now: Instant, **changes: object) -> bytes:
        """The backend's word on this door's journal."""
        rows = self.journal.read(sequence, 1, 1 << 20)
        head = chain.head_of(rows[0].raw) if rows else chain.GENESIS
        it = Receipt(self.name, self.journal.head.epoch, sequence, head, 1, bytes(32), now.wall_ms)
        return encode_receipt(replace(it, **changes), BACKEND)  # type: ignore[arg-type]

    @property
    def carried(self) -> list[tuple[str, int, int]]:
        """(device, first, last) of every batch handed to the backend's session so far."""
        batches = [decode_batch(data) for topic, data in self.broker.published if topic.endswith(Channel.TAPS.value)]
        return [(it.device, it.first, it.last) for it in batches]


class Pair:
    """Both doors. Each is begun at `at()`; `plug` and `talk` when the test says so."""

    def __init__(self, tmp_path: Path, **rules: object) -> None:
        self._folder, self._rules = tmp_path, rules
        self.front = self._door(FRONT, MemoryJournal(11), at())
        self.rear = self._door(REAR, MemoryJournal(12), at())

    def _door(self, name: str, journal: MemoryJournal, now: Instant, card: int = 1) -> Door:
        other = REAR if name == FRONT else FRONT
        return Door(name, journal, ReadOnlyCopies(self._folder / f"{name}-{card}.db", sister=other), now, **self._rules)

    def restart(self, door: Door, now: Instant, *, blank: bool = False) -> Door:
        """A new station over the same card, or over a blank one. The cable is out until it is plugged in again."""
        self.unplug()
        door.copies.close()  # type: ignore[attr-defined]
        journal = MemoryJournal(door.journal.head.epoch + 10) if blank else door.journal
        again = self._door(door.name, journal, now, card=2 if blank else 1)
        if door.name == FRONT:
            self.front = again
        else:
            self.rear = again
        return again

    def talk_under(self, tariff: Tariff) -> None:
        """Both doors under a bundle with this tariff, the cable in, and each has heard the other."""
        for door in (self.front, self.rear):
            door.station.bundle_came(bundle(tariff=tariff, number=4))
        self.plug()
        self.talk(at())

    def plug(self) -> None:
        for door in (self.front, self.rear):
            door.end.connected = True
            door.station.link_changed(connected=True)

    def unplug(self) -> None:
        for door in (self.front, self.rear):
            door.end.connected = False
            door.end.out.clear()
            door.station.link_changed(connected=False)

    def talk(self, now: Instant) -> None:
        """Both step, and what they say is handed over, until neither has anything to say."""
        for _ in range(50):
            self.front.step(now)
            self.rear.step(now)
            if not (self.front.end.out or self.rear.end.out):
                return
            for door, hearer in ((self.front, self.rear), (self.rear, self.front)):
                said, door.end.out[:] = list(door.end.out), []
                for data in said:
                    hearer.station.sister_came(data)
        raise AssertionError("the doors do not come to rest")


def words(door: Door) -> list[SisterWord]:
    """What waits at this end of the cable."""
    return [open_sister(data, KEYS[door.name].verifying) for data in door.end.out]


def copied(door: Door) -> list[tuple[int, int, bytes]]:
    return [(mark.epoch, mark.sequence, mark.head) for mark in door.copies.held()]


def whole(door: Door) -> list[tuple[int, int, bytes]]:
    head = door.journal.head
    return [(head.epoch, head.sequence, head.hash)]


def shipped(journal: MemoryJournal, first: int = 1, last: int = 99, *, device: str = FRONT) -> bytes:
    """A batch of a journal of the front door."""
    rows = journal.read(first, last + 1 - first, 1 << 20)
    return encode_batch(device, journal.head.epoch, first, [row.raw for row in rows], rows[-1].signature)


def say(door: Door, word: SisterWord, now_s: float = 5) -> None:
    """Hand the rear door a message of the front door's."""
    door.station.sister_came(encode_sister(word, DEVICE))
    door.step(at(now_s))
