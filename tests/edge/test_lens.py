"""A dirty lens shows over many codes; a single blurred, smeared or mirrored one says nothing."""

from dataclasses import replace

import pytest

from edge.adapters import view as views
from edge.core.lens import Lens
from edge.core.limits import LENS_EVERY_MS, LENS_KEEP_MS, LENS_SIGHTS_MIN
from edge.core.places import Box
from edge.core.view import Sight
from simulators.camera.settable import BOUNDS, Held, SimulatedSensor
from tests.edge.pictures import pass_text

CLEAN = Sight(Box(400, 200, 600, 400), 200, 20, 500, 480)
SECOND = LENS_EVERY_MS


def feed(lens: Lens, sight: Sight, count: int, start_ms: int = 0) -> int:
    """So many riders, one a second → when the next comes."""
    for n in range(count):
        lens.see(sight, start_ms + n * SECOND)
    return start_ms + count * SECOND


def looks(haze: float, count: int) -> list[Sight]:
    """Codes through a simulated lens, each held a little otherwise."""
    sensor = SimulatedSensor(bounds=replace(BOUNDS, focus=False), haze=haze, surroundings=90.0)
    found = []
    for n in range(count):
        sensor.held = Held(pass_text(), white=140 + 10 * (n % 9), smear_px=1 + 4 * (n % 3 == 0), left=60 + 10 * n)
        grey = sensor.read()
        box = views.find(grey)
        assert box is not None
        seen = views.sight(grey, box)
        assert seen is not None
        found.append(seen)
    return found


def test_dirt_shows_as_haze_and_blur_on_pictures() -> None:
    lens = Lens()
    now_ms = 0
    for sight in looks(0.0, 24):
        lens.see(sight, now_ms := now_ms + SECOND)
    clean = (lens.blur_permille, lens.haze_permille)
    now_ms += LENS_KEEP_MS
    for sight in looks(0.5, 24):
        lens.see(sight, now_ms := now_ms + SECOND)
    assert clean[0] <= 100
    assert clean[1] <= 200
    assert lens.haze_permille >= clean[1] + 150
    assert lens.blur_permille >= clean[0] + 100


def test_codes_that_are_read_though_blurred_or_mirrored_raise_nothing() -> None:
    """Four in five phones are badly held; the lens is judged by the best tenth."""
    lens = Lens()
    now_ms = feed(lens, CLEAN, 40)
    before = (lens.blur_permille, lens.haze_permille)
    for _ in range(30):
        now_ms = feed(lens, replace(CLEAN, black=120, sharpest_permille=120), 4, now_ms)
        now_ms = feed(lens, CLEAN, 1, now_ms)
    assert (lens.blur_permille, lens.haze_permille) == before == (0, 100)


def test_a_dirty_lens_is_told_after_hours_and_a_wiped_one_is_clean_again() -> None:
    lens = Lens()
    now_ms = feed(lens, CLEAN, 60)
    dirty = replace(CLEAN, black=100, sharpest_permille=250)
    now_ms = feed(lens, dirty, 200, now_ms)
    assert (lens.blur_permille, lens.haze_permille) == (500, 500)
    feed(lens, CLEAN, 60, now_ms)
    assert (lens.blur_permille, lens.haze_permille) == (0, 100)


def test_a_few_codes_say_nothing_and_one_rider_is_one() -> None:
    lens = Lens()
    feed(lens, CLEAN, LENS_SIGHTS_MIN - 1)
    assert (lens.best_permille, lens.haze_permille) == (0, 0)
    for n in range(1_000):
        lens.see(CLEAN, (LENS_SIGHTS_MIN - 1) * SECOND - SECOND + n * SECOND // 1_001)
    assert lens.best_permille == 0
    assert lens.see(CLEAN, (LENS_SIGHTS_MIN + 1) * SECOND)
    assert lens.best_permille == 500


def test_dim_screens_are_left_out_for_noise_makes_edges() -> None:
    lens = Lens()
    feed(lens, replace(CLEAN, white=60, sharpest_permille=1_000), 100)
    assert lens.best_permille == 0


def test_the_best_of_an_earlier_run_counts() -> None:
    """A lens that was dirty before the restart is still dirty after it."""
    lens = Lens(best_permille=500)
    feed(lens, replace(CLEAN, sharpest_permille=250), 30)
    assert (lens.best_permille, lens.blur_permille) == (500, 500)


def test_what_is_old_is_forgotten() -> None:
    lens = Lens()
    now_ms = feed(lens, CLEAN, 30)
    feed(lens, replace(CLEAN, black=100), LENS_SIGHTS_MIN, now_ms + LENS_KEEP_MS)
    assert lens.haze_permille == 500


@pytest.mark.parametrize("sharp", [505, 515])
def test_a_little_better_is_not_written(sharp: int) -> None:
    lens = Lens(best_permille=500)
    assert not any(lens.see(replace(CLEAN, sharpest_permille=sharp), n * SECOND) for n in range(50))
