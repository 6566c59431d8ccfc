"""A camera's states, as in the table."""

import pytest

from edge.core.camera_watch import TRANSITIONS, CameraEvent, CameraWatch
from edge.core.errors import CameraLost, CameraMissing
from edge.core.limits import CAMERA_RETRY_MAX_MS, CAMERA_RETRY_MIN_MS, CAMERA_STALL_MS
from protocol.wire.health import CameraState


def test_the_life_of_a_camera_that_vanishes_and_comes_back() -> None:
    """P4: a dead camera is shown."""
    watch = CameraWatch("front", 0)
    assert watch.look(0).state is CameraState.STARTING
    watch.failed(CameraMissing("none"))
    assert watch.look(0).state is CameraState.MISSING
    watch.opened(1_000)
    assert watch.look(1_000).state is CameraState.STARTING
    watch.frame(1_100)
    assert (watch.look(1_100).state, watch.problem) == (CameraState.WORKING, None)
    assert watch.look(1_100 + CAMERA_STALL_MS).state is CameraState.WORKING
    assert watch.look(1_101 + CAMERA_STALL_MS).state is CameraState.STALLED
    watch.frame(6_000)
    assert watch.look(6_000).state is CameraState.WORKING
    watch.failed(CameraLost("gone"))
    assert watch.look(6_000 + 10 * CAMERA_STALL_MS).state is CameraState.MISSING
    assert watch.look(6_000).frames == 2


def test_a_camera_that_opens_and_never_gives_a_frame_is_stalled() -> None:
    watch = CameraWatch("front", 0)
    watch.opened(500)
    assert watch.look(501 + CAMERA_STALL_MS).state is CameraState.STALLED


def test_a_stalled_camera_that_then_vanishes_or_ends_is_shown_as_that() -> None:
    """P4: what it takes to mend a missing camera is another thing than what a stalled one needs."""
    for event, state in ((lambda w: w.failed(CameraLost("gone")), CameraState.MISSING), (
        CameraWatch.ended, CameraState.ENDED)):  # fmt: skip
        watch = CameraWatch("front", 0)
        for mono_ms in (1 + CAMERA_STALL_MS, 2 * CAMERA_STALL_MS):
            assert watch.look(mono_ms).state is CameraState.STALLED
        event(watch)
        assert watch.look(3 * CAMERA_STALL_MS).state is state


def test_a_camera_works_from_its_first_frame_on_and_while_frames_come() -> None:
    watch = CameraWatch("front", 0)
    assert watch.problem is None
    watch.opened(0)
    assert watch.look(0).state is CameraState.STARTING
    for mono_ms in (10, 20):
        watch.frame(mono_ms)
        assert watch.look(mono_ms).state is CameraState.WORKING


def test_a_camera_that_was_away_for_long_is_not_stalled_as_soon_as_it_is_back() -> None:
    watch = CameraWatch("front", 0)
    watch.failed(CameraMissing("none"))
    watch.opened(10 * CAMERA_STALL_MS)
    assert watch.look(11 * CAMERA_STALL_MS).state is CameraState.STARTING


def test_the_wait_doubles_to_its_bound_and_a_frame_resets_it() -> None:
    watch = CameraWatch("front", 0)
    waits = [watch.failed(CameraMissing("none")) for _ in range(12)]
    assert waits[:3] == [CAMERA_RETRY_MIN_MS, 2 * CAMERA_RETRY_MIN_MS, 4 * CAMERA_RETRY_MIN_MS]
    assert max(waits) == waits[-1] == CAMERA_RETRY_MAX_MS
    watch.opened(0)
    assert watch.failed(CameraLost("opened, but gave nothing")) == CAMERA_RETRY_MAX_MS
    watch.opened(0)
    watch.frame(0)
    assert watch.failed(CameraLost("gone")) == CAMERA_RETRY_MIN_MS


def test_an_ended_recording_stays_ended() -> None:
    watch = CameraWatch("front", 0)
    watch.opened(0)
    watch.ended()
    assert watch.look(10 * CAMERA_STALL_MS).state is CameraState.ENDED
    with pytest.raises(KeyError):
        watch.frame(1)


def test_every_state_is_reached_and_only_a_defect_leaves_the_end() -> None:
    assert set(TRANSITIONS.values()) == set(CameraState)
    assert {event for state, event in TRANSITIONS if state is CameraState.ENDED} == {CameraEvent.BROKE}


@pytest.mark.parametrize("state", list(CameraState))
def test_a_broken_thread_is_shown_from_every_state(state: CameraState) -> None:
    watch = CameraWatch("front", 0)
    watch.state = state
    watch.broke(CameraLost("broke"))
    assert (watch.look(10 * CAMERA_STALL_MS).state, str(watch.problem)) == (CameraState.MISSING, "broke")
