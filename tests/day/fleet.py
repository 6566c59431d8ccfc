"""Fifteen buses with two doors each, their drivers' terminals, their roads and an office, for one simulated day.

Every door, terminal, record, batch and transfer is the product's own; simulated are time, card, cable, network, sky and
people. Doors ship by their own uplink while the network is there.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backend.adapters.sqlite.store import SqliteStore
from backend.app.cases import CaseDesk
from backend.app.fleet_watch import FleetWatch
from backend.app.ingest import Incoming, Ingest
from backend.app.proofs import ProofDesk
from backend.core.conduct import Case
from backend.core.limits import GROUP_BATCHES_MAX
from backend.core.ports import Device
from backend.core.ports import Rider as Registered
from edge.adapters.copies import ApswCopies
from edge.adapters.tap_signer import InlineTapSigner
from edge.app.far_desk import FarDesk
from edge.app.following import Following
from edge.app.near_desk import NearDesk
from edge.app.other_door import SisterSide
from edge.app.screens import BusFacts
from edge.app.station import Station
from edge.app.terminal import Terminal
from edge.app.whereabouts import Place
from edge.core.desk import DoorState
from edge.core.lines import LineView
from edge.core.ports import Showing
from edge.core.position import Fix
from edge.core.signing_in import Gate
from protocol.fares.verdicts import TABLE
from protocol.wire.bundles import Bundle
from protocol.wire.health import CameraHealth, CameraState
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.records import ClockQuality, Instant, Record, Service
from protocol.wire.topics import Address, Channel, split
from simulators.held_riders import HeldRiders
from simulators.world import MINUTE_MS, World
from tests.day.city import RECEIPTS, SEALING, Person
from tests.edge.door import MemoryJournal, RememberingPanel
from tests.edge.pair import Broker, End

CITY = "isfahan"
PIN = "4711"
ROAD_MS, LAYOVER_MS = 40 * MINUTE_MS, 15 * MINUTE_MS
ROUND_MS = 2 * (ROAD_MS + LAYOVER_MS)
ROAD_E6 = 120_000  # microdegrees of longitude from end to end: 11 km
AIRPORT = (35_689_000, 51_313_000)  # what a forged sky shows: 340 km away


@dataclass
class Sky:
    """One bus's receiver: where it is, or what a forged sky says. A fix each time it is asked."""

    world: World
    lat_e6: int
    offset_ms: int
    jammed: bool = False
    parked: bool = False

    def at(self) -> tuple[int, int]:
        """On the road from end to end and back, with a layover at each; in the depot a street further."""
        if self.parked:
            return self.lat_e6 + 5_000, 51_600_000
        along = (self.world.now_ms + self.offset_ms) % ROUND_MS
        if along < ROAD_MS:
            part = along / ROAD_MS
        elif along < ROAD_MS + LAYOVER_MS:
            part = 1.0
        else:
            part = max(0.0, 1 - (along - ROAD_MS - LAYOVER_MS) / ROAD_MS)
        return self.lat_e6, 51_600_000 + round(part * ROAD_E6)

    def read(self, _timeout_s: float) -> Fix:
        lat_e6, lon_e6 = AIRPORT if self.jammed else self.at()
        now_ms = self.world.now_ms
        return Fix(now_ms, lat_e6, lon_e6, accuracy_m=8, satellites=9, speed_mps=0.0, time_ms=now_ms)

    def close(self) -> None:
        """Nothing to let go."""


class Door:
    """One device. `camera`: what it says of its camera; `covered`: something hangs before it, and it does not know."""

    def __init__(self, fleet: "Fleet", bus: "Bus", number: int, epoch: int) -> None:
        self.fleet, self.bus, self.number, self.name = fleet, bus, number, f"{bus.vehicle}-d{number}"
        self.key = fleet.keys[self.name]
        self.journal, self.panel, self.broker, self.end = MemoryJournal(epoch), RememberingPanel(), Broker(), End()
        self.camera, self.covered = CameraState.WORKING, False
        self.heard: Callable[[Sequence[Record], Instant], None] = lambda _records, _now: None
        other = f"{bus.vehicle}-d{3 - number}"
        # In memory: a day's 7,000 syncs of thirty cards are the machine's disk, and no part of what is asked here.
        copies = ApswCopies(Path(f"/{id(fleet)}-{self.name}-{epoch}.db"), sister=other, vfs="memdb")
        self.station = Station(
            address=Address(CITY, "s0", self.name), service=Service(bus.vehicle, number, bus.line, 0),
            bundle=fleet.bundle, journal=self.journal, riders=HeldRiders(), tap_signer=InlineTapSigner(self.key),
            key=self.key, panel=self.panel, clock=self, session=self.broker,
            sister=SisterSide(
                other, fleet.keys[other].verifying, copies, self.end, on_records=lambda told, now: self.heard(told, now),  # noqa: PLW0108 - wired later
            ),
            software="day", randomness=fleet.world.rng.randbytes, wake=lambda: None, heard=lambda _: None,
            position=lambda mono_ms: self.place.position(mono_ms),  # noqa: PLW0108 - made after it
        )  # fmt: skip
        self.place = Place(door=self.station.boarding, open_source=lambda: bus.sky, witness=lambda _a, _b: None)
        self.station.begin(self.read())

    def read(self) -> Instant:
        """Its clock is right."""
        now_ms = self.fleet.world.now_ms
        return Instant(now_ms, now_ms, ClockQuality.TRUSTED, 1)

    @property
    def reads(self) -> bool:
        """Whether a code that is held up is read."""
        return self.camera is CameraState.WORKING and not self.covered

    def show(self, code: bytes) -> Showing:
        """A code that is read; what the panel says then."""
        self.place.step(self.read)
        before = len(self.panel.shown)
        self.station.boarding.present(code, self.read(), settled=True)
        (shown,) = self.panel.shown[before:]
        self.fleet.told[shown.verdict] += 1
        return shown

    def step(self) -> None:
        """What is due on its sync thread."""
        self.station.step(self.read())

    def tell_health(self) -> None:
        """A word of how it is, if somebody listens."""
        camera = CameraHealth("front", self.camera, 1, 0, 1)
        now = self.read()
        self.station.tell_health(
            now, lambda: self.station.health(now, disk_free=1 << 30, cameras=(camera,), problem="")
        )


