"""Capture and decode threads over real readers and pictures: newest only, nothing of a recording lost, faults lived
through."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.adapters.frames.folder import ImageFolder
from edge.adapters.readers.choose import make_sight
from edge.adapters.readers.eye import PixelEye
from edge.app.light import Light
from edge.app.looking import Looker
from edge.app.slot import NewestFrame
from edge.core.camera_watch import CameraWatch
from edge.core.errors import CameraMissing
from edge.core.lens import Lens
from edge.core.limits import CAMERA_STALL_MS
from edge.core.places import Box
from edge.core.ports import Found, Frame, FrameSource
from edge.core.reading import Reading
from edge.core.sightings import Sighting, SightingKind
from protocol import limits
from protocol.fares.hints import Hint
from protocol.wire.health import CameraState
from tests.edge.cameras import FakeCamera, GatedCamera, HandClock
from tests.edge.pictures import pass_picture, pass_text, qr

SIGHT = make_sight(["zxing", "pyzbar"])
EMPTY = np.full((40, 40), 200, np.uint8)
FAST_RETRY = functools.partial(CameraWatch, retry_min_ms=1, retry_max_ms=2)


class Seen:
    """Collects sightings and lets the test wait for them."""

    def __init__(self, *, read: bool = True) -> None:
        self.all: list[tuple[str, Sighting, int]] = []
        self.read = read
        self._some = threading.Condition()

    def __call__(self, camera: str, sighting: Sighting, mono_ms: int) -> bool:
        with self._some:
            self.all.append((camera, sighting, mono_ms))
            self._some.notify_all()
        return self.read

    def wait(self, count: int) -> None:
        with self._some:
            assert self._some.wait_for(lambda: len(self.all) >= count, 20)

    @property
    def texts(self) -> list[bytes]:
        return [sighting.text for _, sighting, _ in self.all]


@contextmanager
def looking(source: FrameSource, seen: Seen, clock: HandClock | None = None) -> Iterator[Looker]:
    looker = Looker([("front", source)], SIGHT.reading, clock or HandClock(), seen, watch=FAST_RETRY)
    looker.start()
    try:
        yield looker
    finally:
        looker.stop()


def _shifted(picture: np.ndarray, pixels: int) -> np.ndarray:
    """The same, further to the right in a wider frame."""
    frame = np.full((picture.shape[0], picture.shape[1] + 200), 255, np.uint8)
    frame[:, pixels : pixels + picture.shape[1]] = picture
    return frame


def _frame(number: int) -> Frame:
    return Frame("front", number, EMPTY, number)


def test_the_slot_keeps_the_newest_and_says_what_it_drops() -> None:
    slot = NewestFrame()
    assert [slot.put(_frame(n)) for n in range(3)] == [False, True, True]
    taken = slot.take(0)
    assert taken is not None
    assert taken.number == 2
    assert slot.take(0) is None
    slot.put(_frame(3))
    slot.close()
    assert not slot.finished
    assert slot.take(0) is not None
    assert slot.finished
    assert not slot.put_in_turn(_frame(4))


def test_a_folder_is_played_to_its_end_without_a_drop(tmp_path: Path) -> None:
    payloads = [bytes([n]) * 60 for n in range(30)]
    for number, payload in enumerate(payloads):
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), pass_picture(payload, scale=2))
        (tmp_path / f"{number:02}x.txt").write_text("no image: named in the log, the rest still run")
    seen = Seen()
    with looking(ImageFolder(tmp_path), seen) as looker:
        assert looker.wait_ended(60)
        health = looker.health()[0]
    assert seen.texts == [pass_text(payload).encode() for payload in payloads]
    assert (health.state, health.frames, health.dropped, health.reads) == (CameraState.ENDED, 30, 0, 30)


def test_a_busy_decoder_gets_the_newest_frame_and_the_drops_are_counted() -> None:
    """The decode thread is held in the first showing while three more frames come: it then sees the last one."""
    camera = GatedCamera()
    held, go_on = threading.Event(), threading.Event()
    texts: list[bytes] = []

    def on_sighting(_: str, sighting: Sighting, __: int) -> bool:
        texts.append(sighting.text)
        held.set()
        return go_on.wait(20)

    looker = Looker([("front", camera)], SIGHT.reading, HandClock(), on_sighting)
    looker.start()
    camera.give(pass_picture(b"first"))
    assert held.wait(20)
    held.clear()
    for payload in (b"second", b"third", b"fourth"):
        camera.give(pass_picture(payload))
    go_on.set()
    assert held.wait(20)
    health = looker.health()[0]
    threading.Thread(target=camera.give, args=(None,)).start()
    looker.stop()
    assert texts == [pass_text(b"first").encode(), pass_text(b"fourth").encode()]
    assert (health.frames, health.dropped) == (4, 2)


def test_what_is_still_there_is_told_as_held_and_a_new_showing_is_not() -> None:
    seen, held = Seen(), []
    pictures = [pass_picture(b"first")] * 3 + [pass_picture(b"second")]
    camera = FakeCamera([pictures], live=False)
    looker = Looker(
        [("front", camera)], SIGHT.reading, HandClock(), seen, on_held=lambda texts, _: held.append(list(texts))
    )
    looker.start()
    assert looker.wait_ended(20)
    looker.stop()
    first, second = (pass_text(name).encode() for name in (b"first", b"second"))
    assert seen.texts == [first, second]
    assert held[0] == [first]
    assert second not in [text for texts in held for text in texts]


def test_a_missing_camera_is_reported_and_tried_until_it_is_there() -> None:
    """P4: shown, and no tap is needed to notice it."""
    seen = Seen()
    with looking(FakeCamera([None, None, None, [pass_picture()], None]), seen) as looker:
        seen.wait(1)
    assert seen.texts == [pass_text().encode()]
    assert looker.health()[0].frames == 1


def test_a_camera_that_stays_missing_says_so() -> None:
    source = FakeCamera([None])
    with looking(source, Seen()) as looker:
        assert source.closed.wait(20)
        assert looker.health()[0].state is CameraState.MISSING
        assert isinstance(looker.cameras[0].problem, CameraMissing)


def test_a_camera_that_vanishes_comes_back() -> None:
    seen = Seen()
    lives = [[pass_picture(b"before")], None, [pass_picture(b"after")]]
    with looking(FakeCamera(lives, before_lost=lambda: seen.wait(1)), seen) as looker:
        seen.wait(2)
        assert set(seen.texts) == {pass_text(b"before").encode(), pass_text(b"after").encode()}
        assert looker.failure is None


def test_a_camera_that_gives_nothing_is_stalled_although_its_thread_is_blocked() -> None:
    camera, clock = GatedCamera(), HandClock()
    looker = Looker([("front", camera)], SIGHT.reading, clock, Seen())
    looker.start()
    camera.give(EMPTY)
    assert looker.health()[0].state is CameraState.WORKING
    clock.mono_ms += CAMERA_STALL_MS + 1
    assert looker.health()[0].state is CameraState.STALLED
    camera.give(EMPTY)
    assert looker.health()[0].state is CameraState.WORKING
    threading.Thread(target=camera.give, args=(None,)).start()
    looker.stop()


def test_foreign_codes_are_answered_once_when_frames_agree() -> None:
    seen = Seen()
    with looking(
        FakeCamera([[_shifted(qr("https://example.org/"), 9 * n) for n in range(9)]], live=False), seen
    ) as looker:
        assert looker.wait_ended(20)
    assert [sighting.kind for _, sighting, _ in seen.all] == [SightingKind.FOREIGN]


def test_a_sticker_that_stands_still_is_nobodys_attempt_to_pay() -> None:
    seen = Seen()
    with looking(FakeCamera([[qr("https://example.org/")] * 30], live=False), seen) as looker:
        assert looker.wait_ended(20)
    assert seen.all == []


def test_an_unread_code_comes_back_settled() -> None:
    """A failed proof may be a miscorrected read; only frames that agree make it a refusal."""
    seen = Seen(read=False)
    with looking(FakeCamera([[pass_picture()] * 9], live=False), seen) as looker:
        assert looker.wait_ended(20)
    assert [sighting.settled for _, sighting, _ in seen.all] == [False, True]


def test_two_cameras_of_a_door_are_one_hold() -> None:
    seen = Seen()
    sources: list[tuple[str, FrameSource]] = [
        (name, FakeCamera([[pass_picture()] * 3], live=False)) for name in ("front", "top")
    ]
    looker = Looker(sources, SIGHT.reading, HandClock(), seen)
    looker.start()
    assert looker.wait_ended(20)
    looker.stop()
    assert len(seen.all) == 1


def test_the_time_is_the_frames() -> None:
    seen, clock = Seen(), HandClock()
    clock.mono_ms = 4_711
    with looking(FakeCamera([[pass_picture()]], live=False), seen, clock) as looker:
        assert looker.wait_ended(20)
    assert seen.all[0][0] == "front"
    assert seen.all[0][2] == 4_711


def test_what_a_decode_thread_dies_of_is_shown_and_not_swallowed() -> None:
    """P4: a door that no longer reads says so, like a dead camera; the rest can still be stopped in order."""

    def broken(*_: object) -> bool:
        raise ZeroDivisionError

    looker = Looker([("front", FakeCamera([[pass_picture()] * 5]))], SIGHT.reading, HandClock(), broken)
    looker.start()
    assert looker.wait_ended(20)
    assert isinstance(looker.failure, ZeroDivisionError)
    assert looker.health()[0].state is CameraState.MISSING
    assert "ZeroDivisionError" in str(looker.cameras[0].problem)
    looker.stop()


def test_what_a_capture_thread_dies_of_is_shown_and_not_swallowed() -> None:
    class Odd(FakeCamera):
        def read(self) -> np.ndarray | None:
            raise ZeroDivisionError

    with looking(Odd([[EMPTY]]), Seen()) as looker:
        assert looker.wait_ended(20)
        assert isinstance(looker.failure, ZeroDivisionError)
        assert looker.health()[0].state is CameraState.MISSING


def test_settling_takes_as_many_frames_as_the_contract_says() -> None:
    seen = Seen()
    frames = [_shifted(qr("https://example.org/"), 9 * n) for n in range(limits.SIGHTINGS_BEFORE_REFUSAL - 1)]
    with looking(FakeCamera([frames], live=False), seen) as looker:
        assert looker.wait_ended(20)
    assert seen.all == []


def test_light_looks_at_every_frame_behind_the_readers_and_its_lens_stands_in_health() -> None:
    """The hint of a code that is seen and not read comes from the decode thread; a camera's health tells its lens."""
    hints: list[Hint | None] = []
    lens = Lens()
    lens.haze_permille, lens.blur_permille = 140, 80
    dim = (pass_picture(scale=4) // 12 + 100).astype(np.uint8)
    frame = np.full((720, 1280), 100, np.uint8)
    frame[200 : 200 + len(dim), 400 : 400 + len(dim)] = dim
    clock, camera = HandClock(), GatedCamera()
    light = Watched(camera, lens=lens, on_hint=hints.append)
    looker = Looker(
        [("front", camera)],
        lambda: Reading(PixelEye([Blind()])),
        clock,
        Seen(),
        light=lambda _, __: light,
    )
    looker.start()
    for n in range(40):
        clock.mono_ms = 33 * n
        camera.give(np.roll(frame, n % 3, axis=1))
        assert light.looked.acquire(timeout=20)
    health = looker.health()[0]
    threading.Thread(target=camera.give, args=(None,)).start()
    looker.stop()
    assert hints[:1] == [Hint.BRIGHTER]
    assert (health.blur_permille, health.haze_permille) == (80, 140)


class Blind:
    """A reader that reads nothing."""

    name = "blind"

    def find(self, _: object) -> list[Found]:
        return []

    find_one = find

    def read(self, grey: np.ndarray) -> list[bytes]:
        return []


class Watched(Light):
    """Lets the test wait until a frame was looked at."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self.looked = threading.Semaphore(0)

    def seen(self, *args: Any, **how: Any) -> None:
        super().seen(*args, **how)
        self.looked.release()


class _Heavy:
    """Stands for the heavy reader: gives a code of ours for any part, or dies."""

    name = "heavy"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.parts: list[tuple[int, ...]] = []

    def read(self, grey: np.ndarray) -> list[bytes]:
        return [code.text for code in self.find(grey) if code.text is not None]

    def find_one(self, grey: np.ndarray) -> list[Found]:
        return self.find(grey)

    def find(self, grey: np.ndarray) -> list[Found]:
        if self.error is not None:
            raise self.error
        self.parts.append(grey.shape)
        return [Found(pass_text().encode(), Box(1, 1, 9, 9))]


def _covered() -> np.ndarray:
    """A code whose corners are seen and whose middle is covered: a trace that no quick way reads."""
    frame = np.full((720, 1280), 130, np.uint8)
    code = pass_picture(scale=4)
    frame[200 : 200 + code.shape[0], 600 : 600 + code.shape[1]] = code
    frame[270:350, 690:770] = 128
    return frame


def test_what_shows_a_code_and_is_not_read_goes_to_the_heavy_reader_and_its_answer_to_the_door() -> None:
    seen, heavy = Seen(), _Heavy()
    looker = Looker(
        [("front", FakeCamera([[_covered()] * 3], live=False))], SIGHT.reading, HandClock(), seen, heavy=heavy
    )
    looker.start()
    seen.wait(1)
    assert looker.wait_ended(20)
    looker.stop()
    assert seen.texts == [pass_text().encode()]
    assert looker.health()[0].reads >= 1
    assert all(shape[0] < 720 and shape[1] < 1280 for shape in heavy.parts), "the trace's surroundings, not the frame"


def test_what_the_quick_ways_read_is_not_read_twice() -> None:
    seen, heavy = Seen(), _Heavy()
    looker = Looker(
        [("front", FakeCamera([[pass_picture()] * 3], live=False))], SIGHT.reading, HandClock(), seen, heavy=heavy
    )
    looker.start()
    assert looker.wait_ended(20)
    looker.stop()
    assert heavy.parts == []


def test_what_the_heavy_reader_dies_of_is_shown_and_the_decode_threads_go_on() -> None:
    seen = Seen()
    looker = Looker(
        [("front", FakeCamera([[_covered()] * 3 + [pass_picture(scale=5)] * 2], live=False))], SIGHT.reading,
        HandClock(), seen, heavy=_Heavy(ZeroDivisionError()),
    )  # fmt: skip
    looker.start()
    assert looker.wait_ended(20)
    looker.stop()
    assert isinstance(looker.failure, ZeroDivisionError)
    assert seen.texts == [pass_text().encode()]
