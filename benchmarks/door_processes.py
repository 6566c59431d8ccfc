"""What `savar validator` takes as a process: memory and processor time, with one camera, with two, and two of them.

The cameras are MJPEG streams of 15 drawn frames a second (phones, a moving cabin), so decoding JPEG is in the figure,
as with a USB camera. The broker is not there. PSS counts a page that two processes share as half in each.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.door import FPS, Riders, make_city
from benchmarks.figures import processor_s
from simulators.camera import BUSY, stream
from simulators.camera.held import Colour
from simulators.network_camera import NetworkCamera

FRAMES = 100  # in a loop: two riders; the same ones again are copies, answered and recorded like others
WARM_S = 5.0  # readers loaded, first day key made
START_S = 60.0  # far more than a start takes
CASES = {  # name → processes, each with so many cameras
    "one camera": ["one"],
    "two cameras, one process": ["both"],
    "two processes, a camera each": ["one", "other"],
}


class _Scene:
    """The same frames for ever, from its own place on."""

    def __init__(self, frames: Sequence[Colour], first: int) -> None:
        self._frames = frames
        self._first = first
        self.served = 0

    def next_frame(self) -> Colour:
        frame = self._frames[(self._first + self.served) % len(self._frames)]
        self.served += 1
        return frame


@contextmanager
def _validators(root: Path, devices: Sequence[str]) -> Iterator[list[int]]:
    """Running processes → their ids; ended with SIGTERM."""
    with ExitStack() as parts:
        log = parts.enter_context((root / "validators.log").open("ab"))
        running = []
        for device in devices:
            config = root / "devices" / device / "validator.toml"
            command = [sys.executable, "-m", "cli.main", "validator", "--quiet", "--config", str(config)]
            process = subprocess.Popen(command, stdout=log, stderr=log)
            parts.callback(process.wait)
            parts.callback(process.send_signal, signal.SIGTERM)
            running.append(process.pid)
        yield running


def run(folder: Path, *, seconds: float, seed: int, warm_s: float = WARM_S) -> dict[str, Any]:
    """Each case over so many seconds → figures. Raises TimeoutError for a validator that never looks at its camera."""
    root = folder / "processes"
    frames: list[Colour] = []
    scenes = [_Scene(frames, 0), _Scene(frames, FRAMES // 2)]
    with ExitStack() as parts:
        urls = []
        for scene in scenes:
            camera = NetworkCamera(scene.next_frame, fps=FPS)
            urls.append(camera.url)
            parts.callback(camera.stop)
            camera.start()
        front, back = (("front", urls[0]), ("back", urls[1]))
        make_city(root, {"one": [front], "other": [back], "both": [front, back]})
        shown = stream("phones", seed, Riders(root, seed).texts(), pace=BUSY)
        frames += [label.shot.take().bgr for label in islice(shown, FRAMES)]
        return {name: _measure(root, devices, scenes, seconds, warm_s) for name, devices in CASES.items()}


def _measure(
    root: Path, devices: Sequence[str], scenes: Sequence[_Scene], seconds: float, warm_s: float
) -> dict[str, Any]:
    watched = scenes if devices != ["one"] else scenes[:1]
    with _validators(root, devices) as pids:
        _wait_watched(watched)
        time.sleep(warm_s)
        served, spent, began = [scene.served for scene in watched], sum(map(processor_s, pids)), time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        spent = sum(map(processor_s, pids)) - spent
        count = sum(scene.served for scene in watched) - sum(served)
        memory = [_memory(pid) for pid in pids]
    return {
        "rss_mb": [round(one["Rss"], 1) for one in memory],
        "pss_mb": round(sum(one["Pss"] for one in memory), 1),
        "private_mb": round(sum(one["Private_Clean"] + one["Private_Dirty"] for one in memory), 1),
        "cpu_s_a_second": round(spent / passed, 3),
        "frames_a_second": round(count / passed, 1),
        "cpu_ms_a_frame": round(1000 * spent / count, 1),
        "load": round(os.getloadavg()[0], 2),
    }


def _wait_watched(scenes: Sequence[_Scene]) -> None:
    before, began = [scene.served for scene in scenes], time.monotonic()
    while not all(scene.served > count for scene, count in zip(scenes, before, strict=True)):
        if time.monotonic() - began > START_S:
            raise TimeoutError("a validator does not look at its camera: see validators.log")
        time.sleep(0.1)


def _memory(pid: int) -> dict[str, float]:
    """Name → megabytes of smaps_rollup."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {name: int(rest.split()[0]) * 1024 / 1e6 for name, _, rest in (line.partition(":") for line in lines)}
