"""The simulated camera as a frame source: paced by the clock it is given, bounded, and honest about what it shows."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from edge.core.errors import CameraLost, CameraMissing
from edge.core.ports import FrameSource
from protocol.fares.verdicts import Verdict
from protocol.wire.records import ClockQuality, Instant
from simulators.camera.plain import Scene
from simulators.camera.source import WAITING_MAX, PresentedLog, Rhythm, SimulatedCamera
from simulators.script import Kind, Presentation

WALL_MS = 1_767_240_000_000


class HandClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.mono_ms = 0.0
        self.sleeps: list[float] = []

    def read(self) -> Instant:
        return Instant(WALL_MS + round(self.mono_ms), round(self.mono_ms), ClockQuality.TRUSTED, 0)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.mono_ms += seconds * 1000


def showing(number: int) -> Presentation:
    return Presentation(f"bus-1-{number:05}", "bus-1", 0, Kind.FRESH, Verdict.ACCEPTED)


class Stage:
    """A small camera with everything around it."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = HandClock()
        self.path = tmp_path / "presented.jsonl"
        self.log = PresentedLog(self.path)
        self.asked: list[tuple[str, int, int]] = []  # (id, wall time, lines logged so far)
        self.scene = Scene("camera", size=(640, 480))
        self.camera = SimulatedCamera(
            self.scene, self.text, self.log, clock=self.clock, sleep=self.clock.sleep, rhythm=Rhythm(10, 4, 2)
        )
        self.plain = Scene("camera", size=(640, 480))

    def text(self, one: Presentation, now_ms: int) -> str:
        self.asked.append((one.id, now_ms, len(self.lines())))
        return f"SV1:{one.id.upper()}"

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def shown(self) -> bool:
        """Whether the next frame shows a phone."""
        return bool((self.camera.read() != self.plain.empty()).mean() > 0.02)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    stage.camera.open()
    yield stage
    stage.log.close()


def test_a_presentation_is_shown_for_some_frames_and_empty_ones_follow(stage: Stage) -> None:
    source: FrameSource = stage.camera
    assert source.live
    assert not stage.shown()
    stage.camera.offer(showing(1), 0)
    stage.camera.offer(showing(2), 0)
    assert not stage.camera.idle
    assert [stage.shown() for _ in range(12)] == [True] * 4 + [False] * 2 + [True] * 4 + [False] * 2
    assert stage.camera.idle


def test_the_code_is_made_and_logged_when_it_is_first_shown_and_its_text_is_not_kept(stage: Stage) -> None:
    """What the log names was not shown before its line was written (P3: the audit counts these lines)."""
    stage.camera.offer(showing(1), 0)
    stage.camera.offer(showing(2), 0)
    for _ in range(7):
        stage.camera.read()
    assert stage.asked == [("bus-1-00001", WALL_MS, 0), ("bus-1-00002", WALL_MS + 600, 1)]
    assert stage.lines()[0] == {
        "id": "bus-1-00001", "bus": "bus-1", "kind": "fresh", "expected": "accepted",
        "sha256": sha256(b"SV1:BUS-1-00001").hexdigest(), "shown_at_ms": WALL_MS,
    }  # fmt: skip
    assert "SV1:" not in stage.path.read_text()


def test_frames_come_at_their_rate_and_a_late_one_does_not_hurry_the_next(stage: Stage) -> None:
    for _ in range(3):
        stage.camera.read()
    assert stage.clock.sleeps == [0.1, 0.1]  # the first is due at once
    stage.clock.mono_ms += 1_000
    stage.camera.read()
    stage.camera.read()
    assert stage.clock.sleeps == [0.1, 0.1, 0.1]


def test_the_schedule_is_bounded(stage: Stage) -> None:
    assert all(stage.camera.offer(showing(n), 0) for n in range(WAITING_MAX))
    assert not stage.camera.offer(showing(99), 0)


def test_unplugged_it_is_lost_then_missing_and_plugged_it_goes_on(stage: Stage) -> None:
    stage.camera.offer(showing(1), 0)
    stage.camera.read()
    stage.camera.unplug()
    with pytest.raises(CameraLost):
        stage.camera.read()
    stage.camera.close()
    with pytest.raises(CameraMissing):
        stage.camera.open()
    stage.camera.plug()
    stage.camera.open()
    assert stage.camera.read() is not None
    assert len(stage.lines()) == 1
