"""Light and focus close their loop on a simulated sensor: by night, before daylight, out of focus; no hunting, no step
beyond the bounds."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters import view as views
from edge.core.focus import SHARP_ENOUGH_PERMILLE, FocusControl
from edge.core.light import WHITE_BAND, LightControl, split
from edge.core.limits import FOCUS_STEPS, GAIN_BEFORE_BLUR_MILLI, MAINS_HALF_WAVE_US, SCREEN_WAVE_US, SETTLE_VIEWS
from edge.core.places import Box
from edge.core.setting import Bounds, Setting
from edge.core.tuning import Tuning
from edge.core.view import Sight, View
from simulators.camera.settable import BOUNDS, Held, SimulatedSensor
from tests.edge.pictures import pass_text

FIXED = replace(BOUNDS, focus=False)
DARK_BUS = 4.0  # levels in 10 ms at a gain of 1
HELD = Held(pass_text(), white=150)


def run(sensor: SimulatedSensor, tuning: Tuning, frames: int) -> list[View]:
    """The loop of the decode thread, a view a frame."""
    seen = []
    for _ in range(frames):
        grey = sensor.read()
        seen.append(views.view(grey, views.grid(grey), views.find(grey), read=False))
        if (setting := tuning.step(seen[-1])) is not None:
            sensor.apply(setting)
    return seen


def opened(sensor: SimulatedSensor) -> Tuning:
    tuning = Tuning(sensor.bounds)
    sensor.apply(tuning.setting)
    return tuning


def white_of(view: View) -> int:
    assert view.sight is not None
    return view.sight.white


@pytest.mark.parametrize("gamma", [1.0, 2.2])
@pytest.mark.parametrize(
    ("surroundings", "windows", "white", "empty_frames"),
    [
        (DARK_BUS, 0.0, 20.0, 0), (DARK_BUS, 0.0, 600.0, 0), (DARK_BUS, 0.0, 150.0, 90), (DARK_BUS, 0.0, 900.0, 120),
        (120.0, 4_000.0, 45.0, 0), (900.0, 6_000.0, 300.0, 60), (80.0, 0.0, 150.0, 30),
    ],
    ids=["night, dim", "night, bright", "night, after waiting", "night, drowning", "dim before daylight", "noon", "evening"],
)  # fmt: skip
def test_a_screen_is_well_lit_within_a_second_and_stays_so(
    gamma: float, surroundings: float, windows: float, white: float, empty_frames: int
) -> None:
    sensor = SimulatedSensor(bounds=FIXED, gamma=gamma, surroundings=surroundings, windows=windows)
    tuning = opened(sensor)
    run(sensor, tuning, empty_frames)
    sensor.held = replace(HELD, white=white)
    run(sensor, tuning, 30)
    told = len(sensor.applied)
    whites = [white_of(view) for view in run(sensor, tuning, 30)]
    assert WHITE_BAND[0] <= min(whites) <= max(whites) <= WHITE_BAND[1]
    assert len(sensor.applied) == told, "it hunts"


@pytest.mark.parametrize("surroundings", [0.5, 4.0, 40.0, 400.0, 4_000.0])
def test_an_empty_bus_is_left_alone_once_it_is_lit(surroundings: float) -> None:
    sensor = SimulatedSensor(bounds=FIXED, surroundings=surroundings)
    tuning = opened(sensor)
    run(sensor, tuning, 150)
    told = len(sensor.applied)
    median = run(sensor, tuning, 100)[-1].median
    assert len(sensor.applied) == told
    assert 40 <= median <= 140 or tuning.setting.gain_milli in (FIXED.gain_min_milli, FIXED.gain_max_milli)


def test_after_a_rider_the_light_waits_for_the_next_screen() -> None:
    """A dark bus would have sixteen times the light; the next screen would drown in it."""
    sensor = SimulatedSensor(bounds=FIXED, surroundings=1.0, held=replace(HELD, white=190))
    tuning = opened(sensor)
    run(sensor, tuning, 40)
    lit = tuning.setting.exposure_us * tuning.setting.gain_milli
    sensor.held = None
    run(sensor, tuning, 200)
    assert lit < tuning.setting.exposure_us * tuning.setting.gain_milli <= 4.1 * lit
    sensor.held = replace(HELD, white=190)
    run(sensor, tuning, 20)
    assert WHITE_BAND[0] <= white_of(run(sensor, tuning, 1)[0]) <= WHITE_BAND[1]


def test_a_lamp_in_a_dark_street_does_not_put_the_light_out() -> None:
    """What still drowns after two cuts is no screen."""
    control = LightControl(FIXED)
    for clipped in [0] * 20 + [60] * 5_000:
        control.step(View(20, clipped, None, read=False))
    assert control.light > 5_000


@pytest.mark.parametrize("away", [-300, -260, -120, 120, 260, 300])
def test_a_lens_out_of_focus_is_sharp_within_three_seconds(away: int) -> None:
    sensor = SimulatedSensor(focused_at=FOCUS_STEPS // 2 + away, held=replace(HELD, module_px=5.5, left=150, top=20))
    tuning = opened(sensor)
    first = run(sensor, tuning, 10)[-1].sight
    last = run(sensor, tuning, 80)[-1].sight
    assert first is not None
    assert last is not None
    assert first.sharpest_permille < SHARP_ENOUGH_PERMILLE <= last.sharpest_permille
    assert tuning.setting.focus is not None
    assert abs(tuning.setting.focus - sensor.focused_at) < 100


def test_a_blur_that_is_no_focus_is_climbed_for_ever_more_seldom() -> None:
    focus = FocusControl(500)
    blurred = View(80, 0, Sight(Box(0, 0, 200, 200), 200, 20, 150, 140), read=False)
    moves = [focus.step(blurred) for _ in range(20_000)]
    assert sum(moves[:2_000]) > 2 * sum(moves[-2_000:]) > 0
    assert focus.focus in range(FOCUS_STEPS + 1)


def test_focus_ends_where_a_code_was_read_and_returns_when_it_has_gone() -> None:
    sight = Sight(Box(0, 0, 200, 200), 200, 20, 150, 140)
    blurred = View(80, 0, sight, read=False)
    focus = FocusControl(500)
    assert [focus.step(blurred) for _ in range(5)] == [False] * 4 + [True]
    assert focus.step(View(80, 0, sight, read=True)) is False
    assert (focus.focus, focus.climbing) == (700, False)
    focus = FocusControl(500)
    for _ in range(5):
        focus.step(blurred)
    moved = [focus.step(View(80, 0, None, read=False)) for _ in range(9)]
    assert (moved[-1], focus.focus, focus.climbing) == (True, 500, False)


def test_a_moving_hand_is_no_reason_to_turn_the_lens() -> None:
    focus = FocusControl(500)
    smeared = View(80, 0, Sight(Box(0, 0, 200, 200), 200, 20, 500, 120), read=False)
    assert not any(focus.step(smeared) for _ in range(500))


sights = st.none() | st.builds(
    lambda white, black, sharp: Sight(Box(10, 10, 210, 210), max(white, black), min(white, black), sharp, sharp // 2),
    st.integers(0, 255), st.integers(0, 255), st.integers(0, 1000),
)  # fmt: skip
any_view = st.builds(View, st.integers(0, 255), st.integers(0, 1000), sights, st.booleans())
any_bounds = st.builds(
    lambda a, b, c, d, focus: Bounds(min(a, b), max(a, b), min(c, d), max(c, d), focus),
    st.integers(1, 200_000), st.integers(1, 200_000), st.integers(100, 64_000), st.integers(100, 64_000), st.booleans(),
)  # fmt: skip


@given(any_bounds, st.lists(any_view, max_size=60))
def test_no_view_leads_out_of_the_bounds(bounds: Bounds, seen: list[View]) -> None:
    tuning = Tuning(bounds)
    assert bounds.holds(tuning.setting)
    for view in seen:
        setting = tuning.step(view)
        assert setting is None or bounds.holds(setting)
        assert bounds.holds(tuning.setting)


@settings(max_examples=300)
@given(st.floats(100, 528_000))
def test_exposures_are_whole_waves_and_give_the_light_that_was_wanted(light: float) -> None:
    exposure_us, gain_milli = split(light, FIXED)
    assert abs(exposure_us * gain_milli / 1000 - light) <= 0.01 * light + 1
    if light >= MAINS_HALF_WAVE_US and exposure_us != FIXED.exposure_max_us:
        assert exposure_us % MAINS_HALF_WAVE_US == 0
    elif SCREEN_WAVE_US <= light < MAINS_HALF_WAVE_US:
        assert exposure_us % SCREEN_WAVE_US == 0


@pytest.mark.parametrize(
    ("light", "expected"),
    [
        (2_000, (2_000, 1_000)), (5_000, (4_167, 1_200)), (10_000, (10_000, 1_000)), (40_000, (10_000, 4_000)),
        (60_000, (20_000, 3_000)), (100_000, (30_000, 3_333)), (480_000, (30_000, 16_000)), (528_000, (33_000, 16_000)),
        (1, (100, 1_000)), (9_000_000, (33_000, 16_000)),
    ],
)  # fmt: skip
def test_gain_comes_before_blur(light: int, expected: tuple[int, int]) -> None:
    assert split(light, FIXED) == expected
    assert GAIN_BEFORE_BLUR_MILLI == 4_000


def test_views_of_the_old_setting_are_passed_over() -> None:
    tuning = Tuning(FIXED)
    white = View(90, 0, Sight(Box(0, 0, 200, 200), 255, 20, 400, 400), read=False)
    changes = [tuning.step(white) for _ in range(3 * (SETTLE_VIEWS + 1))]
    assert [change is not None for change in changes] == ([False] * SETTLE_VIEWS + [True]) * 3
    assert isinstance(changes[SETTLE_VIEWS], Setting)
