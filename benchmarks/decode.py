"""`savar bench decode`: every reader and the loop on the same frames, in one run, on one core.

Times are CPU time of the reading thread, so that a busy machine disturbs less; each contender finds the frame freshly
copied to the same memory. A first read later than zxing-cpp's is counted in frames; a wrong read is a text of ours that
no label names.
"""

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any

import cv2
import numpy as np

from benchmarks.figures import percentile
from benchmarks.readers import CONTENDERS, LOOP, NAIVE, ZXING_BGR, ZXING_GREY, Contender
from protocol.limits import LONG_PASS_BYTES, SHORT_PASS_BYTES
from protocol.wire.codes import is_ours, write_code
from simulators.camera import BUSY, STILL, Labelled, stream

Tick = Callable[[str, int], None]
SCENES = {  # name → (kind of stream, pace)
    "empty, still": ("empty_static", STILL),
    "empty, busy": ("empty_busy", BUSY),
    "phones, still": ("phones", STILL),
    "phones, busy": ("phones", BUSY),
}
KINDS = ("clean", "dim", "dark", "cracked", "moire", "glare", "tilted", "moving", "night", "paper")


@dataclass(slots=True)
class Score:
    """One contender on one scene. Times in nanoseconds of CPU."""

    empty_ns: list[int] = field(default_factory=list)
    code_ns: list[int] = field(default_factory=list)
    reads: int = 0
    wrong: int = 0
    first: dict[int, int] = field(default_factory=dict)  # presentation → frame of its first read


def texts(seed: int, payload_bytes: int) -> Iterator[str]:
    """Texts of ours without end, of so many random bytes."""
    rng = Random(f"texts {seed}")
    while True:
        yield write_code(rng.randbytes(payload_bytes))


def play(
    frames: Iterator[Labelled], contenders: Sequence[Contender], tick: Callable[[int], None]
) -> tuple[dict[str, Score], int, int]:
    """Show every frame to every contender → scores by name, whole frames with a code of ours, presentations."""
    scores = {contender.name: Score() for contender in contenders}
    readers = [(scores[contender.name], contender.make()) for contender in contenders]
    buffer = np.empty((720, 1280, 3), np.uint8)
    whole, shown = 0, set()
    for number, label in enumerate(frames):
        frame = label.shot.take().bgr
        ours = label.payload is not None and not label.foreign
        whole += ours and label.whole
        if ours and label.presentation is not None:
            shown.add(label.presentation)
        for score, read in readers:
            np.copyto(buffer, frame)
            before = time.thread_time_ns()
            found = read(buffer)
            spent = time.thread_time_ns() - before
            (score.code_ns if label.payload is not None else score.empty_ns).append(spent)
            _note(score, label, found, number)
        tick(number)
    return scores, whole, len(shown)


def _note(score: Score, label: Labelled, found: Sequence[bytes], number: int) -> None:
    truth = None if label.payload is None else label.payload.encode()
    if truth is not None and not label.foreign and truth in found:
        score.reads += 1
        assert label.presentation is not None
        score.first.setdefault(label.presentation, number)
    score.wrong += sum(1 for text in found if is_ours(text) and text != truth)


def run(*, frames: int, seed: int, contenders: Sequence[Contender], tick: Tick) -> dict[str, Any]:
    """All scenes → figures. Raises ValueError without the loop and zxing-cpp, which everything is compared with."""
    cv2.setNumThreads(1)
    names = [contender.name for contender in contenders]
    if missing := {LOOP, ZXING_BGR, ZXING_GREY} - set(names):
        raise ValueError(f"nothing to compare with: {', '.join(sorted(missing))}")
    figures: dict[str, Any] = {"seed": seed, "frames_a_scene": frames, "load": os.getloadavg()[0]}
    for scene, (kind, pace) in SCENES.items():
        gc.collect()
        shown = islice(stream(kind, seed, texts(seed, LONG_PASS_BYTES), pace=pace), frames)
        scores, whole, presentations = play(shown, contenders, lambda done, scene=scene: tick(scene, done))  # type: ignore[misc]
        figures[scene] = {
            "whole_frames": whole,
            "presentations": presentations,
            "readers": {name: _told(score, scores[ZXING_GREY]) for name, score in scores.items()},
            "ratios": _ratios(scores),
        }
    return figures


def forms(*, frames: int, seed: int, tick: Tick) -> dict[str, Any]:
    """The short against the long form on the same dim screens: frames read of those that show the whole code."""
    loop = [contender for contender in CONTENDERS if contender.name in (LOOP, ZXING_GREY)]
    told = {}
    for name, size in (("short", SHORT_PASS_BYTES), ("long", LONG_PASS_BYTES)):
        shown = islice(stream("dim", seed, texts(seed, size), pace=STILL), frames)
        scores, whole, _ = play(shown, loop, lambda done, name=name: tick(f"dim, {name}", done))  # type: ignore[misc]
        told[name] = {
            "whole_frames": whole,
            "read_percent": {n: round(100 * s.reads / max(1, whole), 1) for n, s in scores.items()},
        }  # fmt: skip
    return told


def by_kind(*, frames: int, seed: int, contenders: Sequence[Contender], tick: Tick) -> dict[str, Any]:
    """Reads of each kind of screen and paper: which reader is good for what."""
    told = {}
    for kind in KINDS:
        shown = islice(stream(kind, seed, texts(seed, LONG_PASS_BYTES), pace=STILL), frames)
        scores, whole, _ = play(shown, contenders, lambda done, kind=kind: tick(kind, done))  # type: ignore[misc]
        told[kind] = {"whole_frames": whole, **{name: score.reads for name, score in scores.items()}}
    return told


def _told(score: Score, zxing: Score) -> dict[str, Any]:
    told: dict[str, Any] = {"reads": score.reads, "wrong": score.wrong, "presentations": len(score.first)}
    for name, spent in (("empty_ms", score.empty_ns), ("code_ms", score.code_ns)):
        if spent:
            told[name] = {
                "median": round(statistics.median(spent) / 1e6, 3), "p95": round(percentile(spent, 95) / 1e6, 3),
                "mean": round(statistics.fmean(spent) / 1e6, 3),
            }  # fmt: skip
    later = [at - zxing.first[which] for which, at in score.first.items() if which in zxing.first]
    if later:
        told["first_read_later_frames"] = round(statistics.fmean(later), 2)
    return told


def _ratios(scores: dict[str, Score]) -> dict[str, float]:
    """How many times less CPU the loop takes than the baselines, and how much more it reads than zxing-cpp."""
    loop, ratios = scores[LOOP], {}
    for baseline in (NAIVE, ZXING_BGR, ZXING_GREY):
        if baseline not in scores:
            continue
        for name, ours, theirs in (
            ("empty", loop.empty_ns, scores[baseline].empty_ns), ("code", loop.code_ns, scores[baseline].code_ns),
        ):  # fmt: skip
            if ours:
                ratios[f"{name} frames, {baseline} / loop"] = round(
                    statistics.fmean(theirs) / statistics.fmean(ours), 2
                )
    if scores[ZXING_GREY].reads:
        ratios["frames read, loop / zxing-cpp"] = round(loop.reads / scores[ZXING_GREY].reads, 3)
    return ratios