class Bus:
    """Two doors, the cable between them, the terminal at the front one."""

    def __init__(self, fleet: "Fleet", number: int, line: str, lat_e6: int) -> None:
        self.fleet, self.vehicle, self.line = fleet, f"bus-{number}", line
        self.sky = Sky(fleet.world, lat_e6, number * 7 * MINUTE_MS)
        self.driver, self.token = "", ""
        for door in (1, 2):
            fleet.keys[f"{self.vehicle}-d{door}"] = SigningKey.from_secret(fleet.world.rng.randbytes(32))
        self.front, self.rear = (Door(fleet, self, door, 1_000 * number + door) for door in (1, 2))
        self.doors = (self.front, self.rear)
        far = FarDesk(
            2, self.front.station.boarding, self._far_state, lambda seen: self.terminal.saw(seen),  # noqa: PLW0108 - made later
            lambda sequence: self.terminal.took_back(2, sequence),
        )  # fmt: skip
        self.following = Following(self.rear.station.boarding)
        self.front.heard, self.rear.heard = far.records_came, self.following.records_came
        self.desk = NearDesk(self.front.station.boarding, self._state)
        self.terminal = Terminal(
            desks=[self.desk, far],
            facts=BusFacts(self.vehicle, fleet.lines, "137", lambda persons: persons * 60_000, list),
            gate=Gate(lambda: fleet.bundle.staff, lambda: fleet.bundle.issuer_keys),
            randomness=fleet.world.rng.randbytes,
        )  # fmt: skip
        for door in self.doors:
            door.end.connected = True
            door.station.link_changed(connected=True)
        self.online(yes=True)

    def _state(self, _now: Instant) -> DoorState:
        """The self-test: a camera that is covered still gives frames."""
        return DoorState(0, "", online=True, healthy=self.front.camera is CameraState.WORKING)

    def _far_state(self, _now: Instant) -> DoorState:
        return DoorState(0, "", online=True, healthy=self.rear.camera is CameraState.WORKING)

    @property
    def now(self) -> Instant:
        """The front door's clock."""
        return self.front.read()

    def online(self, *, yes: bool) -> None:
        """The bus's modem."""
        for door in self.doors:
            door.broker.connected = yes
            door.station.session_changed(connected=yes)

    def talk(self) -> None:
        """Both doors do what is due, and hear each other, until there is no more to say."""
        for _ in range(6):
            for door in self.doors:
                door.step()
            if not any(door.end.out for door in self.doors):
                return
            for door, hearer in ((self.front, self.rear), (self.rear, self.front)):
                said, door.end.out[:] = list(door.end.out), []
                for data in said:
                    hearer.station.sister_came(data)

    # --- its driver ---------------------------------------------------------------------------------------------------

    def sign_in(self, driver: str) -> None:
        """A driver begins, and chooses the line."""
        self.driver = driver
        self.token = self.terminal.sign_in(driver, PIN, self.now)
        self.terminal.serve(self.token, self.line, 0, self.now)
        self.talk()

    def sign_out(self) -> None:
        """The shift's end."""
        self.terminal.end(self.token, self.now)
        self.terminal.leave(self.token, self.now)
        self.talk()

    def step(self) -> None:
        """What is due on the terminal's thread, and at the door that follows."""
        self.terminal.step(self.now)
        self.talk()
        self.following.step(self.rear.read())

    @property
    def rides_free(self) -> bool:
        """Whether the terminal shows a free ride."""
        return self.terminal.view(self.token, self.now).free_ride is not None


