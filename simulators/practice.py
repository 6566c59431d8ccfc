"""The driver's terminal with a bus that is not there: for drivers who learn it, and for the tests of its pages.

The terminal, its rules and its API are the real ones. The doors are `PracticeDesk`: they keep what they are told in
memory, answer as they are asked to, and charge the practice fare; nothing is signed, and no ledger hears of it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from edge.adapters.onboard_http import make_app
from edge.adapters.onboard_server import OnboardServer
from edge.app.screens import BusFacts
from edge.app.terminal import Terminal
from edge.core.desk import DoorState, Duty, Seen
from edge.core.errors import DoorUnreached
from edge.core.lines import LineView
from edge.core.ports import Clock
from edge.core.signing_in import Gate
from protocol.fares.hints import Hint
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.limits import NONCE_BYTES, PARTY_MAX, VEHICLE_CODE_PERIOD_S
from protocol.wire.badges import issue_badge, open_badge
from protocol.wire.codes import write_code
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from protocol.wire.keys import SigningKey
from protocol.wire.records import Instant
from protocol.wire.staff import StaffRow, make_row
from protocol.wire.vehicle_codes import VehicleCode, make_vehicle_code, write_vehicle_url

FARE_RIALS = 60_000
DRIVER, PIN = "4021", "1234"  # nobody's: it opens a practice bus and nothing else
ISSUER = SigningKey.from_secret(b"practice" + bytes(24))  # nobody's either
BADGE_ID = bytes(range(1, 9))
RIDERS_URL = "https://savar.example"  # nobody's, by RFC 2606: what its code opens is not there
_LAST_DAY = 65_535
STEP_S = 0.5
_SALT = bytes(range(16))
_BOTH = (0, 1)
_PLACES = (
    ("میدان امام حسین", "Emam Hossein Square"), ("ملک‌شهر", "Malekshahr"), ("خوراسگان", "Khorasgan"),
    ("شاهین‌شهر", "Shahin Shahr"), ("میدان آزادی", "Azadi Square"), ("پایانهٔ صفه", "Soffeh Terminal"),
)  # fmt: skip


def _practice_lines() -> dict[str, LineView]:
    """Four lines that are there, and as many others as make a driver look for one."""
    known = [
        LineView("91", "91", "91", _BOTH, ("میدان امام حسین", "دانشگاه اصفهان"),
                 ("Emam Hossein Square", "University of Isfahan")),
        LineView("24", "24", "24", _BOTH, ("ملک‌شهر", "میدان آزادی"), ("Malekshahr", "Azadi Square")),
        LineView("10", "10", "10", _BOTH, ("خوراسگان", "پایانهٔ باغ قوشخانه"),
                 ("Khorasgan", "Bagh-e Qoushkhaneh Terminal")),
        LineView("37", "37", "37", _BOTH, ("شاهین‌شهر", "میدان جمهوری"), ("Shahin Shahr", "Jomhuri Square")),
    ]  # fmt: skip
    for number in range(40, 60):
        (fa, en), (back_fa, back_en) = _PLACES[number % 6], _PLACES[(number + 1) % 6]
        known.append(LineView(f"{number}", f"{number}", f"{number}", _BOTH, (fa, back_fa), (en, back_en)))
    return {line.route: line for line in known}


_LINES = _practice_lines()


@dataclass(slots=True)
class PracticeDesk:
    """A door that fills `Desk` in memory. `told` is its journal in words; who plays sets `reached` and `healthy`."""

    door: int
    told: list[tuple[str, ...]] = field(default_factory=list)
    sequence: int = 0
    free: bool = False
    healthy: bool = True
    reached: bool = True
    problem: str = ""
    queue: int = 0
    asks: bool = False  # another device: it is asked for an annulment, and answers with its own record
    asked: list[int] = field(default_factory=list)

    def state(self, _now: Instant) -> DoorState:
        """As it was set."""
        return DoorState(self.queue, self.problem, online=self.queue == 0, healthy=self.healthy, follows=self.reached)

    def _note(self, *words: object) -> int:
        self.sequence += 1
        self.told.append(tuple(str(word) for word in words))
        return self.sequence

    def begin_shift(self, duty: Duty, _now: Instant) -> None:
        """A driver begins."""
        self._note("begin", duty.driver)

    def serve(self, duty: Duty, _now: Instant) -> None:
        """Line and direction."""
        self._note("line", duty.route, duty.direction)

    def end_shift(self, duty: Duty, _now: Instant) -> None:
        """The driver ends."""
        self._note("end", duty.driver)

    def free_ride(self, _duty: Duty, cause: FreeCause | None, _now: Instant) -> None:
        """Free from now, or no more."""
        self.free = cause is not None
        self._note("free", "ended" if cause is None else cause.name)

    def proxy(self, _duty: Duty, companions: int, now: Instant) -> Seen:
        """On the driver's float."""
        persons, sequence = 1 + companions, self._note("proxy", 1 + companions)
        fare = persons * FARE_RIALS
        return Seen(self.door, sequence, now, Verdict.ACCEPTED, Reason.PROXY, fare, persons, proxy=True)

    def annul(self, _duty: Duty, sequence: int, reason: AnnulReason, _now: Instant) -> bool:
        """Taken back, or asked for. Raises DoorUnreached."""
        if not self.reached:
            raise DoorUnreached(f"door {self.door} does not answer", fix="look at the cable between the doors")
        self._note("annul", sequence, reason.name)
        if self.asks:
            self.asked.append(sequence)
        return not self.asks

    def event(self, duty: Duty | None, kind: EventKind, _now: Instant) -> None:
        """Written down."""
        self._note("event", kind.name, "" if duty is None else duty.driver)

    def rider(self, verdict: Verdict, persons: int, now: Instant) -> Seen:
        """Somebody shows a code, and the door answers so; in a free ride who would have boarded boards free."""
        if self.free and TABLE[verdict].boards:
            verdict = Verdict.BOARD_FREE
        row = TABLE[verdict]
        fare = persons * FARE_RIALS * row.charged
        if verdict is Verdict.ACCEPTED_CONCESSION:
            fare -= FARE_RIALS // 2
        sequence = None if verdict is Verdict.OUT_OF_SERVICE else self._note("tap", verdict.name, persons)
        return Seen(self.door, sequence, now, verdict, Reason.NONE, fare, persons if row.boards else 0)


