"""`savar bench door`: from the first readable frame to the lamp, and what a validator's process takes.

A whole validator in this process (capture, decode, heavy and sync threads, the real readers, journal and signer on the
given folder's disk) looks at drawn frames, 15 a second of real time. A presentation is drawn whole while the camera
stands still, so that drawing takes no processor from the door, and is a fresh pass of a rider of its own. "First
readable" is the first frame that one default look of zxing-cpp reads; that is found while drawing.

The time runs from the moment the capture thread has that frame to the panel's `show`, which stands behind the commit.
It is below 0 where the door read an earlier frame, and one frame (67 ms) more where it needed one more.
"""

import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import cv2
import zxingcpp

from benchmarks.figures import percentile
from benchmarks.phones import phone
from edge.app.boarding import Outcome
from edge.app.config import load_config
from edge.app.validator import Validator
from edge.core.ports import FrameSource, GreyImage, Panel, Showing
from protocol.fares.hints import Hint
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from protocol.wire.keys import SigningKey
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from simulators.board.door import BoardDoor
from simulators.camera import Labelled, Pace, stream

FPS = 15.0
SETTLE_S = 0.5  # after a presentation's last frame: the heavy reader may still be at it
_PORT = 9  # of the backend and its broker, which are not there: a door without a network
_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
# As BUSY, with a second of nobody instead of two: half the drawing for the same presentations.
PACE = Pace(fps=FPS, shown=(14, 26), between=(10, 16), moves=True)


class Riders:
    """Fresh passes of the city at `root`, each of another rider."""

    def __init__(self, root: Path, seed: int) -> None:
        self._issuer = SigningKey.from_pem((root / "backend" / "keys" / "issuer.key.pem").read_bytes())
        self._seed = seed
        self.drawn = 0
        self.rendered_s = 0.0  # when the newest was rendered, monotonic

    def texts(self) -> Iterator[str]:
        """A pass rendered now, whenever one is asked for."""
        while True:
            self.drawn += 1
            now_s, self.rendered_s = int(time.time()), time.monotonic()
            holder = SigningKey.from_secret(sha256(f"door {self._seed} {self.drawn}".encode()).digest())
            yield phone(self._issuer, holder, self.drawn, expiry_day=service_day(now_s * 1000) + 200).text(now_s)


def make_city(root: Path, doors: dict[str, list[tuple[str, str]]]) -> None:
    """A city whose devices are `doors`: name → (camera's name, source)."""
    now = datetime.now(UTC)
    create_city(root, name="bench", tariff=Tariff(1, 50_000), http_port=_PORT, now=now, randomness=os.urandom)
    for number, (device, cameras) in enumerate(doors.items(), start=1):
        add_device(
            root, device=device, vehicle="bus-1", door=number, cameras=cameras, clock_trust="operator", now=now,
            randomness=os.urandom,
        )  # fmt: skip


@dataclass(slots=True)
class Presentation:
    """One rider's frames, and when what became of them; times in nanoseconds of the monotonic clock."""

    frames: list[GreyImage]
    readable: int | None  # the first frame that zxing-cpp reads
    rendered_s: float = 0.0  # when its pass was rendered, in seconds of that clock
    handed: list[int] = field(default_factory=list)
    lamp: int | None = None  # when a charged boarding was shown
    read: int | None = None  # which frame that was read from
    refused: bool = False  # it was read and refused, and not accepted

    @property
    def waited_ms(self) -> float | None:
        """From the first readable frame to the lamp."""
        if self.lamp is None or self.readable is None:
            return None
        return (self.lamp - self.handed[self.readable]) / 1e6

    @property
    def worked_ms(self) -> float | None:
        """From the frame that was read to the lamp."""
        return None if self.lamp is None or self.read is None else (self.lamp - self.handed[self.read]) / 1e6


