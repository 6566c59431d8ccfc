"""The system's clocks, and whether the kernel says that something disciplines the wall clock."""

import ctypes
import os
import time
from collections.abc import Callable

from edge.core.timekeeping import JUMP_MS, Timekeeper
from protocol.wire.records import Instant

_TIME_ERROR = 5  # adjtimex(2): clock not synchronised


class _Timex(ctypes.Structure):
    """struct timex, as far as it is read; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),  # microseconds
        ("esterror", ctypes.c_long),
        ("room", ctypes.c_char * 256),
    )


def _kernel_discipline() -> tuple[bool, int]:
    """(disciplined, error bound in whole seconds, rounded up) as adjtimex(2) reports for any time service."""
    timex = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return state != _TIME_ERROR, -(-timex.maxerror // 1_000_000)


class SystemClock:
    """Reads both clocks. `trust="operator"`: a person vouches for the wall clock (development, tests)."""

    CHECK_MS = 10_000  # the kernel is asked this often: discipline changes in minutes

    def __init__(
        self,
        *,
        trust: str,
        floor_ms: int,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        mono_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        discipline: Callable[[], tuple[bool, int]] = _kernel_discipline,
    ) -> None:
        self._wall_ms, self._mono_ms, self._discipline = wall_ms, mono_ms, discipline
        self._keeper = Timekeeper(floor_ms)
        self._operator = trust == "operator"
        self._disciplined = (True, 1)
        self._checked_ms: int | None = None
        self._offset_ms = 0

    def heard(self, wall_ms: int) -> None:
        """The backend's signed word of this time has arrived: no honest clock is earlier."""
        self._keeper.raise_floor(wall_ms)

    def satellites(self, time_ms: int, mono_ms: int) -> None:
        """A trusted fix of a receiver said this time, when the monotonic clock stood so: a second witness."""
        self._keeper.satellites(time_ms, mono_ms)

    @property
    def problem(self) -> str:
        """What the clocks hold against one another, in words for a person; empty if nothing."""
        off_s = self._keeper.satellites_off_s
        if off_s:
            return f"the satellites' time is {off_s} s off, and not believed: a forged sky, or a receiver too old"
        return ""

    def read(self) -> Instant:
        """Wall and monotonic time with the quality earned."""
        wall_ms, mono_ms = self._wall_ms(), self._mono_ms()
        offset_ms = wall_ms - mono_ms
        moved = abs(offset_ms - self._offset_ms) > JUMP_MS
        self._offset_ms = offset_ms
        due = moved or self._checked_ms is None or mono_ms - self._checked_ms >= self.CHECK_MS
        if due and not self._operator:  # a clock that was set is asked about at once, before the jump is believed
            self._disciplined, self._checked_ms = self._discipline(), mono_ms
        disciplined, bound_s = self._disciplined
        return self._keeper.judge(wall_ms, mono_ms, disciplined=disciplined, error_bound_s=bound_s)
