"""`savar bench misreads`: does a door ever take a code for another one? Very many drawn frames, real passes.

A *misread* is a text of ours that the frame does not show; it is *accepted* if its proof holds. What decides is the
second: a door takes a payload with our prefix and a wrong proof for one that is not read yet.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import count, islice
from multiprocessing import get_context
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


def run(*, frames: int, seed: int, workers: int, tick: Callable[[int], None]) -> dict[str, Any]:
    """`frames` frames in stretches over `workers` processes → counts. `tick(done)`: frames done."""
    total: Counter[str] = Counter()
    sizes = [min(STRETCH, frames - at) for at in range(0, frames, STRETCH)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(look, seed * 1_000_000 + number, size) for number, size in enumerate(sizes)]
        for job in as_completed(jobs):
            total += job.result()
            tick(total["frames"])
    told = {name: total[name] for name in ("frames", "with a code of ours", "reads", "codes of others")}
    wrong = {name: total[name] for name in ("misreads", "accepted misreads")}
    return {**told, **wrong, "seed": seed, "reader": READER, "load": os.getloadavg()[0]}