def draw(riders: Riders, seed: int) -> Iterator[Presentation]:
    """Presentations without end, each drawn when it is asked for."""
    shown = stream("phones", seed, riders.texts(), pace=PACE)
    for _, labels in groupby(shown, key=lambda _: riders.drawn):
        yield _drawn(labels, riders.rendered_s)  # of its own pass: the next one is rendered behind its last label


def _drawn(labels: Iterator[Labelled], rendered_s: float) -> Presentation:
    frames, readable = list[GreyImage](), None
    for number, label in enumerate(labels):
        grey = label.shot.take().grey
        frames.append(grey)
        if readable is None and label.payload is not None:
            truth = label.payload.encode()
            if any(bytes(code.bytes) == truth for code in zxingcpp.read_barcodes(grey, formats=_QR)):
                readable = number
    return Presentation(frames, readable, rendered_s)


class PlayedCamera:
    """A live camera that shows what `play` is given, and between two plays nothing at all."""

    live = True
    control = None

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._playing: Presentation | None = None
        self._ended = False
        self._due = 0.0

    def play(self, what: Presentation) -> None:
        """Show it from now on; returns when its last frame was handed over."""
        with self._changed:
            self._due = time.monotonic()
            self._playing = what
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._playing is None or self._ended)

    def end(self) -> None:
        """No more comes."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Whoever waits for its frames waits no longer: a door that gave the camera up ends the benchmark."""
        self.end()

    def read(self) -> GreyImage | None:
        """The next frame when it is due; a late one is not caught up."""
        with self._changed:
            self._changed.wait_for(lambda: self._playing is not None or self._ended)
            playing = self._playing
            if playing is None:
                return None
            time.sleep(max(0.0, self._due - time.monotonic()))
            self._due = max(self._due + 1 / FPS, time.monotonic())
            frame = playing.frames[len(playing.handed)]
            playing.handed.append(time.monotonic_ns())
            if len(playing.handed) == len(playing.frames):
                self._playing = None
                self._changed.notify_all()
            return frame


class BusyCamera:
    """A live camera before which people move and nobody holds a code: a loop of three seconds."""

    live = True
    control = None

    def __init__(self, seed: int) -> None:
        shown = islice(stream("empty_busy", seed, itertools.repeat("")), 3 * int(FPS))
        self._frames = itertools.cycle([label.shot.take().grey for label in shown])

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def read(self) -> GreyImage | None:
        """The next frame, a fifteenth of a second later."""
        time.sleep(1 / FPS)
        return next(self._frames)


