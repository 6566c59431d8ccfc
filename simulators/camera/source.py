"""A bus camera before which riders hold their phones: a frame source for the validator's real decode loop.

    director thread   offer ─▶ bounded queue
    capture thread    read  ─▶ next presentation: code made, logged, then shown for some frames ─▶ empty frames

What is shown is logged before its first frame, with a hash of the text and never the text.
"""

import json
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from edge.core.errors import CameraLost, CameraMissing
from edge.core.ports import Clock
from simulators.camera.codes import Grey
from simulators.camera.plain import Hold, Scene
from simulators.script import Presentation

WAITING_MAX = 8  # presentations queued before one camera; a director that is faster waits


class PresentedLog:
    """`presented.jsonl`: one line per presentation {id, bus, kind, expected, sha256, shown_at_ms}. For all cameras."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def note(self, showing: Presentation, text: str, now_ms: int) -> None:
        """Write the line; it has left this process when this returns."""
        line = {
            "id": showing.id,
            "bus": showing.bus,
            "kind": showing.kind.value,
            "expected": showing.expected.name.lower(),
            "sha256": sha256(text.encode()).hexdigest(),
            "shown_at_ms": now_ms,
        }
        with self._lock:
            self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How fast frames come, for how many of them a phone is shown, and how many pass before the next."""

    fps: float = 15.0
    frames_shown: int = 6  # a refusal needs three that agree
    frames_between: int = 3


class SimulatedCamera:
    """Fulfils edge.core.ports.FrameSource. `offer`, `unplug`, `plug` and `idle` may be used from other threads.

    `text` makes a presentation's code when it is first shown (Codes.text); `sleep` takes seconds.
    """

    live = True
    control = None

    def __init__(
        self,
        scene: Scene,
        text: Callable[[Presentation, int], str],
        log: PresentedLog,
        *,
        clock: Clock,
        sleep: Callable[[float], None],
        rhythm: Rhythm = Rhythm(),
    ) -> None:
        self._scene = scene
        self._text = text
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._rhythm = rhythm
        self._waiting: queue.Queue[Presentation] = queue.Queue(WAITING_MAX)
        self._unplugged = threading.Event()
        self._hold: Hold | None = None
        self._frames_left = 0
        self._due_ms = 0.0

    def offer(self, showing: Presentation, timeout_s: float) -> bool:
        """Queue a presentation; False if there was no place within the time."""
        try:
            self._waiting.put(showing, timeout=timeout_s)
        except queue.Full:
            return False
        return True

    @property
    def idle(self) -> bool:
        """Whether everything offered has been shown to its end."""
        return self._waiting.unfinished_tasks == 0

    def unplug(self) -> None:
        """Pull the cable: `read` raises CameraLost, `open` CameraMissing."""
        self._unplugged.set()

    def plug(self) -> None:
        """Put it back."""
        self._unplugged.clear()

    def open(self) -> None:
        """Start. Raises CameraMissing while it is unplugged."""
        if self._unplugged.is_set():
            raise CameraMissing("the simulated camera is unplugged", fix="plug it in")
        self._due_ms = self._clock.read().mono_ms

    def read(self) -> Grey | None:
        """The next frame, when it is due. Raises CameraLost if it was unplugged."""
        if self._unplugged.is_set():
            raise CameraLost("the simulated camera was unplugged", fix="plug it in")
        self._pace()
        if self._frames_left == 0:
            self._go_on()
        if self._hold is None:
            if self._frames_left:
                self._frames_left -= 1
            return self._scene.empty()
        self._frames_left -= 1
        return self._hold.frame()

    def close(self) -> None:
        """Nothing is held open."""

    def _pace(self) -> None:
        """Wait until the frame is due; one that is late does not hurry the next."""
        wait_ms = self._due_ms - self._clock.read().mono_ms
        if wait_ms > 0:
            self._sleep(wait_ms / 1000)
        self._due_ms += max(0.0, -wait_ms) + 1000 / self._rhythm.fps

    def _go_on(self) -> None:
        """From a phone to the empty frames after it, and from those to the next phone, if one waits."""
        if self._hold is not None:
            self._hold = None
            self._waiting.task_done()
            self._frames_left = self._rhythm.frames_between
            if self._frames_left:
                return
        try:
            showing = self._waiting.get_nowait()
        except queue.Empty:
            return
        now_ms = self._clock.read().wall_ms
        text = self._text(showing, now_ms)
        self._log.note(showing, text, now_ms)
        self._hold = self._scene.hold(showing.id, text)
        self._frames_left = self._rhythm.frames_shown
