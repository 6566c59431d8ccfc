"""The driver's terminal: who has signed in, what may be done now, what each door is told, and what the pages see.

    pages' calls ─▶ sign_in, serve, free_ride, proxy, annul, report, end, leave    any thread; one lock
    doors        ─▶ saw, hint                                                    any thread
    position     ─▶ speed, serves                                                any thread
    step(now)       once a second or so: lapses, locks, what the pages see

Rules (those of a shift stand in `edge/core/shift`):
- an act is asked of every door it concerns before it counts here; a journal that fails leaves the act undone, and said;
- the page that signed in holds a token; without it every act but an SOS is refused (another phone on the bus);
- another driver who signs in ends the shift before, as its record says: a forgotten shift keeps nobody from driving;
- both doors follow: a shift, a line and a free ride are told to each of them;
- the screen says the line that the near door serves: the driver's word, and after a trip's end what the road says.
"""

import threading
from collections.abc import Callable, Sequence
from hmac import compare_digest

from edge.app.screens import BusFacts, Served, choices_view, door_view, seen_view, shift_view, showing_view
from edge.core.desk import Desk, Duty, Seen
from edge.core.errors import NoSuchLine, NotNow, NotSignedIn, TooManyPages
from edge.core.limits import PROXY_PERSONS_MAX, SOS_EVERY_MS, TERMINAL_WATCHERS_HERE, TERMINAL_WATCHERS_MAX
from edge.core.lines import LineView, runs
from edge.core.onboard import FreeRideView, PanelView, View
from edge.core.shift import (
    Act,
    DoorTally,
    FreeRide,
    Shift,
    Speed,
    Stage,
    give_free_ride,
    known_speed,
    locked,
    look_at_free_ride,
    move,
    shift_name,
)
from edge.core.signing_in import Gate
from protocol.fares.hints import Hint
from protocol.localtime import service_day
from protocol.wire.badges import Badge
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from protocol.wire.records import Instant

_TOKEN_BYTES = 16
_SHIFT_BYTES = 3


