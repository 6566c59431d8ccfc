"""A driver's shift: what may be done when, and what it adds up to. Pure.

Rules, asked in this order:
 S1  an SOS is always taken: without a driver, while driving, in every stage;
 S2  above walking pace everything else is locked; a speed that is not known locks nothing, for a jammed receiver
     must not keep a driver from a free ride;
 S3  each act belongs to the stages of `MOVES`; a further act there is refused, with what would be taken;
 S4  a free ride for a reader that fails lapses after ten minutes if every door passes its own self-test, else it runs
     on for another ten; a door that is not heard keeps none going: a cable is pulled easily;
     one by order or for a crowd lapses in any case, and is given anew by the driver;
 S5  a boarding is annulled at most once, within minutes of it, with a reason, and only so many by a driver a service
     day, in whatever shifts and over every start: the office takes no more, and a rider would pay twice; one that
     another door was asked for counts until that door has answered, or may do it no longer;
 S6  proxy boardings are bounded a shift; the driver's float pays them, so they count as charged. While everybody rides
     free there are none: a driver who then takes money takes it for himself;
 S7  a total counts what a door's journal holds: an answer that could not be stored counts as lost, and as no boarding;
 S8  a shift that two trusted clocks say has lasted longer than anybody drives is ended: its driver forgot to.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from edge.core.desk import Duty, Seen
from edge.core.errors import AnnulsSpent, Moving, NotAnnullable, NotNow, ProxiesSpent, RidesFree, TooLateToAnnul
from edge.core.limits import (
    ANNUL_ASKED_MS,
    ANNUL_FOLLOWED_MS,
    ANNUL_WITHIN_MS,
    ANNULS_A_DAY_MAX,
    FREE_RIDE_MS,
    MOVING_KMH_MAX,
    PROXIES_A_SHIFT_MAX,
    SEEN_KEPT_MAX,
    SHIFT_MAX_MS,
    SHOWN_LAST,
    SPEED_STALE_MS,
    TAKE_BACK_SHOWN,
)
from protocol.fares.verdicts import TABLE, Verdict
from protocol.wire.driver_records import FreeCause
from protocol.wire.records import Instant


class Stage(StrEnum):
    """How far a shift is."""

    SIGNED_OUT = "signed-out"
    CHOOSING = "choosing"  # a driver is there, a line is not
    DRIVING = "driving"
    ENDED = "ended"  # its total is shown


class Act(StrEnum):
    """What a driver can do."""

    SIGN_IN = "sign-in"
    SERVE = "serve"
    FREE_RIDE = "free-ride"
    PROXY = "proxy"
    ANNUL = "annul"
    REPORT = "report"
    SOS = "sos"
    END = "end"
    LEAVE = "leave"


# stage, act → the stage after it. What is not here is refused (S3).
MOVES: Mapping[tuple[Stage, Act], Stage] = {
    **{(stage, Act.SIGN_IN): Stage.CHOOSING for stage in Stage},  # an open shift is ended by that
    (Stage.CHOOSING, Act.SERVE): Stage.DRIVING,
    (Stage.CHOOSING, Act.REPORT): Stage.CHOOSING,
    (Stage.CHOOSING, Act.END): Stage.ENDED,
    (Stage.DRIVING, Act.SERVE): Stage.DRIVING,
    (Stage.DRIVING, Act.FREE_RIDE): Stage.DRIVING,
    (Stage.DRIVING, Act.PROXY): Stage.DRIVING,
    (Stage.DRIVING, Act.ANNUL): Stage.DRIVING,
    (Stage.DRIVING, Act.REPORT): Stage.DRIVING,
    (Stage.DRIVING, Act.END): Stage.ENDED,
    (Stage.ENDED, Act.LEAVE): Stage.SIGNED_OUT,
    **{(stage, Act.SOS): stage for stage in Stage},  # S1
}
_INSTEAD = {
    Stage.SIGNED_OUT: "sign in",
    Stage.CHOOSING: "choose the line",
    Stage.DRIVING: "end the shift first",
    Stage.ENDED: "close the total",
}


@dataclass(frozen=True, slots=True)
class Speed:
    """The last speed that a receiver vouched for, and when (monotonic)."""

    kmh: int
    mono_ms: int


def known_speed(speed: Speed | None, mono_ms: int) -> int | None:
    """km/h, or None where nobody knows it now."""
    return None if speed is None or mono_ms - speed.mono_ms > SPEED_STALE_MS else speed.kmh


def locked(speed: Speed | None, mono_ms: int) -> bool:
    """S2: whether the bus moves faster than walking pace, as far as somebody knows."""
    kmh = known_speed(speed, mono_ms)
    return kmh is not None and kmh > MOVING_KMH_MAX


def move(stage: Stage, act: Act, speed: Speed | None, mono_ms: int) -> Stage:
    """The stage after an act. Raises Moving (S2) or NotNow (S3)."""
    if act is not Act.SOS and locked(speed, mono_ms):
        raise Moving("the bus moves", fix="stop first; SOS is open", act=act.value)
    after = MOVES.get((stage, act))
    if after is None:
        raise NotNow(f"{act.value} has no meaning now", fix=_INSTEAD[stage], stage=stage.value)
    return after


@dataclass(frozen=True, slots=True)
class FreeRide:
    """A free ride given by the driver. It is looked at again at `lapses_ms` (monotonic)."""

    cause: FreeCause
    since: Instant
    lapses_ms: int


def give_free_ride(cause: FreeCause, now: Instant) -> FreeRide:
    """From now, for ten minutes."""
    return FreeRide(cause, now, now.mono_ms + FREE_RIDE_MS)


def look_at_free_ride(ride: FreeRide, now: Instant, *, healthy: bool) -> FreeRide | None:
    """S4: the free ride as it goes on, or None where it has lapsed."""
    if now.mono_ms < ride.lapses_ms:
        return ride
    if ride.cause is FreeCause.READER_OUT and not healthy:
        return FreeRide(ride.cause, ride.since, now.mono_ms + FREE_RIDE_MS)
    return None


@dataclass(slots=True)
class DoorTally:
    """One door in one shift. `boarded` counts persons; rials are what was shown, "at most"."""

    boarded: int = 0
    free: int = 0
    refused: int = 0
    lost: int = 0
    charged_rials: int = 0


@dataclass(slots=True)
class Shift:
    """What happened since a driver signed in, by door, and what of it can still be taken back."""

    duty: Duty
    since: Instant
    doors: dict[int, DoorTally] = field(default_factory=dict)
    proxies: int = 0
    proxy_rials: int = 0
    annulled: int = 0
    annulled_rials: int = 0
    annulled_before: int | None = None  # by the same driver in other shifts of the service day; None: not counted yet
    last: deque[Seen] = field(default_factory=lambda: deque(maxlen=SHOWN_LAST))
    _open: dict[tuple[int, int], Seen] = field(default_factory=dict)
    _asked: dict[tuple[int, int], tuple[Seen, int]] = field(default_factory=dict)  # and when, monotonic

    def is_over(self, now: Instant) -> bool:
        """S8."""
        age_ms = self.since.age_ms(now)
        return age_ms is not None and age_ms > SHIFT_MAX_MS

    def saw(self, seen: Seen) -> None:
        """One answer at a door (S7)."""
        tally = self.doors.setdefault(seen.door, DoorTally())
        self.last.appendleft(seen)
        row = TABLE[seen.verdict]
        if seen.sequence is None:
            tally.lost += 1
        elif seen.verdict is Verdict.TAPPED_OUT:
            pass  # nobody boards and nobody is refused; what was shown for the boarding stays in the total, at most
        elif not row.boards:
            tally.refused += 1
        else:
            tally.boarded += seen.persons
            tally.free += 0 if row.charged else seen.persons
            tally.charged_rials += seen.fare_rials
            if seen.proxy:
                self.proxies += seen.persons
                self.proxy_rials += seen.fare_rials
            if row.charged:
                self._keep(seen, seen.sequence)

    def _keep(self, seen: Seen, sequence: int) -> None:
        self._open[seen.door, sequence] = seen
        while len(self._open) > SEEN_KEPT_MAX:
            del self._open[next(iter(self._open))]

    def to_take_back(self, now: Instant) -> list[Seen]:
        """The boardings that can be taken back now, the newest first, as many as a screen holds."""
        found = (seen for seen in reversed(self._open.values()) if self.can_annul(seen, now))
        return list(islice(found, TAKE_BACK_SHOWN))

    def may_annul(self, door: int, sequence: int, now: Instant) -> Seen:
        """S5: the boarding to take back. Raises NotAnnullable, TooLateToAnnul, AnnulsSpent."""
        seen = self._open.get((door, sequence))
        if seen is None:
            raise NotAnnullable("that is no paid boarding, or was taken back", fix="choose one that can be taken back",
                                door=door, sequence=sequence)  # fmt: skip
        if now.mono_ms - seen.at.mono_ms > ANNUL_WITHIN_MS:
            raise TooLateToAnnul("the boarding is too old", fix="send the rider to the complaint number",
                                 door=door, sequence=sequence)  # fmt: skip
        if self.is_asked(seen, now):
            raise NotAnnullable("the other door is asked already", fix="wait for its answer", door=door,
                                sequence=sequence)  # fmt: skip
        if self._annuls(now, but=seen) >= ANNULS_A_DAY_MAX:
            raise AnnulsSpent("no annulment is left today", fix="send the rider to the complaint number",
                              most=ANNULS_A_DAY_MAX)  # fmt: skip
        return seen

    def ask(self, seen: Seen, now: Instant) -> None:
        """Its door was asked for a boarding that `may_annul` gave."""
        assert seen.sequence is not None
        self._asked[seen.door, seen.sequence] = (seen, now.mono_ms)

    def is_asked(self, seen: Seen, now: Instant) -> bool:
        """Whether its door was asked to take it back, and may still answer."""
        found = None if seen.sequence is None else self._asked.get((seen.door, seen.sequence))
        return found is not None and now.mono_ms - found[1] <= ANNUL_ASKED_MS

    def _annuls(self, now: Instant, *, but: Seen | None = None) -> int:
        """Taken back, and asked for, for as long as a door may still do it; without one that is asked for again."""
        obeyed_ms = ANNUL_WITHIN_MS + ANNUL_FOLLOWED_MS
        asked = (
            seen for seen, _ in self._asked.values()
            if but is None or (seen.door, seen.sequence) != (but.door, but.sequence)
        )  # fmt: skip
        return (
            (self.annulled_before or 0)
            + self.annulled
            + sum(now.mono_ms - seen.at.mono_ms <= obeyed_ms for seen in asked)
        )

    def taken_back(self, door: int, sequence: int) -> bool:
        """A door's own record says that it took a boarding back → whether it was open here."""
        asked = self._asked.pop((door, sequence), None)
        seen = self._open.get((door, sequence)) or (asked and asked[0])
        if seen is None:
            return False
        self.annul(seen)
        return True

    def annul(self, seen: Seen) -> None:
        """A boarding that `may_annul` gave was taken back in its door's journal."""
        assert seen.sequence is not None
        self._open.pop((seen.door, seen.sequence), None)
        tally = self.doors[seen.door]
        tally.boarded -= seen.persons
        tally.charged_rials -= seen.fare_rials
        if seen.proxy:
            self.proxies -= seen.persons
            self.proxy_rials -= seen.fare_rials
        self.annulled += 1
        self.annulled_rials += seen.fare_rials

    def take_up(self, seen: Seen, *, taken_back: bool) -> None:
        """One answer of a run before this one, oldest first; and whether it was taken back since."""
        self.saw(seen)
        if taken_back and seen.sequence is not None and (seen.door, seen.sequence) in self._open:
            self.annul(seen)

    def can_annul(self, seen: Seen, now: Instant) -> bool:
        """Whether a driver may still take this one back, for the screen."""
        if seen.sequence is None or self._annuls(now, but=seen) >= ANNULS_A_DAY_MAX or self.is_asked(seen, now):
            return False
        return (seen.door, seen.sequence) in self._open and now.mono_ms - seen.at.mono_ms <= ANNUL_WITHIN_MS

    def may_proxy(self, persons: int, *, free: bool) -> None:
        """S6. Raises RidesFree, ProxiesSpent."""
        if free:
            raise RidesFree("everybody rides free", fix="take no money, let them ride")
        if self.proxies + persons > PROXIES_A_SHIFT_MAX:
            raise ProxiesSpent("your float's boardings of this shift are used up", fix="let them ride, tell the office",
                               most=PROXIES_A_SHIFT_MAX)  # fmt: skip

    @property
    def proxies_left(self) -> int:
        """Persons that the driver may still board."""
        return max(0, PROXIES_A_SHIFT_MAX - self.proxies)

    @property
    def annuls_left(self) -> int:
        """Boardings that the driver may still take back."""
        return max(0, ANNULS_A_DAY_MAX - (self.annulled_before or 0) - self.annulled)


def shift_name(day: int, driver: str, salt: str) -> str:
    """What a shift that begins on a service day is called in every record; `salt`: hexadecimal digits."""
    return f"{day}-{driver}-{salt}"


def is_shift_of(name: str, day: int, driver: str) -> bool:
    """Whether `shift_name` gave this name for that driver and service day."""
    before, _, salt = name.rpartition("-")
    return before == f"{day}-{driver}" and bool(salt)


def total(tallies: Sequence[DoorTally]) -> DoorTally:
    """All doors together."""
    return DoorTally(
        boarded=sum(it.boarded for it in tallies),
        free=sum(it.free for it in tallies),
        refused=sum(it.refused for it in tallies),
        lost=sum(it.lost for it in tallies),
        charged_rials=sum(it.charged_rials for it in tallies),
    )
