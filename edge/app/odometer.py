"""The vehicle's speed by its wheels, for whoever asks: counted on the panel board's thread, read on others."""

import threading
from collections.abc import Callable

from edge.core.wheels import Wheels
from firmware_bridge.core.link import Inputs


class Odometer:
    """`mm_per_pulse` None: the board counts no wheel, and nothing is known."""

    def __init__(self, mm_per_pulse: int | None, now_ms: Callable[[], int]) -> None:
        self._wheels = None if mm_per_pulse is None else Wheels(mm_per_pulse)
        self._now_ms = now_ms
        self._lock = threading.Lock()

    def heard(self, inputs: Inputs) -> None:
        """The board's newest word."""
        if self._wheels is not None:
            with self._lock:
                self._wheels.counted(inputs.odometer, self._now_ms())

    def speed_mps(self, mono_ms: int) -> float | None:
        """Metres a second; None where nobody knows."""
        if self._wheels is None:
            return None
        with self._lock:
            return self._wheels.speed_mps(mono_ms)
