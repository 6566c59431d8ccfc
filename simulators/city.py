"""A city in one process: real rooms wired over an embedded broker, with riders before simulated cameras.

    riders ─▶ SimulatedCamera ─▶ the validator's own decode loop, journal, uplink ─▶ CuttableProxy ─▶ broker ─▶ backend

Everything listens on loopback. Keys, riders and the script come from one seed; times are the machine's own.
"""

import csv
import json
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from backend.app.backend import Backend
from backend.app.config import load_config as load_backend
from edge.adapters.clock import SystemClock
from edge.adapters.console_panel import SilentPanel
from edge.adapters.rider_table import RiderTable
from edge.app.boarding import Outcome
from edge.app.config import load_config as load_validator
from edge.app.validator import Validator
from edge.core.ports import Panel, Showing
from protocol.fares.tariff import RiderClass, Tariff
from protocol.localtime import service_day
from protocol.wire.keys import SigningKey
from protocol.wire.riders import encode_rows
from protocol.wire.tickets import TicketForm
from provisioning.app.broker import use_password_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.pairs import pair_doors
from provisioning.app.tickets import Terms, make_tickets
from provisioning.core.city import identities
from simulators.broker import EmbeddedBroker
from simulators.camera.plain import Scene
from simulators.camera.source import PresentedLog, Rhythm, SimulatedCamera
from simulators.errors import SimulatorError
from simulators.network import CuttableProxy
from simulators.office import Office, two_of_operations
from simulators.payments.server import PaymentServer
from simulators.phones import Phones
from simulators.riders import CREDENTIAL_DAYS, Crowd
from simulators.script import Codes, Presentation, Script

CITY = "isfahan"
TARIFF = Tariff(1, 60_000, {int(RiderClass.STUDENT): 500, int(RiderClass.SENIOR): 100})
CLASSES = (RiderClass.ADULT, RiderClass.ADULT, RiderClass.ADULT, RiderClass.STUDENT, RiderClass.SENIOR)
RIDERS_A_BUS = 60  # each boards a bus about once in the repeat window of three minutes
FIRST_TOPUP_RIALS = 500_000
TICKETS = 200  # printed single rides: half an hour of a calm city; behind them everybody has a phone
TOPUPS = 6  # riders who top up before they ride
BRISK = Rhythm(fps=18.0, frames_shown=5, frames_between=2)  # a rider every 0.4 s: many in a short run
CALM = Rhythm(fps=15.0, frames_shown=12, frames_between=12)  # one every 1.6 s: the crowd lasts for hours
CLASSES_OF_MATCH = ("matched", "ours_only", "theirs_only", "amount_differs")
LOOPBACK = "127.0.0.1"
HTTP_PORT = 8080  # of the status page, if nobody has it; 0 is any that is free
OFFER_WAIT_S = 0.2
DRAIN_WAIT_S = 60.0
DECISIONS_KEPT = 100_000  # a run without an end keeps the newest


@dataclass(slots=True)
class Tally:
    """What a terminal shows while the city runs. The audit counts anew from the disk; nothing here is a result."""

    shown: int = 0
    boarded: int = 0
    refused: int = 0
    decision_ms: deque[float] = field(default_factory=lambda: deque(maxlen=DECISIONS_KEPT))
    last: dict[str, Showing] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, door: str, elapsed_ms: float, outcome: Outcome) -> None:
        """One answer at a door."""
        with self.lock:
            self.shown += 1
            self.boarded += outcome.showing.row.boards
            self.refused += not outcome.showing.row.boards
            self.decision_ms.append(elapsed_ms)
            self.last[door] = outcome.showing


