"""The bench procedure by which a device comes into a city, with a stopwatch on what its machines do.

Each step is the command that docs/DEPLOY.md (Enrolment) tells, as a process of its own: the office makes a claim and
its sheet; the device reads the sheet's code with its camera, makes its keys and asks; the office looks, and answers;
the device takes the answer and tests itself. `people` are the steps between, with the time that they are allowed: an
allowance, measured by nobody, and in no sum.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import segno

from protocol.wire.claims import read_claim
from simulators.errors import SimulatorError

Tick = Callable[[int], None]  # steps done
STEPS = ("claim", "begin", "approve", "finish", "selftest")
PEOPLE = {
    "print the sheet, and carry it to the device": 60,
    "show its code to the camera, which is already focused": 10,
    "carry the request to the office, by a stick or the bench's own network": 30,
    "read six groups from the device's screen, and type four of them at the office": 40,
    "carry the answer back": 30,
    "read the self-test, destroy the sheet": 30,
}
GOAL_S = 300  # the whole bench, people and machines
_CODE = re.compile(r"<[^>]*>(SAVAR:CLAIM[^<]*)<")
_COMMAND_MAX_S = 120.0


class BenchStopped(SimulatorError):
    """A command of the procedure did not do what its page says."""


def run(*, runs: int, tick: Tick) -> dict[str, Any]:
    """→ median and longest seconds of each step, over so many devices of one city. Raises BenchStopped."""
    took: dict[str, list[float]] = {step: [] for step in STEPS}
    with tempfile.TemporaryDirectory(prefix="savar-enrol-") as scratch:
        root = Path(scratch)
        _savar("provision", "city", root / "city", "--name", "isfahan")
        (root / "grey").mkdir()
        cv2.imwrite(str(root / "grey" / "one.png"), np.full((64, 64), 200, dtype=np.uint8))
        for number in range(runs):
            _one(root, f"bus-{number + 1:04}-d1", took, tick)
    machines_s = sum(statistics.median(seconds) for seconds in took.values())
    return {
        "runs": runs,
        "step_s": {
            step: {"median": round(statistics.median(it), 2), "max": round(max(it), 2)} for step, it in took.items()
        },
        "machines_s": round(machines_s, 2), "people_allowed_s": PEOPLE, "goal_s": GOAL_S,
        "left_for_people_s": round(GOAL_S - machines_s, 1),
    }  # fmt: skip


def _one(root: Path, device: str, took: dict[str, list[float]], tick: Tick) -> None:
    sheet, request, answer = (root / f"{device}.{kind}" for kind in ("html", "request", "answer"))
    door, city = root / device, root / "city"

    def timed(step: str, *words: object, typed: str = "") -> str:
        began = time.perf_counter()
        said = _savar(*words, typed=typed)
        took[step].append(time.perf_counter() - began)
        tick(1)
        return said

    timed("claim", "provision", "claim", city, device, "--vehicle", device[:8], "--door", 1, "--sheet", sheet,
          "--camera", f"front=folder:{root / 'grey'}", "--clock-trust", "operator")  # fmt: skip
    shown = _picture(sheet, root / f"{device}.seen")
    asked = timed("begin", "enrol", "begin", door, "--out", request, "--camera", f"folder:{shown}")
    groups = next(line.split()[1:] for line in asked.splitlines() if line.startswith("fingerprint"))
    timed("approve", "provision", "approve", city, request, "--out", answer, typed=" ".join(groups[2:]))
    timed("finish", "enrol", "finish", door, answer)
    tested = json.loads(timed("selftest", "selftest", "--config", door / "validator.toml", "--json", "-"))
    failed = [it["part"] for it in tested["checks"] if it["result"] == "fail"]
    if failed:
        raise BenchStopped(f"the self-test fails: {', '.join(failed)}", fix="run its command by hand and look")


def _picture(sheet: Path, folder: Path) -> Path:
    """The code of the printed sheet, as the camera sees it."""
    found = _CODE.search(sheet.read_text())
    if found is None:
        raise BenchStopped("the sheet shows no line of its claim", fix="look at provisioning/core/claim_sheet.py")
    read_claim(found[1])
    folder.mkdir()
    segno.make(found[1], error="l", boost_error=False).save(str(folder / "sheet.png"), scale=4, border=8)
    return folder


def _savar(*words: object, typed: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *(str(word) for word in words)], input=typed + "\n",
        capture_output=True, text=True, timeout=_COMMAND_MAX_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchStopped(
            f"savar {' '.join(str(word) for word in words[:2])} ends with {done.returncode}: {done.stderr[-300:]}",
            fix="run it by hand and look",
        )
    return done.stdout
