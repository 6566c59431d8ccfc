"""Realistic frames: seeded, truly labelled, and each condition does to the picture what its name says."""

import itertools
import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from click.testing import CliRunner

from cli import frames as cli_frames
from simulators.camera import BUSY, KINDS, STILL, Labelled, Shot, stream
from simulators.camera.cabin import Cabin
from simulators.camera.geometry import HEIGHT, WIDTH, corners
from simulators.camera.kinds import kind_of
from simulators.camera.picture import Sight
from simulators.camera.sensor import lamp_rows, smear
from simulators.camera.sheet import draw_sheet, passes
from simulators.errors import NoSuchKind

QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
TEXTS = passes(0)
HELD = [kind for kind in KINDS if kind_of(kind).held]


def codes(grey: np.ndarray, **more: Any) -> list[zxingcpp.Barcode]:
    return [code for code in zxingcpp.read_barcodes(grey, formats=QR, **more) if code.valid]


def texts(grey: np.ndarray, **more: Any) -> list[str]:
    return [code.text for code in codes(grey, **more)]


def steady(kind: str, seed: int, presentations: int) -> list[Labelled]:
    """The middle frame of each presentation that has whole ones."""
    frames = [one for one in stream(kind, seed, TEXTS[:presentations], pace=STILL) if one.presentation is not None]
    shown = [list(group) for _, group in itertools.groupby(frames, key=lambda one: one.presentation)]
    return [group[len(group) // 2] for group in shown if group[len(group) // 2].whole]


def changed(shot: Shot, **conditions: Any) -> tuple[np.ndarray, np.ndarray, Sight]:
    """The held thing alone, under other conditions: the grey frame before and after, and what is held."""
    sight = shot.sights[-1]
    before = replace(shot, sights=[sight])
    after = replace(shot, sights=[replace(sight, under=replace(sight.under, **conditions))])
    return before.take().grey.astype(float), after.take().grey.astype(float), sight


def quiet_zone(sight: Sight) -> np.ndarray:
    """Mask of white screen below the symbol."""
    left, _, right, bottom = sight.held.symbol
    high = (bottom - sight.held.symbol[1]) / 8
    quad = corners(sight.matrix, left, bottom + 0.4 * high, right, bottom + 1.2 * high)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillConvexPoly(mask, quad.astype(np.int32), 255)
    return mask > 0


def inside(sight: Sight) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillConvexPoly(mask, corners(sight.matrix, *sight.held.symbol).astype(np.int32), 255)
    return mask > 0


@pytest.fixture(scope="module")
def clean() -> list[Labelled]:
    return steady("clean", 3, 8)


# Seeds


@pytest.mark.parametrize("kind", ["phones", "paper", "stickers", "empty_busy"])
def test_the_same_seed_draws_the_same_bytes_in_any_order_and_another_seed_does_not(kind: str) -> None:
    def draw(seed: int, *, backwards: bool = False) -> list[bytes]:
        frames = list(islice(stream(kind, seed, TEXTS), 20, 60, 12))
        taken = {one.number: one.shot.take().bgr.tobytes() for one in (reversed(frames) if backwards else frames)}
        return [taken[number] for number in sorted(taken)]

    assert draw(7) == draw(7, backwards=True)
    assert all(a != b for a, b in zip(draw(7), draw(8), strict=True))


def test_labels_replay_too_and_no_two_frames_are_alike() -> None:
    def labels(seed: int) -> list[str]:
        return [json.dumps(cli_frames._label(one)) for one in stream("phones", seed, TEXTS[:3])]

    assert labels(1) == labels(1) != labels(2)
    quiet = [one.shot.take().bgr for one in islice(stream("empty_static", 1, TEXTS), 4)]
    assert all((a != b).any() for a, b in itertools.pairwise(quiet))
    assert quiet[0].shape == (720, 1280, 3)
    assert quiet[0].dtype == np.uint8


# Labels


def test_a_clean_code_is_read_with_the_labels_text_where_the_label_says(clean: list[Labelled]) -> None:
    assert len(clean) == 8
    for one in clean:
        found = codes(one.shot.take().grey)
        assert [code.text for code in found] == [one.payload] == [TEXTS[one.presentation or 0]]
        at = found[0].position
        read = np.array([(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)])
        sight = one.shot.sights[-1]
        assert np.abs(read - corners(sight.matrix, *sight.held.symbol)).max() < 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_that_is_labelled_empty_holds_no_code(kind: str) -> None:
    empty = [one for one in stream(kind, 5, TEXTS[:2]) if one.payload is None]
    for one in empty[:: max(1, len(empty) // 4)]:
        assert not one.whole
        assert not one.foreign
        assert one.presentation is None
        assert codes(one.shot.take().grey) == []


def test_a_code_that_is_cut_is_not_whole_and_one_that_is_out_is_not_named() -> None:
    streams = [stream(kind, 5, TEXTS[:6], pace=STILL) for kind in ("clean", "moving")]
    shown = [one for one in itertools.chain(*streams) if one.shot.sights]
    cut = [one for one in shown if one.payload is not None and not one.whole]
    out = [one for one in shown if one.payload is None]
    assert cut
    assert out
    for one in shown:
        sight = one.shot.sights[-1]
        x, y = corners(sight.matrix, *sight.held.symbol).T
        within = x.min() >= 0 and x.max() <= WIDTH and y.min() >= 0 and y.max() <= HEIGHT
        assert one.whole is bool(within)
        missed = x.max() < 0 or x.min() > WIDTH or y.max() < 0 or y.min() > HEIGHT
        assert not (missed and one.payload is not None)
    assert not any(one.payload in texts(one.shot.take().grey) for one in cut)


def test_codes_of_others_are_named_as_such_and_our_texts_are_not_in_those_frames() -> None:
    ours = set(TEXTS[:3])
    seen = [one for seed in (1, 2) for one in stream("stickers", seed, TEXTS[:3])]
    foreign = [one for one in seen if one.foreign]
    assert len(foreign) > len(seen) / 3
    assert any(one.payload in ours and not one.foreign and one.presentation is not None for one in seen)
    read = 0
    for one in foreign[::8]:
        assert one.payload is not None
        assert not one.payload.startswith("SV1:")
        assert one.presentation is None
        found = texts(one.shot.take().grey)
        assert not ours & set(found)
        read += one.payload in found
    assert read > len(foreign[::8]) / 3


def test_presentations_come_in_order_and_most_frames_are_empty() -> None:
    shown_texts = [f"SV1:{number}" for number in range(30)]
    frames = list(stream("phones", 4, shown_texts))
    assert [one.number for one in frames] == list(range(len(frames)))
    shown = [one.presentation for one in frames if one.presentation is not None]
    assert [key for key, _ in itertools.groupby(shown)] == list(range(30))
    assert 0.55 < sum(one.payload is None for one in frames) / len(frames) < 0.7
    assert all(one.payload == shown_texts[one.presentation] for one in frames if one.presentation is not None)


def test_a_stream_is_as_long_as_its_texts_and_an_unknown_kind_is_refused() -> None:
    assert len(list(stream("empty_busy", 1, TEXTS[:2]))) < len(list(stream("empty_busy", 1, TEXTS[:4])))
    endless = stream("empty_static", 1, itertools.repeat("SV1:A"))
    assert sum(1 for _ in islice(endless, 300)) == 300
    with pytest.raises(NoSuchKind, match="none"):
        stream("none", 1, TEXTS)


# Conditions


def test_dim_screens_are_darker(clean: list[Labelled]) -> None:
    def level(one: Labelled) -> float:
        return float(one.shot.take().grey[quiet_zone(one.shot.sights[-1])].mean())

    dim = steady("dim", 3, 6)
    assert max(map(level, dim)) < 0.6 * min(map(level, clean))


def test_dark_mode_is_inverted_and_read_only_by_inverting() -> None:
    found = steady("dark", 3, 10)
    read = [one.payload in texts(one.shot.take().grey) for one in found]
    assert sum(read) >= 0.6 * len(read)
    assert not any(texts(one.shot.take().grey, try_invert=False) for one in found)


CONDITIONS = {
    "moire": ({"moire": 0.4}, lambda a, b, m: b[m].std() > 1.3 * a[m].std()),
    "pulses": (
        {"pwm_depth": 1.0, "pwm_hz": 300.0, "pwm_duty": 0.3},
        lambda a, b, m: np.ptp((b / (a + 1))[:, WIDTH // 2][m.any(axis=1)]) > 0.3,
    ),
    "glare": ({"glare": 1.0}, lambda a, b, m: (b - a).max() > 60),
    "blur": ({"blur_px": 4.0}, lambda a, b, m: b[m].std() < 0.8 * a[m].std()),
}


@pytest.mark.parametrize("name", ["moire", "pulses"])
def test_what_a_screen_and_a_sensor_do_to_white(clean: list[Labelled], name: str) -> None:
    conditions, shows = CONDITIONS[name]
    before, after, sight = changed(clean[0].shot, **conditions)
    assert shows(before, after, quiet_zone(sight))
    phone = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillConvexPoly(phone, corners(sight.matrix, 0, 0, *sight.held.size).astype(np.int32), 255)
    around = cv2.dilate(phone, np.ones((5, 5), np.uint8)) == 0  # up to its very edge
    assert (before == after)[around].all()


def test_moire_is_coloured_for_a_pixels_three_colours_lie_side_by_side(clean: list[Labelled]) -> None:
    sight = clean[0].shot.sights[-1]
    beating = replace(sight, under=replace(sight.under, moire=0.4))
    plain, coloured = (replace(clean[0].shot, sights=[one]).take().bgr.astype(float) for one in (sight, beating))
    white = quiet_zone(sight)
    assert (coloured[white][:, 0] - coloured[white][:, 2]).std() > 2 * (plain[white][:, 0] - plain[white][:, 2]).std()


@pytest.mark.parametrize("name", ["glare", "blur"])
def test_what_glass_and_lens_do_to_a_symbol(clean: list[Labelled], name: str) -> None:
    conditions, shows = CONDITIONS[name]
    before, after, sight = changed(clean[0].shot, **conditions)
    assert shows(before, after, inside(sight))


def test_speed_smears_and_leans(clean: list[Labelled]) -> None:
    """A rolling shutter sees the lower end later: what goes right leans right on its way down."""
    shot = clean[0].shot
    sight = shot.sights[-1]
    fast = replace(sight, pose=replace(sight.pose, speed_x=4_000.0))
    still = corners(sight.matrix, *sight.held.symbol)
    moving = corners(fast.matrix, *sight.held.symbol)
    lean = (moving[3, 0] - moving[0, 0]) - (still[3, 0] - still[0, 0])
    assert lean == pytest.approx(4_000 * 42e-6 * (still[3, 1] - still[0, 1]), rel=0.1)
    before = shot.take().grey[inside(sight)].std()
    after = replace(shot, sights=[fast]).take().grey[inside(sight)].std()
    assert after < 0.7 * before


@pytest.mark.parametrize(("dx", "dy"), [(8, 0), (30, 0), (-60, 10)])
def test_a_smear_is_as_long_as_the_way_about_where_the_thing_was_and_loses_no_light(dx: int, dy: int) -> None:
    """A straight even smear of length d has a spread of d/√12."""
    dot = np.zeros((101, 201, 3), np.uint8)
    dot[48:53, 98:103] = 255
    smeared = smear(dot, dx, dy)[:, :, 0].astype(float)
    across, down = np.arange(201) @ smeared.sum(0), np.arange(101) @ smeared.sum(1)
    assert (across / smeared.sum(), down / smeared.sum()) == pytest.approx((100, 50), abs=0.1)
    spread = (np.arange(201) - 100) ** 2 @ smeared.sum(0) / smeared.sum() - 2  # the dot's own is 2
    assert spread == pytest.approx(dx**2 / 12, rel=0.05)
    assert smeared.sum() == pytest.approx(dot[:, :, 0].sum(), rel=0.01)


def test_a_tilt_shortens(clean: list[Labelled]) -> None:
    sight = clean[0].shot.sights[-1]
    flat = replace(sight.pose, tilt_deg=0.0, turn_deg=0.0, axis_deg=0.0)
    shape = []
    for pose in (flat, replace(flat, tilt_deg=45.0)):
        quad = corners(replace(sight, pose=pose).matrix, *sight.held.symbol)
        shape.append(np.ptp(quad[:, 1]) / np.linalg.norm(quad[0] - quad[1]))
    assert shape[0] == pytest.approx(1, abs=0.01)
    assert shape[1] < 0.85


def test_lamps_flicker_row_by_row_at_twice_the_mains_and_an_exposure_of_a_period_hides_it() -> None:
    one = next(stream("empty_static", 1, TEXTS))
    light = replace(one.shot.stage.light, flicker_depth=0.2, mains_hz=50.0, exposure_ms=2.0)
    rows = lamp_rows(light, 0.0)
    period = round(0.01 / 42e-6)
    assert np.ptp(rows) > 0.3
    assert np.abs(rows[:-period] - rows[period:]).max() < 0.01
    assert np.ptp(lamp_rows(replace(light, exposure_ms=10.0), 0.0)) < 1e-9
    # And in frames: the ratio of two is the ratio of their lamps.
    frames = list(islice(stream("empty_static", 6, TEXTS), 3))
    light = frames[0].shot.stage.light
    means = [frame.shot.take().grey.astype(float).mean(axis=1) for frame in frames]
    expected = lamp_rows(light, frames[1].shot.start_s) / lamp_rows(light, frames[0].shot.start_s)
    assert np.corrcoef(means[1] / means[0], expected)[0, 1] > 0.9


def test_exposure_wanders_and_a_near_phone_takes_light_away() -> None:
    gains = {one.number: one.shot.gain for one in stream("phones", 2, TEXTS[:8])}
    assert len(set(gains.values())) == len(gains)
    shown = [one.shot.gain for one in steady("clean", 2, 8)]
    empty = [one.shot.gain for one in islice(stream("clean", 2, TEXTS[:8], pace=STILL), 15)]
    assert np.mean(shown) < np.mean(empty) - 0.05


def test_people_move_when_the_pace_says_so_and_only_then() -> None:
    def moved(kind: str, pace: Any) -> tuple[float, float]:
        cabin = next(stream(kind, 1, TEXTS, pace=pace)).shot.stage.cabin
        change = cv2.absdiff(cabin.frame(0), cabin.frame(10)) > 10
        return float(change[45:180].mean()), float(change[400:].mean())  # the street, and people and bags

    assert min(moved("empty_busy", STILL)) > 0.05  # what its name says stands before the pace
    assert min(moved("phones", BUSY)) > 0.05
    assert moved("empty_static", BUSY) == (0, 0)
    assert moved("phones", STILL) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("cracked", 0.2, 0.95), ("paper", 0.2, 0.95), ("phones", 0.6, 1.0)]
)
def test_what_is_worn_is_harder_and_not_hopeless(kind: str, least: float, most: float) -> None:
    shown = steady(kind, 9, 16)
    read = sum(one.payload in texts(one.shot.take().grey) for one in shown) / len(shown)
    assert least <= read <= most


def test_a_night_is_darker_and_noisier_than_a_day() -> None:
    def look(kind: str) -> tuple[float, float]:
        one = next(stream(kind, 1, TEXTS))
        return float(one.shot.take().grey.mean()), one.shot.stage.light.noise

    day, night = look("clean"), look("night")
    assert night[0] < 0.5 * day[0]
    assert night[1] > day[1]


def test_what_is_swept_by_comes_in_on_one_side_and_leaves_on_the_other() -> None:
    shown = [one.shot for one in stream("moving", 2, TEXTS[:8]) if one.shot.sights and one.shot.sights[-1].under.sweeps]
    ways = [list(group) for _, group in itertools.groupby(shown, key=lambda shot: shot.sights[-1].text)]
    assert len(ways) >= 3
    for way in ways:
        middle = np.array([WIDTH / 2, HEIGHT / 2])
        first, last = (np.array([s.sights[-1].pose.x_px, s.sights[-1].pose.y_px]) - middle for s in (way[0], way[-1]))
        assert first @ last < 0
        assert min(np.linalg.norm(first), np.linalg.norm(last)) > HEIGHT / 2


def test_a_label_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = list(stream("phones", 1, TEXTS[:2]))
    monkeypatch.setattr(Cabin, "frame", lambda *_: pytest.fail("drawn"))
    assert len(list(stream("phones", 1, TEXTS[:2]))) == len(frames)


# The command


def test_the_command_writes_pictures_their_labels_and_says_what_chance_decided(tmp_path: Path) -> None:
    out = tmp_path / "frames"
    done = CliRunner().invoke(
        cli_frames.command, ["--kind", "clean", "--seed", "5", "--count", "34", "--code", "short", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    labels = [json.loads(line) for line in (out / "labels.jsonl").read_text().splitlines()]
    assert [label["file"] for label in labels] == sorted(path.name for path in out.glob("*.png"))
    assert len(labels) == 34
    named = [label for label in labels if label["payload"] is not None]
    assert {len(label["payload"]) for label in named} == {126}  # 81 bytes in base45, and the prefix
    for label in named:
        conditions = label["parameters"]["in_view"][-1]["conditions"]
        assert all(f"{name} {value}" in done.output for name, value in conditions.items())
    assert f"exposure_ms {labels[0]['parameters']['light']['exposure_ms']}" in done.output
    whole = [label for label in labels if label["whole"]]
    held = min(
        whole, key=lambda label: np.hypot(*(label["parameters"]["in_view"][-1]["pose"][f"speed_{x}"] for x in "xy"))
    )
    assert texts(cv2.imread(str(out / held["file"]), cv2.IMREAD_GRAYSCALE)) == [held["payload"]]


def test_a_folder_that_cannot_be_made_is_said_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(cli_frames.command, ["--count", "1", "--out", str(tmp_path / "file" / "frames")])
    assert done.exit_code == 2
    assert "frames" in done.output


@pytest.mark.parametrize("arguments", [[], ["--out", "a", "--sheet", "b.png"], ["--kind", "none"]])
def test_the_command_asks_for_one_place(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli_frames.command, arguments).exit_code == 2


def test_the_sheet_shows_every_kind(tmp_path: Path) -> None:
    sheet = draw_sheet(1)
    assert sheet.shape[0] // (225 + 26) * 3 >= len(KINDS)
    assert len(texts(sheet[:, :, 1])) >= 4
    refused = CliRunner().invoke(cli_frames.command, ["--sheet", str(tmp_path / "sheet.xyz")])
    assert refused.exit_code == 2
