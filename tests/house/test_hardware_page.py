"""docs/HARDWARE.md computes what it says: reading distances and depth of field, from the formulas it gives."""

import re
import tomllib
from math import atan, degrees
from pathlib import Path

import pytest

from edge.app.config import PanelConfig
from edge.core.limits import (
    CAMERA_HEIGHT_PX,
    CAMERA_WIDTH_PX,
    LENS_BLUR_PERMILLE,
    LENS_HAZE_PERMILLE,
)
from protocol.fares.lights import BUTTON_HOLD_MS, BUTTON_REPEAT_MS, LAMP_HOLD_MS
from protocol.fares.tones import LONG_MS, SHORT_MS, TUNES, Pitch
from protocol.fares.verdicts import BY_REASON, TABLE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "HARDWARE.md").read_text(encoding="utf-8")
SENSORS = {"OV9281": (1_280, 3.0e-3), "OV2311": (1_600, 3.0e-3), "IMX296": (1_456, 3.45e-3)}  # pixels, mm
PX_A_MODULE = 2.1
DISTANCES = re.findall(r"^\| (\w+) \| ([\d.]+) mm \| ([\d,]+) px \| (\d+)° \| (.+) \|$", PAGE, re.MULTILINE)
DEPTHS = re.findall(
    r"^\| (\w+) \| ([\d.]+) mm \| f/([\d.]+) \| (\d+) mm \| (\d+) mm \| (\d+) … (\d+) mm \|$", PAGE, re.MULTILINE
)


def test_the_tables_are_there() -> None:
    assert len(DISTANCES) == 6
    assert len(DEPTHS) == 4


@pytest.mark.parametrize(("sensor", "lens", "focal", "view", "told"), DISTANCES)
def test_distances_follow_from_the_formula(sensor: str, lens: str, focal: str, view: str, told: str) -> None:
    pixels, pitch = SENSORS[sensor]
    focal_px = float(lens) / pitch * CAMERA_WIDTH_PX / pixels
    assert round(focal_px) == int(focal.replace(",", ""))
    assert round(degrees(2 * atan(CAMERA_WIDTH_PX / 2 / focal_px))) == int(view)
    nearest = focal_px * 60 / CAMERA_HEIGHT_PX
    reach = [focal_px * width / (modules + 8) / PX_A_MODULE for width in (50, 60) for modules in (37, 49)]
    assert [round(value) for value in (nearest, *reach)] == [int(value) for value in re.findall(r"(\d+) mm", told)]


@pytest.mark.parametrize("row", DEPTHS)
def test_depth_follows_from_the_formula(row: tuple[str, ...]) -> None:
    sensor, lens, stop, at, *told = row
    f, s = float(lens), int(at)
    h = f * f / (float(stop) * 2 * SENSORS[sensor][1]) + f
    near, far = s * (h - f) / (h + s - 2 * f), s * (h - f) / (h - s)
    assert [round(value) for value in (h, near, far)] == [int(value) for value in told]


def test_the_ratio_and_the_alarms_are_those_of_the_code() -> None:
    assert f"(49 + 8) / (37 + 8) = **{(49 + 8) / (37 + 8):.2f}**" in PAGE
    assert f"49 / 37 = {49 / 37:.2f}" in PAGE
    assert f"from {LENS_HAZE_PERMILLE // 10} % haze or {LENS_BLUR_PERMILLE // 10} % blur" in re.sub(r"\s+", " ", PAGE)


def test_every_verdicts_lamp_and_tone_is_told() -> None:
    rows = {verdict.name: row for verdict, row in TABLE.items()}
    rows |= {f"{verdict.name}, {reason.name}": row for (verdict, reason), row in BY_REASON.items()}
    letter = {Pitch.HIGH: "H", Pitch.MIDDLE: "M", Pitch.LOW: "L"}
    told = {
        name: (lamp, tune)
        for name, lamp, tune in re.findall(r"^\| ([A-Z_, ]+) \| (\w+) \| `([^`]+)` \|$", PAGE, re.MULTILINE)
    }
    assert told == {
        name: (row.lamp.value, " ".join(letter[n.pitch] + ("-" if n.ms == LONG_MS else ".") for n in TUNES[row.tone]))
        for name, row in rows.items()
    }
    assert f"H is {Pitch.HIGH:,} Hz, M {Pitch.MIDDLE:,}, L {Pitch.LOW}; `.` is {SHORT_MS} ms, `-` {LONG_MS}" in PAGE
    assert f"lit for {LAMP_HOLD_MS // 1000} s" in PAGE
    assert f"within {BUTTON_REPEAT_MS // 1000} s" in PAGE
    assert f"Held for {BUTTON_HOLD_MS // 1000} s" in PAGE


def test_the_panels_example_is_a_configuration() -> None:
    example = re.search(r"^    \[panel\].*?(?=^\S)", PAGE, re.DOTALL | re.MULTILINE)
    assert example
    PanelConfig.model_validate(tomllib.loads(example[0].replace("\n    ", "\n").strip())["panel"])


def test_what_the_page_links_and_names_exists() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
    for place in re.findall(r"`((?:edge|simulators|protocol)/[\w/]+)`", PAGE):
        assert (ROOT / place).exists() or (ROOT / place).with_suffix(".py").exists(), place
    assert (ROOT / "docs" / "code-window.svg").read_text(encoding="utf-8").startswith("<svg")
