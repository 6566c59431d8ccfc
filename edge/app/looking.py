"""From cameras to showings: a capture and a decode thread per camera, and the newest frame between them.

    capture thread   source.read ─▶ NewestFrame.put          an undecoded older frame is dropped and counted
    decode thread    NewestFrame.take ─▶ Reading ─▶ Sightings ─▶ on_sighting
    heavy thread     what Reading saw and could not read ─▶ Sightings ─▶ on_sighting   (edge/app/heavy)

Frames live in the slot and on the decode thread's stack, nowhere else; none is stored or sent (P18).
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from edge.app.heavy import HeavyReading
from edge.app.light import Light
from edge.app.slot import NewestFrame
from edge.app.threads import join
from edge.core.camera_watch import CameraWatch
from edge.core.errors import CameraLost, CameraMissing, LocalError, NotAnImage
from edge.core.limits import FRAME_WAIT_MS
from edge.core.ports import Clock, Found, Frame, FrameSource, GreyImage, QrReader
from edge.core.reading import Reading
from edge.core.sightings import Sighting, Sightings
from edge.core.vitals import Pulse
from protocol.wire.health import CameraHealth, CameraState

_log = logging.getLogger(__name__)

# (camera, sighting, when its frame was taken) → False for "not read yet": the code may be a misread, see S3
OnSighting = Callable[[str, Sighting, int], bool]
OnHeld = Callable[[Sequence[bytes], int], None]  # texts seen before and still there, when their frame was taken


class Camera:
    """One source and its capture thread. A missing or lost camera is tried again until `stop` (P4)."""

    def __init__(self, source: FrameSource, clock: Clock, watch: CameraWatch, light: Light) -> None:
        self.name = watch.name
        self.light = light
        self.slot = NewestFrame()
        self._source = source
        self._clock = clock
        self._watch = watch
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._guard, name=f"capture-{watch.name}", daemon=True)
        self.failure: Exception | None = None

    def start(self) -> None:
        """Start capturing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop capturing; returns when the thread has ended, or its driver is blocked for good."""
        self._stopping.set()
        self.slot.close()
        join(self._thread)

    def health(self) -> CameraHealth:
        """State and counts now."""
        with self._lock:
            now = self._watch.look(self._clock.read().mono_ms)
        return replace(now, blur_permille=self.light.blur_permille, haze_permille=self.light.haze_permille)

    @property
    def problem(self) -> LocalError | None:
        """Why it is missing, if it is."""
        with self._lock:
            return self._watch.problem

    def pulse(self) -> Pulse | None:
        """Its capture thread; None when it may have ended: the recording is over, or `stop` was called."""
        with self._lock:
            over = self._watch.state is CameraState.ENDED
        name = self._thread.name
        return None if over or self._stopping.is_set() else Pulse(name, self._thread.is_alive())

    def counted(self, reads: int) -> None:
        """So many codes were read in one of its frames."""
        with self._lock:
            self._watch.reads += reads

    def give_up(self, failure: Exception) -> None:
        """A thread of this camera died of something unforeseen: end the other, and show it like any camera fault."""
        _log.critical("camera %s is given up", self.name, exc_info=failure)
        with self._lock:
            self.failure = failure
            self._watch.broke(
                CameraLost(f"camera {self.name} is given up: {failure!r}", fix="restart savar; report this")
            )
        self._stopping.set()
        self.slot.close()

    def _guard(self) -> None:
        """Thread body."""
        try:
            self._capture()
        except Exception as failure:  # noqa: BLE001 - kept and shown, see give_up
            self.give_up(failure)
        finally:
            self.slot.close()

    def _capture(self) -> None:
        while not self._stopping.is_set():
            try:
                self._play()
                break
            except (CameraMissing, CameraLost) as problem:
                wait_ms = self._failed(problem)
            finally:
                self._source.close()
            self._stopping.wait(wait_ms / 1000)

    def _failed(self, problem: LocalError) -> int:
        """Note it, warn once and not at every retry → milliseconds to wait."""
        with self._lock:
            first = self._watch.state is not CameraState.MISSING
            wait_ms = self._watch.failed(problem)
        if first:
            _log.warning("camera %s: %s", self.name, problem)
        return wait_ms

    def _play(self) -> None:
        """Open the source and pass its frames on, until its end or `stop`. Raises CameraMissing, CameraLost."""
        self._source.open()
        self._note(self._watch.opened)
        while not self._stopping.is_set():
            try:
                grey = self._source.read()
            except NotAnImage as problem:
                _log.warning("camera %s: %s", self.name, problem)
                continue
            if grey is None:
                self._note(lambda _: self._watch.ended())
                return
            self._pass_on(grey)

    def _note(self, event: Callable[[int], None]) -> int:
        """Tell the watch, unless the camera was given up meanwhile → monotonic milliseconds now."""
        now_ms = self._clock.read().mono_ms
        with self._lock:
            if self.failure is None:
                event(now_ms)
        return now_ms

    def _pass_on(self, grey: GreyImage) -> None:
        now_ms = self._note(self._watch.frame)
        frame = Frame(self.name, self._watch.frames, grey, now_ms)
        if not self._source.live:
            self.slot.put_in_turn(frame)
        elif self.slot.put(frame):
            with self._lock:
                self._watch.dropped += 1


class Looker:
    """All cameras of one door: reads their newest frames and calls `on_sighting` for each showing.

    `on_sighting` is called on the decode threads, several at once if there are several cameras. A thread that dies of
    something unforeseen ends its camera: its health is MISSING, its problem says why, and `failure` holds it.
    """

    def __init__(
        self,
        sources: Sequence[tuple[str, FrameSource]],
        reading: Callable[[], Reading],
        clock: Clock,
        on_sighting: OnSighting,
        *,
        on_held: OnHeld = lambda _texts, _mono_ms: None,
        heavy: QrReader | None = None,
        watch: Callable[[str, int], CameraWatch] = CameraWatch,
        light: Callable[[str, FrameSource], Light] = lambda _, source: Light(source),
    ) -> None:
        now_ms = clock.read().mono_ms
        self.cameras = [Camera(source, clock, watch(name, now_ms), light(name, source)) for name, source in sources]
        self._reading = reading
        self._heavy = None if heavy is None else HeavyReading(heavy, self._heavy_found)
        self._on_sighting, self._on_held = on_sighting, on_held
        self._sightings = Sightings()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._guard, args=(camera,), name=f"decode-{camera.name}", daemon=True)
            for camera in self.cameras
        ]

    def start(self) -> None:
        """Start every camera's two threads."""
        for camera in self.cameras:
            camera.start()
        if self._heavy is not None:
            self._heavy.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End every thread; the frame being decoded is finished first."""
        for camera in self.cameras:
            camera.stop()
        for thread in self._threads:
            join(thread)
        if self._heavy is not None:
            self._heavy.stop()

    def wait_ended(self, timeout_s: float) -> bool:
        """Wait until every decode thread is done (recordings played to their end); False after the time-out."""
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def health(self) -> tuple[CameraHealth, ...]:
        """Every camera's state and counts now."""
        return tuple(camera.health() for camera in self.cameras)

    def pulses(self) -> list[Pulse]:
        """Every thread that should be at work; a driver may keep a capture thread, so that one need only live."""
        found = [] if self._heavy is None else [self._heavy.pulse()]
        for camera, thread in zip(self.cameras, self._threads, strict=True):
            capture = camera.pulse()
            if capture is not None:
                found += [capture, Pulse(thread.name, thread.is_alive(), camera.slot.asked)]
        return found

    @property
    def failure(self) -> Exception | None:
        """What a thread of this door died of, if one did."""
        dead = next((camera.failure for camera in self.cameras if camera.failure), None)
        return dead or (None if self._heavy is None else self._heavy.failure)

    @property
    def overlooked(self) -> int:
        """Codes not looked at because too many were held at once (S5)."""
        with self._lock:
            return self._sightings.overlooked

    def _guard(self, camera: Camera) -> None:
        """Thread body."""
        try:
            self._decode(camera)
        except Exception as failure:  # noqa: BLE001 - kept and shown, see give_up
            camera.give_up(failure)

    def _decode(self, camera: Camera) -> None:
        reading = self._reading()
        while not camera.slot.finished:
            frame = camera.slot.take(FRAME_WAIT_MS / 1000)
            if frame is not None:
                found = reading.read(frame.grey)
                self._answer(camera, frame, found)
                camera.light.seen(frame.grey, found, now_ms=frame.mono_ms)
                if reading.heavy is not None and self._heavy is not None:
                    self._heavy.offer(frame, reading.heavy)

    def _heavy_found(self, frame: Frame, found: list[Found]) -> None:
        camera = next(camera for camera in self.cameras if camera.name == frame.camera)
        self._answer(camera, frame, found)
        if any(code.text is not None for code in found):
            camera.light.read_beside()

    def _answer(self, camera: Camera, frame: Frame, found: list[Found]) -> None:
        camera.counted(sum(code.text is not None for code in found))
        with self._lock:
            seen = self._sightings.see(frame.camera, found, frame.mono_ms)
        held = {code.text for code in found if code.text is not None} - {sighting.text for sighting in seen}
        if held:
            self._on_held(sorted(held), frame.mono_ms)
        for sighting in seen:
            if not self._on_sighting(frame.camera, sighting, frame.mono_ms):
                with self._lock:
                    (self._sightings.look_again if sighting.settled else self._sightings.retry)(sighting)
