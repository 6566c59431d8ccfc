"""`savar bench misreads`: does a door ever take a code for another one? Very many drawn frames, real passes.

A *misread* is a text of ours that the frame does not show; it is *accepted* if its proof holds. What decides is the
second: a door takes a payload with our prefix and a wrong proof for one that is not read yet.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from benchmarks.decode import KINDS
from benchmarks.phones import phone
from benchmarks.readers import CONTENDERS
from edge.core.opening import LongFormWanted, Unproven, open_code
from protocol.localtime import service_day
from protocol.wire.codes import is_ours
from protocol.wire.keys import SigningKey
from simulators.camera import BUSY, STILL, stream

STRETCH = 250  # frames of one stream: a sixth of a minute, some eight riders
SCENES = ("phones", *KINDS)
READER = "loop and heavy"
_ISSUER = SigningKey.from_secret(bytes(31) + b"\x07")
_TIME_S = 1_790_000_000


def passes(seed: int) -> Iterator[str]:
    """Long passes, each of another rider, without end."""
    for number in count(1):
        holder = SigningKey.from_secret((seed << 64 | number).to_bytes(32, "big"))
        rider = phone(_ISSUER, holder, number, expiry_day=service_day(_TIME_S * 1000) + 9)
        yield rider.text(_TIME_S, counter=number % 65_536)


def look(number: int, frames: int) -> Counter[str]:
    """One stretch: its scene, pace and riders come from its number → counts by name."""
    cv2.setNumThreads(1)
    kind, pace = SCENES[number % len(SCENES)], (STILL, BUSY)[number // len(SCENES) % 2]
    read = next(one for one in CONTENDERS if one.name == READER).make()
    counts: Counter[str] = Counter()
    for label in islice(stream(kind, number, passes(number), pace=pace), frames):
        shown = None if label.payload is None else label.payload.encode()
        counts["frames"] += 1
        counts["with a code of ours"] += shown is not None and not label.foreign
        for text in read(label.shot.take().bgr):
            if not is_ours(text):
                counts["codes of others"] += 1
            elif text == shown:
                counts["reads"] += 1
            else:
                counts["misreads"] += 1
                counts["accepted misreads"] += not isinstance(
                    open_code(text, [_ISSUER.verifying], lambda _: None), Unproven | LongFormWanted
                )
    return counts


def run(
    *, frames: int, seed: int, workers: int, tick: Callable[[int], None], kept: Path | None = None
) -> dict[str, Any]:
    """`frames` frames in stretches over `workers` processes → counts. `tick(done)`: frames done.

    `kept`: a file in which finished stretches stand, a line each; those in it are not looked at again. It is of one
    tree: begin another one when a reader has changed.
    """
    total: Counter[str] = Counter()
    due = {seed * 1_000_000 + at // STRETCH: min(STRETCH, frames - at) for at in range(0, frames, STRETCH)}
    for number, counts in _held(kept):
        if due.get(number) == counts["frames"]:
            del due[number]
            total += counts
    tick(total["frames"])
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(look, number, size): number for number, size in due.items()}
        for job in as_completed(jobs):
            _keep(kept, jobs[job], job.result())
            total += job.result()
            tick(total["frames"])
    told = {name: total[name] for name in ("frames", "with a code of ours", "reads", "codes of others")}
    wrong = {name: total[name] for name in ("misreads", "accepted misreads")}
    return {**told, **wrong, "seed": seed, "reader": READER, "load": os.getloadavg()[0]}


def _held(kept: Path | None) -> Iterator[tuple[int, Counter[str]]]:
    if kept is not None and kept.exists():
        for line in kept.read_text().splitlines():
            told = json.loads(line)
            yield told["stretch"], Counter(told["counts"])


def _keep(kept: Path | None, number: int, counts: Counter[str]) -> None:
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("a") as file:
            file.write(json.dumps({"stretch": number, "counts": dict(counts)}) + "\n")
