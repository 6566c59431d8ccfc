"""What the looks beside reading cost (edge/app/light), against a reader's look at the same frame, and what they find.

Frames are drawn before anything is measured. Looks and readings take turns frame by frame, so that both meet the same
machine.
"""

import os
import time
from collections.abc import Callable, Sequence
from itertools import islice
from statistics import fmean, median
from typing import Any

from edge.adapters import view
from edge.adapters.frames.opencv import settle_opencv
from edge.adapters.readers.zxing import ZxingReader
from edge.app.light import Light
from protocol.wire.codes import write_code
from simulators.camera import Labelled, stream
from simulators.camera.codes import Grey

KINDS = ("empty_static", "empty_busy", "phones")
_FRAME_MS = 33
_FIRST = 40  # frames before a still scene is at rest, and the libraries are warm


class _Fixed:
    """A source without controls: only looks are measured."""

    live = True
    control = None

    def open(self) -> None:
        """Nothing."""

    def read(self) -> None:
        """Nothing comes from it: the frames are handed on."""

    def close(self) -> None:
        """Nothing."""


def run(*, frames: int, seed: int, tick: Callable[[int], None]) -> dict[str, Any]:
    """So many frames of each kind → figures."""
    settle_opencv()
    figures: dict[str, Any] = {"frames": frames, "seed": seed, "load": os.getloadavg()[0]}
    texts = [write_code(bytes([n]) * 183) for n in range(50)]
    for kind in KINDS:
        shown = list(islice(stream(kind, seed, texts), frames))
        greys = [frame.shot.take().grey for frame in shown]
        figures |= {f"{kind}_{name}": value for name, value in (_cost(greys) | _found(shown, greys)).items()}
        tick(frames)
    return figures


def _cost(greys: Sequence[Grey]) -> dict[str, float]:
    """The looks' processor time a frame in microseconds, and over a reader's look at the same frame."""
    light, reader = Light(_Fixed()), ZxingReader()
    looks, reads = [], []
    for number, grey in enumerate([*greys[:_FIRST], *greys]):
        began = time.thread_time_ns()
        found = reader.find(grey)
        between = time.thread_time_ns()
        light.seen(grey, found, now_ms=_FRAME_MS * number)
        looks.append(time.thread_time_ns() - between)
        reads.append(between - began)
    looks, reads = looks[_FIRST:], reads[_FIRST:]
    return {
        "us_median": round(median(looks) / 1000, 1), "us_mean": round(fmean(looks) / 1000, 1),
        "of_a_read": round(fmean(looks) / fmean(reads), 4),
    }  # fmt: skip


def _found(shown: Sequence[Labelled], greys: Sequence[Grey]) -> dict[str, float]:
    """How often something code-like is found: on frames that show a whole code of ours, where it is; on empty ones."""
    there = nowhere = codes = empties = 0
    for frame, grey in zip(shown, greys, strict=True):
        box = view.find(grey)
        if frame.whole and not frame.foreign:
            codes += 1
            there += box is not None and any(
                box.left <= one["pose"]["x_px"] <= box.right and box.top <= one["pose"]["y_px"] <= box.bottom
                for one in frame.shot.parameters["in_view"]
            )
        elif frame.payload is None:
            empties += 1
            nowhere += box is not None
    shares = {"found_of_codes": (there, codes), "found_of_empties": (nowhere, empties)}
    return {name: round(part / whole, 3) for name, (part, whole) in shares.items() if whole}