class _Watch:
    """A panel that notes when it showed what, and the outcomes that the door tells of. `beyond`: a panel behind it."""

    def __init__(self, beyond: Panel | None) -> None:
        self._beyond = beyond
        self._lock = threading.Lock()
        self._shown: list[tuple[Showing, int]] = []
        self.verdicts: Counter[str] = Counter()
        self.now: Presentation | None = None

    def show(self, showing: Showing) -> None:
        """Note the time."""
        at = time.monotonic_ns()
        with self._lock:
            self._shown.append((showing, at))
            self.verdicts[showing.verdict.name.lower()] += 1
        if self._beyond is not None:
            self._beyond.show(showing)

    def idle(self) -> None:
        """Nothing to note."""
        if self._beyond is not None:
            self._beyond.idle()

    def hint(self, hint: Hint | None) -> None:
        """Nothing to note."""
        if self._beyond is not None:
            self._beyond.hint(hint)

    def came(self, _camera: str, frame_mono_ms: int, outcome: Outcome) -> None:
        """Which frame of the presentation it was read from."""
        with self._lock:
            at = next(at for showing, at in reversed(self._shown) if showing is outcome.showing)
            if self.now is None or self.now.lamp is not None:
                return
            self.now.refused = not outcome.showing.row.charged
            if self.now.refused:
                return
            self.now.lamp = at
            before = [n for n, handed in enumerate(self.now.handed) if handed // 1_000_000 <= frame_mono_ms]
            self.now.read = before[-1] if before else None


def run(
    folder: Path, *, presentations: int, seed: int, beside: bool = False, board: bool = False,
    tick: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Show so many presentations to a door whose journal lies in `folder` → figures as a JSON-ready dict.

    `beside`: the same process has a second camera, which looks at a busy cabin all the time. `board`: its panel is the
    unmodified firmware under QEMU, and `to_pin_ms` is from the verdict to the first pin that moves.
    """
    if not board:
        return _run(folder, None, presentations=presentations, seed=seed, beside=beside, tick=tick)
    emulated = BoardDoor(folder / "board")
    emulated.start()
    try:
        figures = _run(folder, emulated, presentations=presentations, seed=seed, beside=beside, tick=tick)
    finally:
        emulated.stop()
    pins = emulated.pins
    return figures | {"to_pin_ms": _spread(list(pins.lag_ms)), "pins": {"right": pins.right, "wrong": len(pins.wrong)}}


def _run(
    folder: Path, panel: Panel | None, *, presentations: int, seed: int, beside: bool, tick: Callable[[int], None]
) -> dict[str, Any]:
    cv2.setNumThreads(1)
    root = folder / "city"
    camera, watch = PlayedCamera(), _Watch(panel)
    sources: dict[str, FrameSource] = {"front": camera}
    if beside:
        sources["back"] = BusyCamera(seed)
    make_city(root, {"door-1": [(name, "folder:none") for name in sources]})
    door = Validator(
        load_config(root / "devices" / "door-1" / "validator.toml"), panel=watch, sources=sources,
        on_outcome=watch.came,
    )  # fmt: skip
    loads = [os.getloadavg()[0]]
    played: list[Presentation] = []
    door.start()
    try:
        for shown in draw(Riders(root, seed), seed):
            watch.now = shown
            camera.play(shown)
            time.sleep(SETTLE_S)
            if door.failure is not None:
                raise door.failure
            shown.frames = []
            played.append(shown)
            loads.append(os.getloadavg()[0])
            tick(len(played))
            if len(played) == presentations:
                break
        dropped = sum(health.dropped for health in door.health().cameras)
    finally:
        camera.end()
        door.stop()
    return {
        **_told(played),
        "accepted": door.boarding.accepted,
        "refused": door.boarding.refused,
        "verdicts": dict(watch.verdicts),
        "frames_dropped": dropped,
        "cameras": len(sources),
        "seed": seed,
        "processors": os.cpu_count(),
        "load": {"least": round(min(loads), 2), "most": round(max(loads), 2)},
    }


def _told(played: list[Presentation]) -> dict[str, Any]:
    waited = [one.waited_ms for one in played if one.waited_ms is not None]
    worked = [one.worked_ms for one in played if one.worked_ms is not None]
    later = Counter(one.read - one.readable for one in played if one.read is not None and one.readable is not None)
    return {
        "presentations": len(played),
        "read_by": {
            "both": len(waited),
            "door_only": sum(one.lamp is not None and one.readable is None for one in played),
            "zxing_only": sum(one.lamp is None and not one.refused and one.readable is not None for one in played),
            "neither": sum(one.lamp is None and not one.refused and one.readable is None for one in played),
            "refused": sum(one.refused for one in played),
        },
        "first_readable_to_lamp_ms": _spread(waited),
        "read_frame_to_lamp_ms": _spread(worked),
        "oldest_pass_s": round(max(one.handed[-1] / 1e9 - one.rendered_s for one in played), 1),
        "frames_later": {str(frames): later[frames] for frames in sorted(later)},
    }


def _spread(values: list[float]) -> dict[str, float]:
    """{p50, p95, p99, most}; nothing where nothing was measured."""
    if not values:
        return {}
    return {f"p{at}": round(percentile(values, at), 1) for at in (50, 95, 99)} | {"most": round(max(values), 1)}