class PracticeBus:
    """A terminal, two doors, and riders who come when they are told to."""

    def __init__(self, clock: Clock, randomness: Callable[[int], bytes]) -> None:
        self._clock = clock
        self.doors = {1: PracticeDesk(1), 2: PracticeDesk(2, asks=True)}
        self.likely: list[tuple[str, int]] = []
        staff: tuple[StaffRow, ...] = (
            replace(make_row(DRIVER, PIN, _SALT), badge=BADGE_ID),
            make_row("5007", "2580", _SALT),
            replace(make_row("6000", "2580", _SALT), badge=BADGE_ID, both=True),
        )
        self.terminal = Terminal(
            desks=list(self.doors.values()),
            facts=BusFacts(
                "isf-1421",
                lambda: _LINES,
                "137",
                lambda persons: persons * FARE_RIALS,
                lambda: self.likely,
                vehicle_url=self._vehicle_url,
            ),
            gate=Gate(lambda: staff, lambda: (ISSUER.public,)),
            randomness=randomness,
        )

    def _vehicle_url(self, door: int, now: Instant) -> str | None:
        """The front door's code, of this quarter of a minute."""
        time_s = now.wall_ms // 1000 // VEHICLE_CODE_PERIOD_S * VEHICLE_CODE_PERIOD_S
        code = VehicleCode(time_s, time_s.to_bytes(NONCE_BYTES, "big"), door, "isf-1421-d1", "isf-1421", "91")
        return write_vehicle_url(RIDERS_URL, make_vehicle_code(code, ISSUER)) if door == 1 else None

    def ride(self, door: int, verdict: Verdict, persons: int = 1) -> None:
        """Somebody boards, or tries to."""
        self.terminal.saw(self.doors[door].rider(verdict, persons, self._clock.read()))

    def speed(self, kmh: int | None) -> None:
        """The bus goes so fast."""
        self.terminal.speed(kmh, self._clock.read())

    def condition(self, door: int, *, healthy: bool, problem: str, queue: int, reached: bool) -> None:
        """A door is so."""
        it = self.doors[door]
        it.healthy, it.problem, it.queue, it.reached = healthy, problem, queue, reached
        self.terminal.step(self._clock.read())

    def badge(self, number: str, badge_id: bytes = BADGE_ID) -> str:
        """The front door's camera reads a driver's badge → what a scanner at the terminal would type."""
        raw = issue_badge(ISSUER, badge_id=badge_id, last_day=_LAST_DAY, number=number)
        self.terminal.badge_shown(open_badge(raw, [ISSUER.verifying]), self._clock.read())
        return write_code(raw)

    def step(self) -> None:
        """Time passes; a door that was asked has answered."""
        for door in self.doors.values():
            while door.asked:
                self.terminal.took_back(door.door, door.asked.pop())
        self.terminal.step(self._clock.read())


