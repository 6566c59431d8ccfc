"""Capture and decode threads over real readers and pictures: newest only, nothing of a recording lost, faults lived
through."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from edge.adapters.frames.folder import ImageFolder
from edge.adapters.readers.choose import make_readers
from edge.app.light import Light
from edge.app.looking import Looker, NewestFrame
from edge.core.camera_watch import CameraWatch
from edge.core.errors import CameraMissing
from edge.core.lens import Lens
from edge.core.limits import CAMERA_STALL_MS
from edge.core.ports import Frame, FrameSource
from edge.core.reading import FrameReading
from edge.core.sightings import Sighting, SightingKind
from protocol import limits
from protocol.fares.hints import Hint
from protocol.wire.health import CameraState
from tests.edge.cameras import FakeCamera, GatedCamera, HandClock
from tests.edge.pictures import pass_picture, pass_text, qr

READERS = make_readers()
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
    looker = Looker([("front", source)], READERS, clock or HandClock(), seen, watch=FAST_RETRY)
    looker.start()
    try:
        yield looker
    finally:
        looker.stop()


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

    looker = Looker([("front", camera)], READERS, HandClock(), on_sighting)
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
    looker = Looker([("front", camera)], READERS, clock, Seen())
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
    with looking(FakeCamera([[qr("https://example.org/")] * 9], live=False), seen) as looker:
        assert looker.wait_ended(20)
    assert [sighting.kind for _, sighting, _ in seen.all] == [SightingKind.FOREIGN]


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
    looker = Looker(sources, READERS, HandClock(), seen)
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

    looker = Looker([("front", FakeCamera([[pass_picture()] * 5]))], READERS, HandClock(), broken)
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


class _Reader:
    """Counts how often it is asked."""

    def __init__(self, name: str, found: list[bytes]) -> None:
        self.name, self.found, self.asked = name, found, 0

    def read(self, _: object) -> list[bytes]:
        self.asked += 1
        return self.found


def test_the_slow_reader_is_asked_on_every_nth_missed_frame_only() -> None:
    fast, slow = _Reader("fast", []), _Reader("slow", [b"x"])
    reading = FrameReading([fast, slow], slow_every=4)
    assert [reading.read(EMPTY) for _ in range(8)] == [[], [], [], [b"x"]] * 2
    assert (fast.asked, slow.asked) == (8, 2)
    fast.found = [b"y"]
    assert reading.read(EMPTY) == [b"y"]
    assert slow.asked == 2


def test_a_still_picture_is_shown_to_every_reader() -> None:
    slow = _Reader("slow", [b"x"])
    assert FrameReading.still([_Reader("fast", []), slow]).read(EMPTY) == [b"x"]


def test_settling_takes_as_many_frames_as_the_contract_says() -> None:
    seen = Seen()
    frames = [qr("https://example.org/")] * (limits.SIGHTINGS_BEFORE_REFUSAL - 1)
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
    looker = Looker(
        [("front", camera)],
        [Blind()],
        clock,
        Seen(),
        light=lambda _, source: Light(source, lens=lens, on_hint=hints.append),
    )
    looker.start()
    for n in range(40):
        clock.mono_ms = 33 * n
        camera.give(np.roll(frame, n % 3, axis=1))
    health = looker.health()[0]
    threading.Thread(target=camera.give, args=(None,)).start()
    looker.stop()
    assert hints[:1] == [Hint.BRIGHTER]
    assert (health.blur_permille, health.haze_permille) == (80, 140)


class Blind:
    """A reader that reads nothing."""

    name = "blind"

    def read(self, grey: np.ndarray) -> list[bytes]:
        return []