class City:
    """`prepare`, `start`, `play`, `drain`, `stop`; `say` is told what is being set up. A bus has one door or two.

    `panel_of`: what shows a door's verdicts besides the tally, by its device. `app`: the built passengers' app that
    the backend serves; None: none is served.
    """

    def __init__(
        self,
        root: Path,
        *,
        buses: int,
        seed: int,
        say: Callable[[str], None],
        rhythm: Rhythm = BRISK,
        doors: int = 1,
        panel_of: Callable[[str], Panel] = lambda _door: SilentPanel(),
        http_port: int = HTTP_PORT,
        app: Path | None = None,
    ) -> None:
        self.root = root
        self._panel_of, self._http_port, self._app = panel_of, http_port, app
        self._rhythm = rhythm
        self.tally = Tally()
        self._seed = seed
        self._say = say
        self._names = [f"bus-{number:04}" for number in range(1, buses + 1)]
        self._doors = doors
        self._clock = SystemClock(trust="operator", floor_ms=0)
        self._crowd = Crowd(seed, RIDERS_A_BUS * buses, CLASSES)
        self._codes = Codes(self._crowd)
        spacing_ms = round(1000 * (rhythm.frames_shown + rhythm.frames_between) / rhythm.fps)
        self._script = iter(
            Script(seed, self._names, self._crowd.riders, TARIFF, tickets=TICKETS, spacing_ms=spacing_ms)
        )
        self._next: Presentation | None = None
        self._cameras: dict[str, SimulatedCamera] = {}
        self._validators: dict[str, Validator] = {}

    # --- setting up -------------------------------------------------------------------------

    def prepare(self) -> None:
        """Keys, certificates, devices, configuration files, all under `root`."""
        self._say("authority, keys, bundle, devices")
        randomness = Random(f"city {self._seed}").randbytes  # noqa: S311 - a city of loopback, replayed from its seed
        now = datetime.now(UTC)
        self._provider = PaymentServer(merchant="savar-dev", seed=self._seed)
        self._provider.start()
        create_city(
            self.root, name=CITY, tariff=TARIFF, http_port=_free_port(self._http_port, 0),
            payments=(self._provider.url, "savar-dev"), now=now, randomness=randomness,
        )  # fmt: skip
        if self._app is not None:
            with (self.root / "backend" / "backend.toml").open("a") as settings:
                settings.write(f"\n[passenger]\npages = {json.dumps(str(self._app.resolve()))}\n")
        self._print_tickets(service_day(self._clock.read().wall_ms), randomness)
        for bus in self._names:
            for door in range(1, self._doors + 1):
                add_device(
                    self.root, device=f"{bus}-d{door}", vehicle=bus, door=door, route="r9",
                    cameras=[("front", "folder:simulated")], clock_trust="operator", now=now, randomness=randomness,
                )  # fmt: skip
            if self._doors == 2:
                pair_doors(self.root, f"{bus}-d1", f"{bus}-d2", where=(LOOPBACK, _free_port(0)))
        self._wire_broker(randomness)

    def _print_tickets(self, today: int, randomness: Callable[[int], bytes]) -> None:
        """As the office does, but for the drawings: the cameras draw what they show."""
        terms = Terms(TicketForm.SINGLE, RiderClass.ADULT, 0, today, today + CREDENTIAL_DAYS, 0)
        made = make_tickets(
            self.root,
            "singles",
            terms,
            count=TICKETS,
            issuer="main",
            now=datetime.now(UTC),
            randomness=randomness,
            draw=lambda _: "",
        )
        with made.codes.open(newline="") as table:
            self._crowd.tickets = [row["code"] for row in csv.DictReader(table)]

    def _wire_broker(self, randomness: Callable[[int], bytes]) -> None:
        """The backend stands beside the broker; buses reach it over the network that can be cut."""
        devices = [f"{bus}-d{door}" for bus in self._names for door in range(1, self._doors + 1)]
        roles = identities(CITY, "s0", devices)
        passwords = use_password_broker(self.root, port=1, randomness=randomness)
        self._broker = EmbeddedBroker(passwords, self.root / "broker", roles=roles)
        self._broker.start()
        self._network = CuttableProxy(LOOPBACK, self._broker.port)
        self._network.start()
        use_password_broker(self.root, port=self._network.port, randomness=randomness)
        backend = self.root / "backend" / "backend.toml"
        text = backend.read_text()
        backend.write_text(text.replace(f"port = {self._network.port}", f"port = {self._broker.port}"))

    def start(self) -> None:
        """Backend, riders with their first top-ups, validators."""
        self._say("backend and status page")
        self._backend = Backend(load_backend(self.root / "backend" / "backend.toml"))
        self._backend.start()
        self._say(f"{len(self._crowd.riders)} riders register their keys over the API")
        keys = self.root / "backend" / "keys"
        tokens = two_of_operations(self._backend.store, self._clock.read().wall_ms, os.urandom)
        office = Office(self._backend.url, tokens)
        self._phones = Phones(self._backend.url, (keys / "ops.token").read_text().strip(), office)
        for rider in self._crowd.riders:
            self._phones.register(rider)
        for rider in self._crowd.riders[:TOPUPS]:
            self._phones.top_up(rider, FIRST_TOPUP_RIALS)
        issuer = SigningKey.from_pem((keys / "issuer.key.pem").read_bytes())
        self._crowd.issue_strangers([issuer.verifying], service_day(self._clock.read().wall_ms))
        self._say(f"{len(self._names)} buses with their cameras")
        self._log = PresentedLog(self.root / "presented.jsonl")
        for bus in self._names:
            for door in range(1, self._doors + 1):
                self._start_door(bus, door)

    def _start_door(self, bus: str, door: int) -> None:
        device = f"{bus}-d{door}"
        camera = SimulatedCamera(
            Scene(f"{self._seed} {device}"), self._codes.text, self._log, clock=self._clock, sleep=time.sleep,
            rhythm=self._rhythm,
        )  # fmt: skip

        def answered(_camera: str, frame_mono_ms: int, outcome: Outcome) -> None:
            self.tally.note(device, self._clock.read().mono_ms - frame_mono_ms, outcome)

        folder = self.root / "devices" / device
        table = RiderTable(folder / "data" / "riders.table")  # by hand: no bundle brings it yet
        table.replace([encode_rows(rider.row for rider in self._crowd.riders)], number=1)
        validator = Validator(
            load_validator(folder / "validator.toml"), panel=self._panel_of(device),
            sources={"front": camera}, on_outcome=answered,
        )  # fmt: skip
        validator.start()
        self._cameras[device], self._validators[device] = camera, validator

    # --- running ----------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The status page."""
        return self._backend.url

    @property
    def backlog(self) -> int:
        """Records on the buses that the backend has not receipted."""
        return sum(validator.backlog for validator in self._validators.values())

    def play(self, seconds: float | None, stop: threading.Event, *, cut_s: float = 0) -> None:
        """Show the script for so long (None: until `stop`), the network cut for `cut_s` in the middle."""
        director = threading.Thread(target=self._direct, args=(stop,), name="director", daemon=True)
        director.start()
        if seconds is None:
            stop.wait()
        else:
            stop.wait((seconds - cut_s) / 2)
            if cut_s and not stop.is_set():
                self._cut(cut_s, stop)
            stop.wait((seconds - cut_s) / 2)
            stop.set()
        director.join()

    def _cut(self, cut_s: float, stop: threading.Event) -> None:
        self._say(f"the network is cut for {cut_s:g} s; the buses go on")
        self._network.cut()
        stop.wait(cut_s)
        self._network.restore()
        self._say("the network is back; the buses send what they kept")

    def _direct(self, stop: threading.Event) -> None:
        """Bring riders to the doors at the script's times; a door that is busy keeps its rider waiting."""
        began: float | None = None
        while True:
            showing = self._next or next(self._script)
            self._next = showing  # until it is offered: the script counts on every showing being shown
            began = began or time.monotonic() - showing.at_ms / 1000
            while time.monotonic() - began < showing.at_ms / 1000:
                if stop.wait(0.01):
                    return
            camera = self._cameras[f"{showing.bus}-d{1 + showing.salt % self._doors}"]
            while not camera.offer(showing, 0 if stop.is_set() else OFFER_WAIT_S):
                if stop.is_set():
                    return
            self._next = None
            if stop.is_set():
                return

    def drain(self) -> bool:
        """Let the phones in hand be shown to their end, and the buses send what they have. False if they could not."""
        self._say("last riders board; the buses send what they have")
        until = time.monotonic() + DRAIN_WAIT_S
        while not all(camera.idle for camera in self._cameras.values()) or self.backlog:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def failure(self) -> Exception | None:
        """What a thread of a room died of, if one did."""
        found = [self._backend.failure, *(validator.failure for validator in self._validators.values())]
        return next((failure for failure in found if failure is not None), None)

    def statement(self) -> str:
        """The provider's statement, matched against the top-ups by the backend, in words."""
        found = self._phones.reconcile(self._provider.statement())
        return ", ".join(f"{found[name]['count']} {name.replace('_', ' ')}" for name in CLASSES_OF_MATCH)

    def stop(self) -> None:
        """End everything that was started, in whatever state it is."""
        self._say("stopping")
        for validator in self._validators.values():
            validator.stop()
        for name in ("_phones", "_backend", "_network", "_broker", "_provider", "_log"):
            part = getattr(self, name, None)
            if part is not None:
                (part.close if name in ("_phones", "_log") else part.stop)()


def _free_port(*wished: int) -> int:
    """The first of these that nobody has; 0 is any that is free."""
    for port in wished:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SimulatorError(f"no free port on {LOOPBACK}", fix="end some programs that listen there")
