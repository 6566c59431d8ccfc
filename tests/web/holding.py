"""A bus under test before whose camera pictures of a phone's screen are held: the validator's own decode loop, offline."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Queue

import cv2
import numpy as np

from edge.adapters.clock import SystemClock
from edge.adapters.console_panel import SilentPanel
from edge.app.boarding import Outcome
from edge.app.config import load_config
from edge.app.validator import Validator
from edge.core.ports import GreyImage

WIDTH, HEIGHT = 1280, 720
FRAMES = 12  # a refusal needs three that agree
GAP = 6  # empty frames behind a phone
WAIT_S = 30  # for an answer: a crowded machine is slow, not wrong


class Screen:
    """A camera before which nobody stands, or a phone lies for some frames. Fulfils edge.core.ports.FrameSource."""

    live = True
    control = None

    def __init__(self) -> None:
        self._frames: Queue[GreyImage] = Queue()
        self._closed = threading.Event()
        self._empty = np.full((HEIGHT, WIDTH), 90, np.uint8)

    def hold(self, pngs: Sequence[bytes]) -> None:
        """Hold a screen that shows these pictures in turn, and take it away."""
        for png in pngs:
            frame = self._lying(png)
            for _ in range(FRAMES):
                self._frames.put(frame)
        for _ in range(GAP):
            self._frames.put(self._empty)

    @property
    def idle(self) -> bool:
        """Whether all has been shown."""
        return self._frames.empty()

    def _lying(self, png: bytes) -> GreyImage:
        """A screen's picture, as high as the frame."""
        screen = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert screen is not None
        width = round(screen.shape[1] * HEIGHT / screen.shape[0])
        frame = self._empty.copy()
        at = (WIDTH - width) // 2
        frame[:, at : at + width] = cv2.resize(screen, (width, HEIGHT), interpolation=cv2.INTER_AREA)
        return frame

    def open(self) -> None:
        """Nothing."""

    def read(self) -> GreyImage | None:
        """The next frame, 30 a second."""
        self._closed.wait(1 / 30)
        try:
            return self._frames.get_nowait()
        except Empty:
            return self._empty

    def close(self) -> None:
        """Nothing is held open."""


class HeldBus:
    """One door of a bus that no network reaches. `ahead_ms`: of its clock, which somebody vouches for."""

    def __init__(self, folder: Path, ahead_ms: int = 0) -> None:
        self._screen = Screen()
        self._outcomes: Queue[Outcome] = Queue()
        self._folder, self._ahead_ms = folder, ahead_ms
        self._validator: Validator | None = None

    def start(self) -> None:
        """Take fares, with what lies on its card by now."""
        clock = SystemClock(
            trust="operator", floor_ms=0, wall_ms=lambda: time.time_ns() // 1_000_000 + self._ahead_ms
        )  # fmt: skip
        self._validator = Validator(
            load_config(self._folder / "validator.toml"), panel=SilentPanel(), sources={"front": self._screen},
            clock=clock, on_outcome=lambda _camera, _mono_ms, outcome: self._outcomes.put(outcome),
        )  # fmt: skip
        self._validator.start()

    def stop(self) -> None:
        """Stop; harmless before it started."""
        if self._validator is not None:
            self._validator.stop()

    def answer(self, pngs: Sequence[bytes]) -> str:
        """Hold a screen with these pictures in turn → the verdict's name, of each answer that it got."""
        self._screen.hold(pngs)
        try:
            names = [self._outcomes.get(timeout=WAIT_S).showing.verdict.name]
        except Empty:
            return "no answer"
        while not self._screen.idle:
            time.sleep(1 / 30)
        while not self._outcomes.empty():
            names.append(self._outcomes.get().showing.verdict.name)
        return " ".join(names)
