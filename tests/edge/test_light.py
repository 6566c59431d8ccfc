"""Light, focus and hints of one camera through the object that the decode thread calls, over the simulated sensor."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

import edge.adapters.view as views
from edge.app.light import Light
from edge.core.errors import CameraLost
from edge.core.lens import Lens
from edge.core.limits import (
    CONTROL_AGAIN_FRAMES,
    LENS_BLUR_PERMILLE,
    LENS_EVERY_MS,
    LENS_HAZE_PERMILLE,
    LENS_KEEP_MS,
    LOOK_EVERY,
)
from edge.core.places import Box
from edge.core.ports import Found
from edge.core.setting import Setting
from protocol.fares.hints import Hint
from simulators.camera.settable import BOUNDS, Held, SimulatedSensor
from tests.edge.pictures import pass_text

FRAME_MS = 33
HELD = Held(pass_text(), white=170)
FIXED = replace(BOUNDS, focus=False)


class Door:
    """A sensor, its light, and what the panel was told, with a clock of frames."""

    def __init__(self, sensor: SimulatedSensor, lens: Lens | None = None) -> None:
        self.sensor = sensor
        self.told: list[tuple[int, Hint | None]] = []
        self.sharper: list[int] = []
        self.now_ms = 0
        self.light = Light(
            sensor,
            lens=lens,
            on_hint=lambda hint: self.told.append((self.now_ms, hint)),
            on_sharper=self.sharper.append,
        )

    def run(self, frames: int, *, read: bool = False, found: Sequence[Found] = ()) -> None:
        for _ in range(frames):
            self.now_ms += FRAME_MS
            grey = self.sensor.read()
            if read:
                box = views.find(grey)
                found = [] if box is None else [Found(pass_text().encode(), box)]
            self.light.seen(grey, found, now_ms=self.now_ms)


@pytest.mark.parametrize(
    ("held", "hint"),
    [
        (replace(HELD, module_px=1.5), Hint.CLOSER),
        (replace(HELD, white=70.0, black=48.0), Hint.BRIGHTER),
        (replace(HELD, smear_px=6, drift_px=8), Hint.HOLD_STILL),
    ],
)
def test_the_rider_is_told_within_a_second_what_would_help(held: Held, hint: Hint) -> None:
    door = Door(SimulatedSensor(bounds=FIXED))
    door.run(60)
    assert door.told == []
    came_ms = door.now_ms
    door.sensor.held = held
    door.run(60)
    assert door.told[0][1] is hint
    assert door.told[0][0] - came_ms <= 1_000
    door.sensor.held = None
    door.run(30)
    assert door.told[-1][1] is None


def test_a_read_code_takes_the_hint_back_and_gets_none() -> None:
    door = Door(SimulatedSensor(bounds=FIXED, held=HELD))
    door.run(40)
    assert [hint for _, hint in door.told] == [Hint.HOLD_STILL]
    door.run(30, read=True)
    assert [hint for _, hint in door.told] == [Hint.HOLD_STILL, None]


def test_a_still_scene_is_looked_at_every_fourth_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, finds = [], []
    real_view, real_find = views.view, views.find
    monkeypatch.setattr(views, "view", lambda *a, **k: looks.append(1) or real_view(*a, **k))
    monkeypatch.setattr(views, "find", lambda grey, but: finds.append(1) or real_find(grey, but))
    door = Door(SimulatedSensor(bounds=FIXED))
    door.run(100)
    looks.clear(), finds.clear()
    door.run(100)
    assert (len(looks), len(finds)) == (100 // LOOK_EVERY, 0)
    door.sensor.held = HELD
    door.run(8)
    assert finds


def test_what_the_reader_found_is_believed_and_not_sought_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "find", lambda *_: pytest.fail("was sought"))
    door = Door(SimulatedSensor(bounds=FIXED, held=HELD))
    door.run(40, found=[Found(None, Box(216, 96, 412, 292)), Found(None, Box(0, 0, 30, 30))])
    assert [hint for _, hint in door.told] == [Hint.HOLD_STILL]


def test_a_sticker_that_is_read_gets_no_hint_and_a_rider_beside_it_does() -> None:
    sticker = replace(HELD, text="https://example.org/" + "x" * 120, left=40, top=60)
    read = [Found(sticker.text.encode(), Box(40, 60, 250, 270))]
    door = Door(SimulatedSensor(bounds=FIXED, poster=sticker))
    door.run(90, found=read)
    assert door.told == []
    door.sensor.held = replace(HELD, left=360)
    came_ms = door.now_ms
    door.run(40, found=read)
    assert [hint for _, hint in door.told] == [Hint.HOLD_STILL]
    assert door.told[0][0] - came_ms <= 1_000


def test_a_code_that_another_thread_has_read_takes_the_hint_back() -> None:
    door = Door(SimulatedSensor(bounds=FIXED, held=HELD))
    door.run(40)
    door.light.read_beside()
    door.run(20)
    assert [hint for _, hint in door.told] == [Hint.HOLD_STILL, None]


def test_a_poster_gets_one_hint_and_then_a_rider_beside_it_gets_his() -> None:
    poster = replace(HELD, left=60, top=60, module_px=3.0)
    door = Door(SimulatedSensor(bounds=FIXED, held=poster))
    door.run(600)
    assert [hint for _, hint in door.told] == [Hint.HOLD_STILL, None]
    door.sensor.poster, door.sensor.held = poster, replace(HELD, left=360, top=100)
    came_ms = door.now_ms
    door.run(40)
    assert [hint for _, hint in door.told[2:]] == [Hint.HOLD_STILL]
    assert door.told[2][0] - came_ms <= 1_000


def test_the_loop_closes_through_it() -> None:
    door = Door(SimulatedSensor(bounds=FIXED, surroundings=3.0, held=replace(HELD, white=700.0)))
    door.run(60)
    told = len(door.sensor.applied)
    door.run(60)
    seen = views.sight(door.sensor.read(), Box(216, 96, 412, 292))
    assert seen is not None
    assert 140 <= seen.white <= 235
    assert len(door.sensor.applied) == told


def test_a_camera_that_is_opened_anew_begins_anew() -> None:
    class Anew(SimulatedSensor):
        """Gives a new control at each opening, as the real ones do."""

        def open(self) -> None:
            super().open()
            self.handle = _Handle(self)

        @property
        def control(self) -> "_Handle | None":
            return self.handle if self._open else None

    sensor = Anew(bounds=FIXED, held=replace(HELD, white=700.0))
    sensor.open()
    door = Door(sensor)
    door.run(60)
    assert len(sensor.applied) > 2
    begun = sensor.applied[0]
    sensor.close()
    door.run(5)
    sensor.open()
    door.run(1)
    assert sensor.applied[-1] == begun


class _Handle:
    bounds = FIXED

    def __init__(self, sensor: SimulatedSensor) -> None:
        self._sensor = sensor

    def apply(self, setting: Setting) -> None:
        self._sensor.apply(setting)


def test_a_camera_that_is_lost_while_it_is_set_is_left_to_its_capture_thread() -> None:
    class Lost(SimulatedSensor):
        def apply(self, setting: Setting) -> None:
            raise CameraLost("unplugged", fix="plug it in")

    door = Door(Lost(bounds=FIXED, held=HELD))
    door.run(40)
    assert [hint for _, hint in door.told] == [Hint.HOLD_STILL], "the rest goes on"


def test_a_driver_that_was_busy_for_once_is_asked_again() -> None:
    """Else a camera that was set for the sun stays dark for hours."""

    class Busy(SimulatedSensor):
        calls = 0

        def apply(self, setting: Setting) -> None:
            self.calls += 1
            if self.calls == 1:
                raise CameraLost("busy", fix="try again")
            super().apply(setting)

    sensor = Busy(bounds=FIXED, held=HELD)
    door = Door(sensor)
    door.run(CONTROL_AGAIN_FRAMES - 1)
    assert sensor.calls == 1
    door.run(3)
    assert len(sensor.applied) >= 1


def test_a_dirty_lens_is_told_and_a_blurred_code_that_is_read_is_not() -> None:
    door = Door(SimulatedSensor(bounds=FIXED, surroundings=100.0))

    def riders(count: int, **held: float) -> None:
        for n in range(count):
            door.sensor.held = replace(HELD, left=150 + 9 * (n % 20), **held)  # type: ignore[arg-type]
            door.run(4, read=True)
            door.now_ms += LENS_EVERY_MS

    riders(25)
    assert len(door.sharper) >= 1
    for n in range(6):
        riders(4, smear_px=7 + n % 2)
        riders(1)
    assert not door.light.dirty
    door.now_ms += LENS_KEEP_MS
    door.sensor.haze = 0.75
    riders(30)
    assert door.light.dirty
    assert door.light.haze_permille >= LENS_HAZE_PERMILLE or door.light.blur_permille >= LENS_BLUR_PERMILLE
