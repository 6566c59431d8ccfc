"""One camera as a monitored device: its state, its counts, and when to try it again. Pure.

The transitions are the table; what it leaves out cannot happen and is a defect of the caller (KeyError). A camera is
STALLED when it is open but gave no frame for CAMERA_STALL_MS, MISSING when it cannot be opened or vanished (P4).
"""

from enum import Enum, auto

from edge.core.errors import LocalError
from edge.core.limits import CAMERA_RETRY_MAX_MS, CAMERA_RETRY_MIN_MS, CAMERA_STALL_MS
from protocol.wire.health import CameraHealth, CameraState


class CameraEvent(Enum):
    """What can happen to a camera."""

    OPENED = auto()
    FRAME = auto()
    SILENT = auto()  # open, no frame for CAMERA_STALL_MS
    FAILED = auto()  # CameraMissing or CameraLost
    ENDED = auto()  # a file or folder was played to its end
    BROKE = auto()  # its thread died of something unforeseen


_S, _E = CameraState, CameraEvent
TRANSITIONS: dict[tuple[CameraState, CameraEvent], CameraState] = {
    (_S.STARTING, _E.OPENED): _S.STARTING,
    (_S.STARTING, _E.FRAME): _S.WORKING,
    (_S.STARTING, _E.SILENT): _S.STALLED,
    (_S.STARTING, _E.FAILED): _S.MISSING,
    (_S.STARTING, _E.ENDED): _S.ENDED,
    (_S.WORKING, _E.FRAME): _S.WORKING,
    (_S.WORKING, _E.SILENT): _S.STALLED,
    (_S.WORKING, _E.FAILED): _S.MISSING,
    (_S.WORKING, _E.ENDED): _S.ENDED,
    (_S.STALLED, _E.FRAME): _S.WORKING,
    (_S.STALLED, _E.SILENT): _S.STALLED,
    (_S.STALLED, _E.FAILED): _S.MISSING,
    (_S.STALLED, _E.ENDED): _S.ENDED,
    (_S.MISSING, _E.FAILED): _S.MISSING,
    (_S.MISSING, _E.OPENED): _S.STARTING,
    **{(state, _E.BROKE): _S.MISSING for state in _S},
}
_WATCHED = (CameraState.STARTING, CameraState.WORKING, CameraState.STALLED)  # states in which silence is measured


class CameraWatch:
    """State and counts of one camera since start. Times are monotonic milliseconds. The caller serialises."""

    def __init__(
        self,
        name: str,
        mono_ms: int,
        *,
        retry_min_ms: int = CAMERA_RETRY_MIN_MS,
        retry_max_ms: int = CAMERA_RETRY_MAX_MS,
    ) -> None:
        self.name = name
        self.state = CameraState.STARTING
        self.frames = self.dropped = self.reads = 0
        self.problem: LocalError | None = None
        self._heard_ms = mono_ms
        self._retry_min_ms, self._retry_max_ms = retry_min_ms, retry_max_ms
        self._retry_ms = retry_min_ms

    def opened(self, mono_ms: int) -> None:
        """The source is open; frames should follow."""
        self._heard_ms = mono_ms
        self._step(CameraEvent.OPENED)

    def frame(self, mono_ms: int) -> None:
        """A frame came: whatever was wrong is over."""
        self.frames += 1
        self._heard_ms = mono_ms
        self._retry_ms = self._retry_min_ms
        self.problem = None
        self._step(CameraEvent.FRAME)

    def failed(self, problem: LocalError) -> int:
        """It cannot be opened or has vanished → milliseconds until the next try, doubling up to the bound.

        No jitter: the camera is this device's own, nobody else knocks at it.
        """
        self.problem = problem
        self._step(CameraEvent.FAILED)
        wait_ms = self._retry_ms
        self._retry_ms = min(2 * self._retry_ms, self._retry_max_ms)
        return wait_ms

    def ended(self) -> None:
        """A file or folder is at its end."""
        self._step(CameraEvent.ENDED)

    def broke(self, problem: LocalError) -> None:
        """A thread of it died: it is as good as missing, and nothing tries it again."""
        self.problem = problem
        self._step(CameraEvent.BROKE)

    def look(self, mono_ms: int) -> CameraHealth:
        """How it is now; silence is noticed here, so that a thread blocked in a driver is noticed too."""
        if self.state in _WATCHED and mono_ms - self._heard_ms > CAMERA_STALL_MS:
            self._step(CameraEvent.SILENT)
        return CameraHealth(self.name, self.state, self.frames, self.dropped, self.reads)

    def _step(self, event: CameraEvent) -> None:
        self.state = TRANSITIONS[self.state, event]