class Ride(BaseModel):
    """Who shows what where."""

    model_config = ConfigDict(extra="forbid")
    door: int = Field(ge=1, le=2)
    verdict: Verdict
    persons: int = Field(default=1, ge=1, le=PARTY_MAX + 1)


class Drive(BaseModel):
    """How fast; null: nobody knows."""

    model_config = ConfigDict(extra="forbid")
    kmh: int | None = Field(ge=0, le=200)


class Road(BaseModel):
    """What the road makes likely, best first; `route`, `direction`: what it says is served, by nobody's word."""

    model_config = ConfigDict(extra="forbid")
    likely: list[tuple[str, int]] = []
    route: str | None = None
    direction: int | None = None
    inferred: bool = False


class Held(BaseModel):
    """Whose badge is held before the front door's camera; `lost`: one that is not the driver's any more."""

    model_config = ConfigDict(extra="forbid")
    number: str
    lost: bool = False


class Condition(BaseModel):
    """How a door is."""

    model_config = ConfigDict(extra="forbid")
    door: int = Field(ge=1, le=2)
    healthy: bool = True
    problem: str = ""
    queue: int = Field(default=0, ge=0)
    reached: bool = True


class Help(BaseModel):
    """What a door tells its rider before a code is read."""

    model_config = ConfigDict(extra="forbid")
    door: int = Field(ge=1, le=2)
    hint: Hint | None


router = APIRouter(prefix="/practice")


@router.post("/ride", status_code=204)
def ride(order: Ride, request: Request) -> None:
    """A rider comes."""
    request.app.state.practice.ride(order.door, order.verdict, order.persons)


@router.post("/drive", status_code=204)
def drive(order: Drive, request: Request) -> None:
    """The bus goes so fast."""
    request.app.state.practice.speed(order.kmh)


@router.post("/road", status_code=204)
def road(order: Road, request: Request) -> None:
    """The road says so."""
    request.app.state.practice.likely = order.likely
    if order.inferred:
        request.app.state.practice.terminal.serves(order.route, order.direction, told=False)


@router.post("/badge")
def badge(order: Held, request: Request) -> str:
    """A driver holds a badge before the camera; its text, for who plays a scanner."""
    bus: PracticeBus = request.app.state.practice
    return bus.badge(order.number, bytes(8) if order.lost else BADGE_ID)


@router.post("/condition", status_code=204)
def condition(order: Condition, request: Request) -> None:
    """A door is so."""
    request.app.state.practice.condition(
        order.door, healthy=order.healthy, problem=order.problem, queue=order.queue, reached=order.reached
    )


@router.post("/hint", status_code=204)
def hint(order: Help, request: Request) -> None:
    """A door tells its rider what would help."""
    request.app.state.practice.terminal.hint(order.door, order.hint)


class Practice:
    """A practice bus, served. `start` it, `stop` it."""

    def __init__(
        self, *, clock: Clock, randomness: Callable[[int], bytes], pages: Path, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.bus = PracticeBus(clock, randomness)
        app = make_app(self.bus.terminal, clock, pages, also=router)
        app.state.practice = self.bus
        self.server = OnboardServer(app, host, port)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="practice", daemon=True)
        self._riders: Random | None = None

    def start(self, *, riders: Random | None = None) -> None:
        """Serve; with `riders`, some come by themselves while a line is served."""
        self._riders = riders
        self.server.start()
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        self._thread.join()
        self.server.stop()

    def _run(self) -> None:
        while not self._stopping.wait(STEP_S):
            self.bus.step()
            if self._riders is not None and self._riders.random() < 0.15:
                self.bus.ride(self._riders.choice((1, 1, 2)), _some_verdict(self._riders))


_OFTEN = (Verdict.ACCEPTED,) * 12 + (Verdict.ACCEPTED_CONCESSION,) * 4
_SELDOM = (Verdict.ALREADY_PAID, Verdict.CODE_EXPIRED, Verdict.NOT_A_FARE_CODE, Verdict.BEARER_DENIED)


def _some_verdict(chance: Random) -> Verdict:
    return chance.choice(_OFTEN + _SELDOM)
