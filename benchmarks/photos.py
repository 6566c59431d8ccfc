"""Photographs of QR codes for `savar bench decode --corpus DIR`: how many of them each reader reads.

DIR holds `manifest.json`: [{file, expected_hex or null, …}]. Where the payload is not known any non-empty
read counts; where it is, another text is a wrong read. A payload may be told in another encoding or with other line
ends than the code has it.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2

from benchmarks.readers import CONTENDERS, LOOP, Contender, Picture
from edge.adapters.readers.choose import make_sight

Tick = Callable[[str, int], None]
_STILL = {  # the loop as `savar read` runs it: a picture comes once, so every way has its turn
    LOOP: ("zxing", "pyzbar"),
    "loop and heavy": ("zxing", "pyzbar", "wechat"),
    "loop, zxing-cpp alone": ("zxing",),
}


def _still(order: tuple[str, ...]) -> Callable[[Picture], list[bytes]]:
    sight = make_sight(order)
    reading = sight.reading()

    def read(picture: Picture) -> list[bytes]:
        texts = [code.text for code in reading.read_still(picture) if code.text is not None]
        return sight.heavy.read(picture) if not texts and sight.heavy is not None else texts

    return read


def run(corpus: Path, contenders: Sequence[Contender], tick: Tick) -> dict[str, Any]:
    """Each part of the corpus → photographs, and by reader: reads, wrong reads, mean CPU milliseconds."""
    entries = json.loads((corpus / "manifest.json").read_text())
    usual = [contender for contender in contenders if contender.name not in _STILL]
    readers = {contender.name: contender.make() for contender in usual if contender in CONTENDERS}
    readers |= {name: _still(order) for name, order in _STILL.items()}
    told: dict[str, Any] = {}
    for number, (entry, grey) in enumerate(_pictures(corpus, entries)):
        part = told.setdefault(entry["file"].split("/")[0], {"photographs": 0, "readers": {}})
        part["photographs"] += 1
        expected = None if entry.get("expected_hex") is None else bytes.fromhex(entry["expected_hex"])
        for name, read in readers.items():
            score = part["readers"].setdefault(name, {"reads": 0, "wrong": 0, "ms": 0.0})
            before = time.thread_time_ns()
            found = [text for text in read(grey) if text]
            score["ms"] += (time.thread_time_ns() - before) / 1e6
            right = expected is None or any(_says(text, expected) for text in found)
            score["reads"] += bool(found) and right
            score["wrong"] += bool(found) and not right
        tick("photographs", number)
    for part in told.values():
        for score in part["readers"].values():
            score["ms"] = round(score["ms"] / part["photographs"], 2)
        base = part["readers"].get("zxing-cpp grey", {}).get("reads")
        if base:
            part["ratios"] = {name: round(score["reads"] / base, 3) for name, score in part["readers"].items()}
    return told


def _says(text: bytes, expected: bytes) -> bool:
    """Whether they are one text in some encoding that QR codes are written in."""
    wanted = expected.decode("utf-8", "replace").replace("\r\n", "\n").strip()
    for encoding in ("utf-8", "shift_jis", "iso8859-1", "gb18030", "big5", "euc_kr", "utf-16-be"):
        if text == expected or text.decode(encoding, "replace").replace("\r\n", "\n").strip() == wanted:
            return True
    return False


def _pictures(corpus: Path, entries: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Picture]]:
    for entry in entries:
        grey = cv2.imread(str(corpus / entry["file"]), cv2.IMREAD_GRAYSCALE)
        if grey is not None:
            yield entry, grey
