"""What the pages on board see of the bus, and may ask of it: plain data, the whole state at once.

The API's document is made from these. Times are Unix milliseconds of the bus's clock; `…_in_ms` are spans from the
moment the view was made, so a page needs no clock that agrees with the bus's. Verdicts are numbers of the verdict
table: words and lamps come from there (P17).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge.core.lines import LineView
from edge.core.shift import Stage
from edge.core.signing_in import BadgeShown
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from protocol.wire.records import Instant


@dataclass(frozen=True, slots=True)
class DoorView:
    """A door in this shift: persons, rials as shown, and how the door is."""

    door: int
    boarded: int
    free: int
    refused: int
    lost: int
    charged_rials: int
    queue: int
    problem: str
    online: bool
    healthy: bool
    follows: bool  # it has heard of this shift, line and free ride


@dataclass(frozen=True, slots=True)
class SeenView:
    """One of the last answers. `annullable`: the driver may still take it back; `asked`: its door is asked to."""

    door: int
    sequence: int | None
    wall_ms: int
    verdict: int
    reason: int
    fare_rials: int
    persons: int
    proxy: bool
    annullable: bool
    asked: bool


@dataclass(frozen=True, slots=True)
class FreeRideView:
    """A free ride given by the driver; `lapses_in_ms` until it is looked at again."""

    cause: FreeCause
    since_ms: int
    lapses_in_ms: int


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """One of the few lines and directions that are likely now, best first."""

    line: LineView
    direction: int


@dataclass(frozen=True, slots=True)
class ShiftView:
    """A driver's shift and what it adds up to so far; at its end, its total.

    `route`, `direction`: what the near door serves, by the driver's word or by the road; `line_told`: a person named
    this line, so fares go by it; one that only the road says prices nothing.
    """

    driver: str
    shift: str
    since_ms: int
    route: str | None
    direction: int | None
    line_told: bool
    boarded: int
    free: int
    refused: int
    lost: int
    charged_rials: int
    proxies: int
    proxy_rials: int
    proxies_left: int
    annulled: int
    annulled_rials: int
    annuls_left: int


@dataclass(frozen=True, slots=True)
class View:
    """The whole state. `speed_kmh`: None where nobody knows it. `mine`: the asking page's driver has signed in."""

    number: int
    stage: Stage
    mine: bool
    vehicle: str
    wall_ms: int
    speed_kmh: int | None
    locked: bool
    pin_wait_ms: int
    badge: BadgeShown | None  # that a camera read, while nobody has signed in by it
    proxy_fares_rials: tuple[int, ...]  # what the driver's float pays for one person, two, …
    complaint_number: str
    line: LineView | None  # that is served, where it is known
    choices: tuple[ChoiceView, ...]
    shift: ShiftView | None
    doors: tuple[DoorView, ...]
    last: tuple[SeenView, ...]
    to_take_back: tuple[SeenView, ...]
    free_ride: FreeRideView | None


@dataclass(frozen=True, slots=True)
class ShowingView:
    """What a rider is told at a door. `number` tells two showings apart; it stays for another `stays_ms`."""

    number: int
    verdict: int
    reason: int
    fare_rials: int
    persons: int
    stays_ms: int


@dataclass(frozen=True, slots=True)
class PanelView:
    """The rider's panel of one door. `free`: everybody rides free now. `hint`: what would help a code to be read.

    `vehicle_url`: what to draw as a QR for riders who scan the bus; None while this door has none to show.
    """

    door: int
    vehicle: str
    route: str | None
    direction: int | None
    line: LineView | None
    wall_ms: int
    fare_rials: int
    complaint_number: str
    free: bool
    showing: ShowingView | None
    hint: str | None
    vehicle_url: str | None


class OnBoard(Protocol):
    """What the API asks. Acts raise DriverError by name, and LocalError where a door fails: then nothing happened."""

    def view(self, token: str, now: Instant, *, here: bool = False) -> View:
        """The terminal's state, as the page with this token sees it; `here`: on this device's own screen."""
        ...

    def panel(self, door: int, now: Instant) -> PanelView | None:
        """The rider's panel of a door; None where the bus has no such door."""
        ...

    def lines(self) -> tuple[LineView, ...]:
        """Every line that the bus may serve."""
        ...

    def watch(self, told: Callable[[], None], *, here: bool) -> Callable[[], None]:
        """Have `told` called after every change, from any thread; the answer ends that. Raises TooManyPages.

        `here`: for a page on this device's own screen.
        """
        ...

    def sign_in(self, number: str, pin: str, now: Instant, *, code: str = "", here: bool = False) -> str:
        """Begin a shift, or come back to it: the token for further acts. `code`: of a badge that a scanner read."""
        ...

    def serve(self, token: str, route: str, direction: int, now: Instant) -> None:
        """Choose line and direction."""
        ...

    def free_ride(self, token: str, cause: FreeCause | None, now: Instant) -> None:
        """Begin or end a free ride."""
        ...

    def proxy(self, token: str, companions: int, now: Instant) -> None:
        """Board somebody on the driver's float."""
        ...

    def annul(self, token: str, door: int, sequence: int, reason: AnnulReason, now: Instant) -> bool:
        """Take a boarding back. False: its door is asked, and the state says when it has."""
        ...

    def report(self, token: str, kind: EventKind, now: Instant) -> None:
        """Report what happened; an SOS without any token."""
        ...

    def end(self, token: str, now: Instant) -> None:
        """End the shift."""
        ...

    def leave(self, token: str, now: Instant) -> None:
        """Close the total."""
        ...