@dataclass
class Office:
    """Ingest, fleet watch and cases over a ledger of its own.

    `held`: every batch that it was given; `said`: every other message, and when. `at_ms`: its clock, if not the world's.
    """

    fleet: "Fleet"
    path: Path
    held: list[Incoming] = field(default_factory=list)
    said: list[tuple[int, Channel, str, bytes]] = field(default_factory=list)
    at_ms: int | None = None
    alarms: set[tuple[str, str]] = field(default_factory=set)
    riders: dict[bytes, Registered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = SqliteStore(self.path, CITY)
        now_ms = self.now_ms
        self.store.know_drivers([it.number for it in self.fleet.bundle.staff], self.fleet.bundle.number)
        self.ingest = Ingest(
            store=self.store, find_device=self.find, proofs=ProofDesk(SEALING, self.store.day_key, self.store.riders),
            find_issue=lambda _: None, tariffs={self.fleet.bundle.tariff.version: self.fleet.bundle.tariff},
            receipt_signer=RECEIPTS, now_ms=now_ms, on_alarm=self._alarm,
        )  # fmt: skip
        self.watch = FleetWatch(
            store=self.store, ingest_store=self.store, find_device=self.find, devices=self.devices, silent_after_s=600,
            old_bundle_after_s=600, newest_bundle=lambda: 0, now_ms=now_ms, on_alarm=self._alarm,
            on_ended=lambda *_: None,
        )  # fmt: skip
        self.cases = CaseDesk(self.store, self.devices, now_ms)

    def now_ms(self) -> int:
        """Its clock."""
        return self.fleet.world.now_ms if self.at_ms is None else self.at_ms

    def _alarm(self, kind: str, device: str, *_: str) -> None:
        self.alarms.add((kind, device))

    def devices(self) -> list[Device]:
        """The registry."""
        return [
            Device(name, "s0", name[:-3], int(name[-1]), key.public) for name, key in sorted(self.fleet.keys.items())
        ]

    def find(self, name: str) -> tuple[Device, VerifyingKey] | None:
        """One of it."""
        key = self.fleet.keys.get(name)
        return None if key is None else (Device(name, "s0", name[:-3], int(name[-1]), key.public), key.verifying)

    def register(self, person: Person) -> None:
        """A rider signs up."""
        row = Registered(
            person.credential_id, person.credential, person.rider_class, person.credential_id * 4, self.now_ms()
        )
        self.riders[row.credential_id] = row
        self.store.add_rider(row)

    def hear(self, doors: Iterable[Door]) -> None:
        """What these doors have published since; their receipts go back."""
        batches: list[Incoming] = []
        stations: dict[str, Door] = {}
        for door in doors:
            stations[door.name] = door
            said, door.broker.published[:] = list(door.broker.published), []
            for topic, payload in said:
                address, channel = split(topic)
                if channel is Channel.TAPS:
                    batches.append(Incoming(address.device, payload))
                else:
                    self.said.append((self.now_ms(), channel, address.device, payload))
                    self.watch.take(channel, address.device, payload)
        self.held += batches
        for group in batched(batches, GROUP_BATCHES_MAX):
            for out in self.ingest.take(group):
                stations[out.device].station.message_came(out.receipt)

    def again(self, path: Path, batches: Iterable[Incoming], *, words_of: Collection[str]) -> "Office":
        """Another office that hears the same batches in this order, and these devices' words when they came."""
        other = Office(self.fleet, path)
        for credential, row in self.riders.items():
            assert credential == row.credential_id
            other.store.add_rider(row)
        for at_ms, channel, device, payload in self.said:
            other.at_ms = at_ms
            if device in words_of:
                other.watch.take(channel, device, payload)
        other.at_ms = None
        for group in batched(batches, GROUP_BATCHES_MAX):
            other.ingest.take(group)
        other.cases.look()
        return other

    def standing(self) -> dict[tuple[str, str], Case]:
        """The cases that stand, by kind and subject."""
        return {(it.case.kind.value, it.case.subject): it.case for it in self.store.cases(open_only=True)}


def batched(batches: Iterable[Incoming], most: int) -> Iterator[list[Incoming]]:
    """Groups as the worker makes them."""
    rest = list(batches)
    for at in range(0, len(rest), most):
        yield rest[at : at + most]


class Fleet:
    """Everything. `told`: what the doors' panels said, by verdict."""

    def __init__(self, world: World, folder: Path, lines: dict[str, list[int]], bundle: Bundle) -> None:
        self.world, self.folder, self.bundle = world, folder, bundle
        self.keys: dict[str, SigningKey] = {}
        self.told: Counter[int] = Counter()
        self._lines = {line: LineView(line, line, line, (0, 1), ("", ""), ("", "")) for line in lines}
        self.buses = {
            number: Bus(self, number, line, 32_600_000 + 10_000 * place)
            for place, (line, numbers) in enumerate(lines.items()) for number in numbers
        }  # fmt: skip
        self.office = Office(self, folder / "ledger.db")

    def lines(self) -> dict[str, LineView]:
        """What a driver may choose."""
        return self._lines

    def sync(self) -> None:
        """Whoever has a network is heard."""
        for bus in self.buses.values():
            bus.talk()
        self.office.hear(door for bus in self.buses.values() for door in bus.doors)

    @property
    def charged(self) -> int:
        """Boardings that the doors said are charged."""
        return sum(count for verdict, count in self.told.items() if TABLE[verdict].charged)  # type: ignore[index]
