"""The driver's terminal of a running validator: its door, its bundle's staff, its configured lines, served in the bus.

    cameras' threads ─▶ answered        what the door answered, after it is durable
    thread `driver`     step            free rides that lapse, states that the pages see

It stands beside the validator and not in it: a validator without `[terminal]` needs no HTTP server.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping

from edge.adapters.onboard_http import make_app
from edge.adapters.onboard_server import OnboardServer
from edge.app.boarding import Outcome
from edge.app.config import TerminalConfig, ValidatorConfig
from edge.app.far_desk import FarDesk
from edge.app.near_desk import NearDesk, fare_rials
from edge.app.recall import open_shift, seen_of, taken_back_before
from edge.app.screens import BusFacts
from edge.app.terminal import Terminal
from edge.app.validator import Validator
from edge.core.desk import Desk, DoorState, Seen
from edge.core.errors import LocalError, ThreadDied
from edge.core.limits import TERMINAL_STEP_MS
from edge.core.lines import LineView, Pair
from edge.core.ports import FrameSource, Panel, Showing
from edge.core.signing_in import Gate
from edge.core.vehicle import NO_LINES, Vehicle
from protocol.fares.hints import Hint
from protocol.wire.badges import Badge
from protocol.wire.records import Instant

log = logging.getLogger(__name__)


class ServedTerminal:
    """Build it behind its validator, `start` it behind it, `stop` it before. Raises PagesMissing, NotServing."""

    def __init__(self, config: TerminalConfig, validator: Validator, randomness: Callable[[int], bytes]) -> None:
        self._validator, self._clock = validator, validator.clock
        boarding = validator.boarding
        self._desk = NearDesk(boarding, self._state)
        by_hand = {
            it.route: LineView(it.route, it.route, it.route, (0, 1), it.towards_fa, it.towards_en) for it in config.line
        }
        vehicle = boarding.service.vehicle
        desks: list[Desk] = [self._desk]
        self._far: FarDesk | None = None
        if config.far_door is not None:
            self._far = FarDesk(config.far_door, boarding, self._far_state, self._far_saw, self._far_took_back)
            desks.append(self._far)
            validator.on_far_records.append(self._far.records_came)
        validator.hooks.before_looking, validator.hooks.on_badge = self._take_up, self._badge_shown
        self.terminal = Terminal(
            desks=desks,
            facts=BusFacts(
                vehicle, lambda: validator.lines or by_hand, config.complaint_number,
                lambda persons: fare_rials(boarding, persons, self._clock.read()), self._likely, self._taken_back,
                # The other door's panel shows none: its lamp would not be the one that its riders look at.
                lambda door, now: validator.scanned.url(now) if door == self._desk.door else None,
            ),
            gate=Gate(lambda: boarding.bundle.staff, lambda: boarding.bundle.issuer_keys),
            randomness=randomness,
        )  # fmt: skip
        self.server = OnboardServer(make_app(self.terminal, self._clock, config.pages), config.host, config.port)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="driver", daemon=True)

    def _state(self, _now: Instant) -> DoorState:
        it = self._validator
        said = it.condition()
        return DoorState(it.backlog, said.fault, online=it.online, healthy=said.reads)

    def _far_state(self, _now: Instant) -> DoorState:
        it = self._validator
        said = it.far_condition
        if said is None:  # it has not said anything: nothing speaks against it but the link
            return DoorState(it.courier_backlog, "", online=it.online, healthy=True, follows=it.linked)
        # A bad word of a door that is not heard any more keeps no free ride going: a cable pulls easily (S4).
        healthy = said.reads or not it.linked
        return DoorState(it.courier_backlog, said.fault, online=it.online, healthy=healthy, follows=it.linked)

    def _take_up(self, now: Instant) -> None:
        """The shift that was open when the process ended. A card that does not answer keeps nobody from boarding."""
        try:
            vehicle = self._validator.boarding.service.vehicle
            found = open_shift(self._validator.held.own(), vehicle)
            if found is None:
                return
            boarding, back = self._validator.boarding, found.taken_back
            answers = [(seen_of(tap, boarding, now), tap.link.sequence in back) for tap in found.taps()]
            if self._far is not None:
                answers += self._far.take_up(found.duty, found.since, self._validator.held.far(), now)
        except LocalError as error:
            log.error("the shift that was open is not taken up, its driver signs in anew: %s", error)
            return
        free = found.free_ride(now)
        holds = free is not None and free.lapses_ms > now.mono_ms
        self._desk.take_up(found.duty, free.cause if free is not None and holds else None)
        self.terminal.take_up(found.duty, found.since, answers, free)
        log.warning("the shift %s goes on, %d answers of it are counted", found.duty.shift, len(answers))

    def _taken_back(self, driver: str, day: int, but: str) -> int:
        """Of both doors. A card that does not answer makes nobody wait: the office asks again."""
        held = self._validator.held
        try:
            return sum(taken_back_before(records, driver, day, but=but) for records in (held.own(), held.far()))
        except LocalError as error:
            log.error("what driver %s took back before is not counted: %s", driver, error)
            return 0

    def _likely(self) -> list[Pair]:
        place = self._validator.place
        return [] if place is None else [(it.line, it.direction) for it in place.choices]

    def _far_saw(self, seen: Seen) -> None:
        self.terminal.saw(seen)

    def _far_took_back(self, sequence: int) -> None:
        assert self._far is not None
        self.terminal.took_back(self._far.door, sequence)

    def answered(self, outcome: Outcome, now: Instant) -> None:
        """The door answered somebody."""
        self.terminal.saw(self._desk.seen(outcome, now))

    def _badge_shown(self, badge: Badge, now: Instant) -> None:
        self.terminal.badge_shown(badge, now)

    def hint(self, hint: Hint | None) -> None:
        """The door tells its rider what would help."""
        self.terminal.hint(self._desk.door, hint)

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Serve. Raises NotServing."""
        self.server.start()
        self._thread.start()

    def stop(self) -> None:
        """End it; a shift that is open stays open, and its driver comes back to it or the next one ends it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.server.stop()

    @property
    def failure(self) -> ThreadDied | None:
        """For the supervisor: a thread of the terminal is gone although nobody stopped it."""
        lives = self._thread.is_alive() and self.server.alive
        if lives or self._stopping.is_set() or self._thread.ident is None:
            return None
        return ThreadDied("the terminal's thread ended", fix="the log says why; the service manager starts it anew")

    def _run(self) -> None:
        while not self._stopping.wait(TERMINAL_STEP_MS / 1000):
            self.step(self._clock.read())

    def step(self, now: Instant) -> None:
        """What the road says, and what time does."""
        boarding = self._validator.boarding
        self.terminal.speed(self._validator.speed_kmh(now.mono_ms), now)
        serves = boarding.service
        self.terminal.serves(serves.route, serves.direction, told=boarding.fare_line is not None)
        try:
            self.terminal.step(now)
        except LocalError as error:
            log.error("a free ride could not be ended, and is tried again: %s", error)


class HintsTo:
    """A panel beside the others that hands on hints; verdicts reach the terminal with their records."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self.told: Callable[[Hint | None], None] = lambda _hint: None

    def show(self, showing: Showing) -> None:
        """As the panel."""
        self._panel.show(showing)

    def idle(self) -> None:
        """As the panel."""
        self._panel.idle()

    def hint(self, hint: Hint | None) -> None:
        """As the panel, and to the pages."""
        self._panel.hint(hint)
        self.told(hint)


def beside(
    config: ValidatorConfig,
    served: TerminalConfig,
    panel: Panel,
    *,
    panel_problem: Callable[[], LocalError | None] = lambda: None,
    vehicle: Vehicle = NO_LINES,
    sources: Mapping[str, FrameSource] | None = None,
    randomness: Callable[[int], bytes] = os.urandom,
) -> tuple[Validator, ServedTerminal]:
    """A validator and its terminal, neither started. Raises what both raise."""
    hints = HintsTo(panel)
    found: list[ServedTerminal] = []

    def answered(_camera: str, _frame_ms: int, outcome: Outcome) -> None:
        found[0].answered(outcome, validator.clock.read())

    validator = Validator(
        config, panel=hints, panel_problem=panel_problem, vehicle=vehicle, on_outcome=answered, sources=sources,
        randomness=randomness,
    )  # fmt: skip
    found.append(ServedTerminal(served, validator, randomness))
    hints.told = found[0].hint
    return validator, found[0]
