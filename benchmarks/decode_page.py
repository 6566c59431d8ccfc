"""The figures of `savar bench decode` as a page for docs/: tables, and a plot (SVG: bars need no library)."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from benchmarks.decode import SCENES
from benchmarks.readers import LOOP

_BAR_PX, _GAP_PX, _LEFT_PX, _WIDE_PX = 16, 5, 190, 760
_COLOURS = {LOOP: "#0b7a4b"}
_OTHER = "#9aa7b1"
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


def plot(figures: Mapping[str, Any]) -> str:
    """SVG: a bar for each reader's mean, scene by scene, on a logarithmic scale, for pyzbar takes 400 times as long."""
    bars: list[str] = []
    top = 10
    for scene in SCENES:
        told = figures[scene]["readers"]
        kind = "code_ms" if scene.startswith("phones") else "empty_ms"
        bars.append(f'<text x="4" y="{top + 12}" font-weight="bold">{escape(scene)}</text>')
        top += _BAR_PX + _GAP_PX
        for name, score in told.items():
            mean = score[kind]["mean"]
            length = max(2.0, (math.log10(max(mean, 0.01)) + 2) / 4 * (_WIDE_PX - _LEFT_PX - 60))
            bars += [
                f'<text x="{_LEFT_PX - 6}" y="{top + 12}" text-anchor="end">{escape(name)}</text>',
                f'<rect x="{_LEFT_PX}" y="{top}" width="{length:.0f}" height="{_BAR_PX}"',
                f' fill="{_COLOURS.get(name, _OTHER)}"/>',
                f'<text x="{_LEFT_PX + length + 5:.0f}" y="{top + 12}">{mean} ms</text>',
            ]
            top += _BAR_PX + _GAP_PX
        top += 2 * _GAP_PX
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE_PX} {top}" font-family="sans-serif"'
        f' font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(bars)}</svg>\n'
    )
