"""What the ledger holds of one service day, as the rules for cases look at it. Pure; no rider is in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from backend.core.duties import ShiftId, Told
from backend.core.floats import TakenBack
from protocol.wire.driver_records import Annulment
from protocol.wire.records import Tap


class Counted(NamedTuple):
    """So many taps, so many persons, of a door, shift, line and hour, answered alike. `last_ms`: the last of them."""

    device: str
    vehicle: str
    door: int
    shift: str | None
    line: str | None
    hour: int
    verdict: int
    reason: int
    taps: int
    persons: int
    last_ms: int


class Placed(NamedTuple):
    """One tap with a trusted place; `charged`: a code was accepted and is paid for."""

    vehicle: str
    wall_ms: int
    lat_e6: int
    lon_e6: int
    charged: bool
    shift: str | None
    device: str
    epoch: int
    sequence: int


class Copied(NamedTuple):
    """One tap of whose boarding another is charged. `own`: the boarding's name if this device told it before itself."""

    device: str
    epoch: int
    sequence: int
    own: bytes


class Keyed(NamedTuple):
    """One boarding that a driver keyed in."""

    vehicle: str
    shift: str | None
    device: str
    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Annulled:
    """A driver's annulment, the tap that it names (None: no tap is held there), and what became of it (None: nothing).

    `charged`: whether that tap was anybody's to pay.
    """

    record: Annulment
    tap: Tap | None
    charged: bool
    kept: TakenBack | None


@dataclass(frozen=True, slots=True)
class DayFacts:
    """One service day.

    `told`: drivers' records by journal and sequence, those of the day before too, for a shift may go on over midnight.
    `drivers`: who drove in which shift. `doors`: the enrolled device of each vehicle's doors. `cameras`: of a device
    and hour, how often it told of itself and how often that no camera worked. `placed`: by vehicle and time. `placed`
    and `keyed` are asked for when they are looked through.
    """

    day: int
    counted: Sequence[Counted] = ()
    told: Sequence[Told] = ()
    drivers: Mapping[ShiftId, str] = field(default_factory=dict)
    doors: Mapping[tuple[str, int], str] = field(default_factory=dict)
    cameras: Mapping[str, Mapping[int, tuple[int, int]]] = field(default_factory=dict)
    annulled: Sequence[Annulled] = ()
    copied: Sequence[Copied] = ()
    placed: Iterable[Placed] = ()
    keyed: Iterable[Keyed] = ()