class Terminal:
    """Build it with the bus's doors, the near one first, tell it what it must know, `step` it. Fills `OnBoard`."""

    def __init__(
        self,
        *,
        desks: Sequence[Desk],
        facts: BusFacts,
        gate: Gate,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._near = desks[0]
        self._desks = {desk.door: desk for desk in desks}
        self._facts, self._gate, self._randomness = facts, gate, randomness
        self._lock, self._pins = threading.RLock(), threading.Lock()
        self._stage = Stage.SIGNED_OUT
        self._shift: Shift | None = None
        self._token = ""
        self._speed: Speed | None = None
        self._served: Served | None = None
        self._free: FreeRide | None = None
        self._number = 0
        self._shown: dict[int, tuple[int, Seen]] = {}
        self._hints: dict[int, Hint | None] = {}
        self._watchers: dict[Callable[[], None], bool] = {}  # and whether it is a page of this device
        self._sos: tuple[Duty | None, int] | None = None  # of whom the last one was, and when

    # --- the driver ---------------------------------------------------------------------------------------------------

    def sign_in(self, number: str, pin: str, now: Instant, *, code: str = "", here: bool = False) -> str:
        """A driver begins, or comes back to the own shift: the token for further acts.

        `code`: of a badge that a scanner read; `here`: at this device's own screen. Raises BadgeRefused, PinWanted,
        BadgeWanted, PinWait, WrongPin, Moving and what a desk raises.
        """
        with self._lock:
            claim = self._gate.claim(number, code, now)
            number = claim.number
            shift = self._comes_back(number)
            if shift is None:  # who comes back to an open shift changes nothing: also on the way
                move(self._stage, Act.SIGN_IN, self._speed, now.mono_ms)
        with self._pins:  # not under the lock: a PIN takes a Pi a quarter of a second, and doors tell of riders
            self._gate.check(claim, pin, now, here=here)
        before = self._taken_back_before(number, shift, now)
        with self._lock:
            shift = self._comes_back(number) or self._begin(number, now)
            shift.annulled_before = before if shift.annulled_before is None else shift.annulled_before
            self._token = self._randomness(_TOKEN_BYTES).hex()
            self._gate.forget()
            self._changed()
            return self._token

    def _taken_back_before(self, number: str, shift: Shift | None, now: Instant) -> int:
        """Read from a day's records, so neither under the lock nor at a start; once a shift."""
        if shift is None:
            return self._facts.taken_back(number, service_day(now.wall_ms), "")
        if shift.annulled_before is not None:
            return shift.annulled_before
        return self._facts.taken_back(number, service_day(shift.since.wall_ms), shift.duty.shift)

    def badge_shown(self, badge: Badge, now: Instant) -> None:
        """The near door's camera read a badge: nobody's fare, and for some seconds a way to sign in."""
        with self._lock:
            self._gate.shown(badge, now)
            self._changed()

    def _comes_back(self, number: str) -> Shift | None:
        open_shift = self._shift if self._stage in (Stage.CHOOSING, Stage.DRIVING) else None
        return open_shift if open_shift is not None and open_shift.duty.driver == number else None

    def _begin(self, number: str, now: Instant) -> Shift:
        if self._stage in (Stage.CHOOSING, Stage.DRIVING):
            self._end(now)
        duty = Duty(number, shift_name(service_day(now.wall_ms), number, self._randomness(_SHIFT_BYTES).hex()))
        for desk in self._desks.values():
            desk.begin_shift(duty, now)
        self._shift = Shift(duty, now, {door: DoorTally() for door in self._desks})
        self._stage = Stage.CHOOSING
        return self._shift

    def take_up(self, duty: Duty, since: Instant, answers: Sequence[tuple[Seen, bool]], free: FreeRide | None) -> None:
        """A shift that was open when the process ended goes on; its driver signs in again to act.

        `answers`: each with whether it was taken back. The doors behave by it already.
        """
        with self._lock:
            shift = Shift(duty, since, {door: DoorTally() for door in self._desks})
            for seen, taken_back in sorted(answers, key=lambda it: it[0].at.mono_ms):
                shift.take_up(seen, taken_back=taken_back)
            self._shift, self._free = shift, free
            self._stage = Stage.CHOOSING if duty.route is None else Stage.DRIVING
            self._changed()

    def serve(self, token: str, route: str, direction: int, now: Instant) -> None:
        """Drive this line in this direction, at all doors. Raises NoSuchLine besides what every act raises."""
        with self._lock:
            shift, after = self._may(token, Act.SERVE, now)
            if not runs(self._facts.lines(), (route, direction)):
                raise NoSuchLine("this bus has no such line", fix="choose one of the list", route=route)
            duty = Duty(shift.duty.driver, shift.duty.shift, route, direction)
            for desk in self._desks.values():
                desk.serve(duty, now)
            shift.duty, self._stage, self._served = duty, after, None
            self._changed()

    def free_ride(self, token: str, cause: FreeCause | None, now: Instant) -> None:
        """Everybody rides free from now, at all doors, and the doors say so; None ends it."""
        with self._lock:
            shift, _ = self._may(token, Act.FREE_RIDE, now)
            self._look_at_free_ride(now)  # one that has lapsed is ended by its record before another begins
            if cause is None and self._free is None:
                raise NotNow("there is no free ride", fix="nothing is to be ended")
            self._tell_free_ride(shift.duty, cause, now)
            self._free = None if cause is None else give_free_ride(cause, now)
            self._changed()

    def _tell_free_ride(self, duty: Duty, cause: FreeCause | None, now: Instant) -> None:
        for desk in self._desks.values():
            desk.free_ride(duty, cause, now)

    def proxy(self, token: str, companions: int, now: Instant) -> None:
        """Somebody without a code boards at the near door; the driver's float pays. Raises RidesFree, ProxiesSpent."""
        with self._lock:
            shift, _ = self._may(token, Act.PROXY, now)
            shift.may_proxy(1 + companions, free=self._free is not None)
            self._take(self._near.proxy(shift.duty, companions, now))

    def annul(self, token: str, door: int, sequence: int, reason: AnnulReason, now: Instant) -> bool:
        """Take a boarding back. False: its door is asked, and says by its own record when it has.

        Raises NotAnnullable, TooLateToAnnul, AnnulsSpent besides.
        """
        with self._lock:
            shift, _ = self._may(token, Act.ANNUL, now)
            seen = shift.may_annul(door, sequence, now)
            done = self._desks[door].annul(shift.duty, sequence, reason, now)
            if done:
                shift.annul(seen)
            else:
                shift.ask(seen, now)
            self._changed()
            return done

    def report(self, token: str, kind: EventKind, now: Instant) -> None:
        """Write down what happened. An SOS needs no token and no stop (S1), and is a record once a minute and shift."""
        with self._lock:
            if kind is EventKind.SOS:
                move(self._stage, Act.SOS, self._speed, now.mono_ms)
                duty = None if self._shift is None or self._stage is Stage.ENDED else self._shift.duty
            else:
                duty = self._may(token, Act.REPORT, now)[0].duty
            if kind is EventKind.SOS and self._sos is not None:
                whose, when_ms = self._sos
                if whose == duty and now.mono_ms - when_ms < SOS_EVERY_MS:
                    return
            self._near.event(duty, kind, now)
            if kind is EventKind.SOS:
                self._sos = duty, now.mono_ms
            self._changed()

    def end(self, token: str, now: Instant) -> None:
        """End the shift; its total stays on the screen until `leave`."""
        with self._lock:
            self._may(token, Act.END, now)
            self._end(now)
            self._changed()

    def _end(self, now: Instant) -> None:
        assert self._shift is not None
        if self._free is not None:
            self._tell_free_ride(self._shift.duty, None, now)
            self._free = None
        for desk in self._desks.values():
            desk.end_shift(self._shift.duty, now)
        self._stage = Stage.ENDED

    def leave(self, token: str, now: Instant) -> None:
        """The total has been read: the next driver may sign in."""
        with self._lock:
            _, self._stage = self._may(token, Act.LEAVE, now)
            self._shift, self._token = None, ""
            self._changed()

    def _may(self, token: str, act: Act, now: Instant) -> tuple[Shift, Stage]:
        """The shift of who holds the token, and the stage after the act. Raises NotSignedIn, Moving, NotNow."""
        if self._shift is None or not self.knows(token):
            raise NotSignedIn("no driver has signed in here", fix="sign in with number and PIN")
        return self._shift, move(self._stage, act, self._speed, now.mono_ms)

    def knows(self, token: str) -> bool:
        """Whether this is the token of the driver who has signed in."""
        return bool(self._token) and compare_digest(token.encode(), self._token.encode())

    # --- the bus ------------------------------------------------------------------------------------------------------

    def saw(self, seen: Seen) -> None:
        """A door answered somebody. Without a shift it stands in the journal alone."""
        with self._lock:
            self._take(seen)

    def took_back(self, door: int, sequence: int) -> None:
        """A door's own record of this shift, perhaps of one that ended just now, says that it took a boarding back."""
        with self._lock:
            if self._shift is not None and self._shift.taken_back(door, sequence):
                self._changed()

    def hint(self, door: int, hint: Hint | None) -> None:
        """A door tells its rider what would help; None takes that back."""
        with self._lock:
            self._hints[door] = hint
            self._changed()

    def _take(self, seen: Seen) -> None:
        self._shown[seen.door] = (self._number + 1, seen)
        if self._shift is not None and self._stage is not Stage.ENDED:
            self._shift.saw(seen)
        self._changed()

    def speed(self, kmh: int | None, now: Instant) -> None:
        """How fast the bus goes; None: nobody knows."""
        with self._lock:
            self._speed = None if kmh is None else Speed(kmh, now.mono_ms)
            self._changed()

    def serves(self, route: str | None, direction: int | None, *, told: bool) -> None:
        """What the near door serves now; `told`: a person named this line."""
        with self._lock:
            after = Served(route, direction, told)
            if after != self._serving():
                self._served = after
                self._changed()

    def _serving(self) -> Served:
        """What the near door last said; until it says anything, what its driver ordered."""
        if self._served is not None:
            return self._served
        if self._shift is None or self._stage is Stage.ENDED:
            return Served(None, None, told=False)
        duty = self._shift.duty
        return Served(duty.route, duty.direction, duty.route is not None)

    def step(self, now: Instant) -> None:
        """A free ride that lapses is ended at the doors (S4), and so is a shift that nobody ended (S8).

        Raises what a desk raises; the next step tries again.
        """
        with self._lock:
            self._look_at_free_ride(now)
            if self._stage in (Stage.CHOOSING, Stage.DRIVING) and self._shift is not None and self._shift.is_over(now):
                self._end(now)
            self._changed()

    def _look_at_free_ride(self, now: Instant) -> None:
        if self._free is None or self._shift is None:
            return
        healthy = all(desk.state(now).healthy for desk in self._desks.values())
        after = look_at_free_ride(self._free, now, healthy=healthy)
        if after is not self._free:  # one that goes on is told anew: a far door would let it lapse
            self._tell_free_ride(self._shift.duty, None if after is None else after.cause, now)
        self._free = after

    # --- what the pages see -------------------------------------------------------------------------------------------

    def watch(self, told: Callable[[], None], *, here: bool) -> Callable[[], None]:
        """Have `told` called after every change, from any thread and under the lock; the answer ends that.

        `here`: for a page on this device's own screen. Raises TooManyPages.
        """
        with self._lock:
            elsewhere = len(self._watchers) - sum(self._watchers.values())
            most = TERMINAL_WATCHERS_MAX if here else TERMINAL_WATCHERS_MAX - TERMINAL_WATCHERS_HERE
            if len(self._watchers) >= TERMINAL_WATCHERS_MAX or (not here and elsewhere >= most):
                raise TooManyPages("too many pages watch this bus", fix="close one", most=most)
            self._watchers[told] = here
        return lambda: self._unwatch(told)

    def _unwatch(self, told: Callable[[], None]) -> None:
        with self._lock:
            del self._watchers[told]

    def _changed(self) -> None:
        self._number += 1
        for told in list(self._watchers):
            told()

    def lines(self) -> tuple[LineView, ...]:
        """Every line that the bus may serve."""
        return tuple(self._facts.lines().values())

    def view(self, token: str, now: Instant, *, here: bool = False) -> View:
        """The whole state, for any page: nothing in it is secret from who rides along."""
        with self._lock:
            shift, free, serving, lines = self._shift, self._free, self._serving(), self._facts.lines()
            return View(
                number=self._number, stage=self._stage, mine=self.knows(token),
                vehicle=self._facts.vehicle, wall_ms=now.wall_ms,
                speed_kmh=known_speed(self._speed, now.mono_ms), locked=locked(self._speed, now.mono_ms),
                pin_wait_ms=self._gate.wait_ms(now, here=here), badge=self._gate.badge(now, here=here),
                proxy_fares_rials=tuple(map(self._facts.fare_rials, range(1, PROXY_PERSONS_MAX + 1))),
                complaint_number=self._facts.complaint_number,
                line=lines.get(serving.route or ""), choices=choices_view(self._facts.likely(), serving, lines),
                shift=None if shift is None else shift_view(shift, serving),
                doors=tuple(
                    door_view(it.door, DoorTally() if shift is None else shift.doors[it.door], it.state(now))
                    for it in self._desks.values()
                ),
                last=() if shift is None else tuple(
                    seen_view(it, annullable=shift.can_annul(it, now), asked=shift.is_asked(it, now))
                    for it in shift.last
                ),
                to_take_back=() if shift is None else tuple(
                    seen_view(it, annullable=True, asked=False) for it in shift.to_take_back(now)
                ),
                free_ride=None if free is None else FreeRideView(
                    free.cause, free.since.wall_ms, max(0, free.lapses_ms - now.mono_ms)
                ),
            )  # fmt: skip

    def panel(self, door: int, now: Instant) -> PanelView | None:
        """What the riders at a door see."""
        with self._lock:
            if door not in self._desks:
                return None
            serving, hint = self._serving(), self._hints.get(door)
            return PanelView(
                door=door, vehicle=self._facts.vehicle, route=serving.route, direction=serving.direction,
                line=self._facts.lines().get(serving.route or ""), wall_ms=now.wall_ms,
                fare_rials=self._facts.fare_rials(1), complaint_number=self._facts.complaint_number,
                free=self._free is not None, showing=showing_view(self._shown.get(door), now),
                hint=None if hint is None else hint.value, vehicle_url=self._facts.vehicle_url(door, now),
            )  # fmt: skip
