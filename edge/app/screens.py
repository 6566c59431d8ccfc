"""What the pages on board see, made of what the terminal knows. No state; the terminal calls it under its lock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.core.desk import DoorState, Seen
from edge.core.limits import PANEL_STAYS_MS
from edge.core.lines import Lines, Pair, offered
from edge.core.onboard import ChoiceView, DoorView, SeenView, ShiftView, ShowingView
from edge.core.shift import DoorTally, Shift, total
from protocol.wire.records import Instant


@dataclass(frozen=True, slots=True)
class BusFacts:
    """What the pages say of the bus: its name, its lines, whom to call with a complaint.

    `lines`: all that it may serve now; `likely`: the few that the road speaks for, best first. `fare_rials`: what so
    many adults pay now; pages multiply nothing. `taken_back`: how many boardings a driver took back on a service day,
    one shift left out. `vehicle_url`: the vehicle code that a door shows now.
    """

    vehicle: str
    lines: Callable[[], Lines]
    complaint_number: str
    fare_rials: Callable[[int], int]
    likely: Callable[[], Sequence[Pair]] = tuple
    taken_back: Callable[[str, int, str], int] = lambda _driver, _day, _but: 0
    vehicle_url: Callable[[int, Instant], str | None] = lambda _door, _now: None


@dataclass(frozen=True, slots=True)
class Served:
    """What a door serves, where it is known; `told`: a person named the line."""

    route: str | None
    direction: int | None
    told: bool


def choices_view(likely: Sequence[Pair], serving: Served, lines: Lines) -> tuple[ChoiceView, ...]:
    """The few lines and directions that stand first on the driver's screen."""
    pair = None if serving.route is None or serving.direction is None else (serving.route, serving.direction)
    return tuple(ChoiceView(lines[route], direction) for route, direction in offered(likely, pair, lines))


def seen_view(seen: Seen, *, annullable: bool, asked: bool) -> SeenView:
    """One answer."""
    return SeenView(
        seen.door, seen.sequence, seen.at.wall_ms, int(seen.verdict), int(seen.reason), seen.fare_rials,
        seen.persons, seen.proxy, annullable, asked,
    )  # fmt: skip


def door_view(door: int, tally: DoorTally, state: DoorState) -> DoorView:
    """One door in this shift."""
    return DoorView(
        door, tally.boarded, tally.free, tally.refused, tally.lost, tally.charged_rials,
        state.queue, state.problem, state.online, state.healthy, state.follows,
    )  # fmt: skip


def showing_view(shown: tuple[int, Seen] | None, now: Instant) -> ShowingView | None:
    """What a rider still sees of the newest answer, numbered."""
    if shown is None:
        return None
    number, seen = shown
    stays_ms = PANEL_STAYS_MS - (now.mono_ms - seen.at.mono_ms)
    if stays_ms <= 0:
        return None
    return ShowingView(number, int(seen.verdict), int(seen.reason), seen.fare_rials, seen.persons, stays_ms)


def shift_view(shift: Shift, serving: Served) -> ShiftView:
    """A shift so far, and what its bus serves."""
    every = total(list(shift.doors.values()))
    return ShiftView(
        driver=shift.duty.driver, shift=shift.duty.shift, since_ms=shift.since.wall_ms, route=serving.route,
        direction=serving.direction, line_told=serving.told, boarded=every.boarded, free=every.free,
        refused=every.refused, lost=every.lost,
        charged_rials=every.charged_rials, proxies=shift.proxies, proxy_rials=shift.proxy_rials,
        proxies_left=shift.proxies_left, annulled=shift.annulled, annulled_rials=shift.annulled_rials,
        annuls_left=shift.annuls_left,
    )  # fmt: skip
