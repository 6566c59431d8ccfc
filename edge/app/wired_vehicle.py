"""The vehicle's lines and its panel board, for rules and for health: heard on the board's thread, asked on others."""

import threading
from collections.abc import Callable, Collection
from dataclasses import replace

from edge.core.contacts import Contacts, parked
from edge.core.limits import SUPPLY_LOW_PERMILLE, SUPPLY_MEASURED_MIN_MV
from edge.core.wheels import Driven, Wheels
from firmware_bridge.core.declaration import Input
from firmware_bridge.core.link import Inputs
from protocol.wire.health import BoardHealth, BoardState

_LEAVES = 1 << Input.DOOR_FRONT_LEAF | 1 << Input.DOOR_REAR_LEAF


class WiredVehicle:
    """Fills `edge.core.vehicle.Vehicle`.

    `mm_per_pulse` None: the board counts no wheel. `wired`: "doors", "ignition", "tamper", whichever hang on the board;
    of the others it says what an open input says, and nothing of it is believed. `supply_v`: the vehicle's battery,
    12 or 24. `facts`: how the board is.
    """

    def __init__(
        self,
        mm_per_pulse: int | None,
        wired: Collection[str],
        supply_v: int,
        facts: Callable[[], BoardHealth],
        now_ms: Callable[[], int],
    ) -> None:
        self._wheels = None if mm_per_pulse is None else Wheels(mm_per_pulse)
        self._contacts = Contacts() if "doors" in wired else None
        self._wired, self._supply_v, self._facts, self._now_ms = wired, supply_v, facts, now_ms
        self._lock = threading.Lock()
        self._last: Inputs | None = None
        self._opened = False  # the housing, in this run: a look once a minute would miss it
        self._parked_accepted = 0

    def heard(self, inputs: Inputs) -> None:
        """The board's newest word."""
        now_ms = self._now_ms()
        with self._lock:
            self._last = inputs
            self._opened |= _has(inputs, Input.TAMPER)
            if self._wheels is not None:
                self._wheels.counted(inputs.odometer, now_ms)
            if self._contacts is not None:
                driven = None if self._wheels is None else self._wheels.driven(now_ms)
                self._contacts.heard(leaf_open=bool(inputs.inputs & _LEAVES), driven=driven, mono_ms=now_ms)

    def speed_mps(self, mono_ms: int) -> float | None:
        """Metres a second, by the wheels."""
        with self._lock:
            return None if self._wheels is None else self._wheels.speed_mps(mono_ms)

    def driven(self, mono_ms: int) -> Driven | None:
        """What the wheels turned."""
        with self._lock:
            return None if self._wheels is None else self._wheels.driven(mono_ms)

    def door_open(self, mono_ms: int) -> bool | None:
        """Whether a leaf stands open."""
        with self._lock:
            return None if self._contacts is None else self._contacts.open(mono_ms)

    def supply_fails(self) -> bool | None:
        """By the board's last word; None before its first."""
        with self._lock:
            return None if self._last is None else _has(self._last, Input.POWER_FAIL)

    def accepted(self, mono_ms: int) -> None:
        """A code was accepted: counted where nobody can have boarded, all doors closed and no wheel turned for long."""
        with self._lock:
            if self._contacts is not None and self._wheels is not None:
                self._parked_accepted += parked(self._contacts.closed_ms(mono_ms), self._wheels.stood_ms(mono_ms))

    def tamper(self) -> bool | None:
        """Whether the housing was opened in this run."""
        with self._lock:
            return self._opened if "tamper" in self._wired and self._last is not None else None

    def board(self, mono_ms: int) -> BoardHealth:
        """As health tells it. Inputs are those of now, and unknown while the board is not there."""
        facts = self._facts()
        with self._lock:
            now = self._last if facts.state is BoardState.THERE else None
            counts = self._contacts is not None and self._wheels is not None
            return replace(
                facts,
                supply_mv=None if now is None else now.supply_mv,
                supply_low=None if now is None else self._low(now.supply_mv),
                ignition=None if now is None or "ignition" not in self._wired else _has(now, Input.IGNITION),
                door_open=None if now is None or self._contacts is None else self._contacts.open(mono_ms),
                openings=None if self._contacts is None else self._contacts.openings,
                parked_accepted=self._parked_accepted if counts else None,
            )  # fmt: skip

    def _low(self, supply_mv: int) -> bool | None:
        """None where the supply is not measured."""
        return None if supply_mv < SUPPLY_MEASURED_MIN_MV else supply_mv < self._supply_v * SUPPLY_LOW_PERMILLE


def _has(inputs: Inputs, which: Input) -> bool:
    return bool(inputs.inputs & 1 << which)
