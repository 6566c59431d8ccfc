"""The figures of `savar bench decode` as a page for docs/: tables, and a plot (bars, drawn with OpenCV)."""

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from benchmarks.decode import SCENES
from benchmarks.readers import LOOP, Picture

_ROW_PX, _LEFT_PX, _WIDE_PX = 24, 230, 900
_COLOURS = {LOOP: (75, 122, 11)}  # BGR
_OTHER = (177, 167, 154)
_HEAD = (
    "| reader | empty: median / p95 / mean ms | code: median / p95 / mean ms | frames read | wrong | presentations |"
    " first read later, frames |"
)


def page(figures: Mapping[str, Any], plot: str) -> str:
    """Markdown with every figure. `plot`: the picture's file name, beside the page."""
    lines = [
        "# Reading codes: every reader on the same frames", "",
        "Written by `savar bench decode --page`; times are CPU milliseconds of the reading thread.",
        f"Seed {figures['seed']}, {figures['frames_a_scene']} frames a scene, load {figures['load']:.1f} at the start.",
        "", f"![mean CPU time a frame]({plot})", "",
    ]  # fmt: skip
    for scene in SCENES:
        lines += _scene(scene, figures[scene])
    if "kinds" in figures:
        lines += _kinds(figures["kinds"])
    if "dim" in figures:
        lines += _dim(figures["dim"])
    if "photographs" in figures:
        lines += _photographs(figures["photographs"])
    return "\n".join(lines) + "\n"


def _scene(scene: str, told: Mapping[str, Any]) -> list[str]:
    lines = [
        f"## {scene}: {told['whole_frames']} frames with a whole code, {told['presentations']} presentations", "",
        _HEAD,
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, score in told["readers"].items():
        times = [
            " / ".join(str(score[kind][part]) for part in ("median", "p95", "mean")) if kind in score else "–"
            for kind in ("empty_ms", "code_ms")
        ]
        lines.append(
            f"| {name} | {times[0]} | {times[1]} | {score['reads']} | {score['wrong']} | {score['presentations']} |"
            f" {score.get('first_read_later_frames', '–')} |"
        )
    return [*lines, "", "; ".join(f"{name}: {value}" for name, value in told["ratios"].items()), ""]


def _kinds(kinds: Mapping[str, Any]) -> list[str]:
    names = [name for name in next(iter(kinds.values())) if name != "whole_frames"]
    head = ["## Frames read, by what is held up", "", "| kind | whole frames | " + " | ".join(names) + " |"]
    rows = [
        f"| {kind} | {told['whole_frames']} | " + " | ".join(str(told[name]) for name in names) + " |"
        for kind, told in kinds.items()
    ]
    return [*head, "|---" * (len(names) + 2) + "|", *rows, ""]


def _dim(dim: Mapping[str, Any]) -> list[str]:
    rows = [
        f"| {form} | {told['whole_frames']} | "
        + ", ".join(f"{n} {p} %" for n, p in told["read_percent"].items())
        + " |"
        for form, told in dim.items()
    ]
    head = [
        "## Screens at 20 %: the short against the long form",
        "",
        "| form | whole frames | read |",
        "|---|---|---|",
    ]
    return [*head, *rows, ""]


def _photographs(parts: Mapping[str, Any]) -> list[str]:
    lines = [
        "## Photographs",
        "",
        "| part | reader | read | × zxing-cpp | wrong | mean ms |",
        "|---|---|---|---|---|---|",
    ]
    for part, told in parts.items():
        for name, score in told["readers"].items():
            lines.append(
                f"| {part} ({told['photographs']}) | {name} | {score['reads']} | {told['ratios'][name]} |"
                f" {score['wrong']} | {score['ms']} |"
            )
    return [*lines, ""]


def png(figures: Mapping[str, Any]) -> bytes:
    """The plot as a file."""
    return bytes(cv2.imencode(".png", plot(figures))[1])


def plot(figures: Mapping[str, Any]) -> Picture:
    """A bar for each reader's mean, scene by scene, on a logarithmic scale, for pyzbar takes 400 times as long. BGR."""
    rows = sum(len(figures[scene]["readers"]) + 2 for scene in SCENES)
    picture = np.full((rows * _ROW_PX + _ROW_PX, _WIDE_PX, 3), 255, np.uint8)
    top = _ROW_PX
    for scene in SCENES:
        kind = "code_ms" if scene.startswith("phones") else "empty_ms"
        _write(picture, scene, 8, top, thick=2)
        for name, score in figures[scene]["readers"].items():
            top += _ROW_PX
            mean = score[kind]["mean"]
            right = _LEFT_PX + int(max(2.0, (math.log10(max(mean, 0.01)) + 2) / 4 * (_WIDE_PX - _LEFT_PX - 120)))
            _write(picture, name, 24, top)
            cv2.rectangle(picture, (_LEFT_PX, top - 14), (right, top + 4), _COLOURS.get(name, _OTHER), cv2.FILLED)
            _write(picture, f"{mean} ms", right + 8, top)
        top += 2 * _ROW_PX
    return picture


def _write(picture: Picture, text: str, left: int, base: int, thick: int = 1) -> None:
    cv2.putText(picture, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), thick, cv2.LINE_AA)
