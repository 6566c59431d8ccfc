"""A camera for tests that keeps the FrameSource contract (test_frames), and a clock that is set by hand."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from edge.core.errors import CameraLost, CameraMissing
from protocol.wire.records import ClockQuality, Instant


class FakeCamera:
    """Lives through `lives`: None cannot be opened; a list of pictures is played, then the camera is lost (live) or
    at its end (recording). A recording plays its one life again when opened again; a live one blocks after its last.
    `before_lost` is called before it is lost: a newer frame drops an older one that nobody has taken yet.
    """

    control = None

    def __init__(
        self, lives: Sequence[list[np.ndarray] | None], *, live: bool = True,
        before_lost: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.live = live
        self._before_lost = before_lost
        self._lives = list(lives)
        self._next = 0
        self._frames: list[np.ndarray] = []
        self.closed = threading.Event()

    def open(self) -> None:
        life = self._lives[min(self._next, len(self._lives) - 1)]
        self._next += 1
        if life is None:
            raise CameraMissing("no camera", fix="plug it in")
        self._frames = list(reversed(life))

    def read(self) -> np.ndarray | None:
        if self._frames:
            return self._frames.pop()
        if self.live:
            self._before_lost()
            raise CameraLost("camera vanished", fix="plug it in")
        return None

    def close(self) -> None:
        self._frames = []
        self.closed.set()


class GatedCamera:
    """A live camera whose every frame waits for the test: `give` hands one over and returns when the next is asked."""

    live = True
    control = None

    def __init__(self) -> None:
        self._asked = threading.Semaphore(0)
        self._given = threading.Semaphore(0)
        self._picture: np.ndarray | None = None

    def open(self) -> None: ...

    def read(self) -> np.ndarray:
        self._asked.release()
        self._given.acquire()
        if self._picture is None:
            raise CameraLost("gate closed", fix="none")
        return self._picture

    def give(self, picture: np.ndarray | None) -> None:
        self._asked.acquire()
        self._picture = picture
        self._given.release()
        if picture is not None:
            self._asked.acquire()  # the frame has been passed on
            self._asked.release()

    def close(self) -> None: ...


class HandClock:
    """Monotonic milliseconds set by the test."""

    def __init__(self) -> None:
        self.mono_ms = 0

    def read(self) -> Instant:
        return Instant(1_700_000_000_000 + self.mono_ms, self.mono_ms, ClockQuality.TRUSTED, 1)
