"""The vehicle's lines as its panel board tells of them: heard on the board's thread, asked on others."""

import threading
from collections.abc import Callable, Collection

from edge.core.contacts import Contacts, parked
from edge.core.wheels import Driven, Wheels
from firmware_bridge.core.declaration import Input
from firmware_bridge.core.link import Inputs

_LEAVES = 1 << Input.DOOR_FRONT_LEAF | 1 << Input.DOOR_REAR_LEAF


class WiredVehicle:
    """Fills `edge.core.vehicle.Vehicle`.

    `mm_per_pulse` None: the board counts no wheel. `wired`: "doors", "ignition", "tamper", whichever hang on the board;
    of the others it says what an open input says, and nothing of it is believed.
    """

    def __init__(self, mm_per_pulse: int | None, wired: Collection[str], now_ms: Callable[[], int]) -> None:
        self._wheels = None if mm_per_pulse is None else Wheels(mm_per_pulse)
        self._contacts = Contacts() if "doors" in wired else None
        self._wired, self._now_ms = wired, now_ms
        self._lock = threading.Lock()
        self._last: Inputs | None = None

    def heard(self, inputs: Inputs) -> None:
        """The board's newest word."""
        now_ms = self._now_ms()
        with self._lock:
            self._last = inputs
            if self._wheels is not None:
                self._wheels.counted(inputs.odometer, now_ms)
            if self._contacts is not None:
                self._contacts.heard(leaf_open=bool(inputs.inputs & _LEAVES), mono_ms=now_ms)

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

    def parked(self, mono_ms: int) -> bool:
        """All doors closed and no wheel turned, for a while."""
        with self._lock:
            if self._contacts is None or self._wheels is None:
                return False
            return parked(self._contacts.closed_ms(mono_ms), self._wheels.stood_ms(mono_ms))
