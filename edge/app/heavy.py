"""The heavy reader's thread: what shows a code that the decode threads cannot read, newest only, never waited for.

decode thread    Reading.heavy ─▶ NewestFrame.put        an older one is replaced: it never makes a camera wait
heavy thread     NewestFrame.take ─▶ reader ─▶ on_found
"""

import logging
import threading
from collections.abc import Callable, Sequence

from edge.app.slot import NewestFrame
from edge.app.threads import join
from edge.core.limits import FRAME_WAIT_MS
from edge.core.places import Box
from edge.core.ports import Found, Frame, QrReader
from edge.core.vitals import Pulse

_log = logging.getLogger(__name__)


class HeavyReading:
    """One a door. `on_found(frame, codes)` is called on its thread; boxes are in the camera's pixels."""

    def __init__(self, reader: QrReader, on_found: Callable[[Frame, list[Found]], None]) -> None:
        self._reader = reader
        self._on_found = on_found
        self._slot = NewestFrame()
        self._where = Box(0, 0, 0, 0)
        self._thread = threading.Thread(target=self._guard, name="decode-heavy", daemon=True)
        self.failure: Exception | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """What is being read, and what waits in the slot, is finished."""
        self._slot.close()
        join(self._thread)

    def pulse(self) -> Pulse:
        """Its thread, which looks up every FRAME_WAIT_MS."""
        return Pulse(self._thread.name, self._thread.is_alive(), self._slot.asked)

    def offer(self, frame: Frame, where: Box) -> None:
        """Look at this part of a frame when there is time; whatever waited before it is let go."""
        part = frame.grey[where.top : where.bottom, where.left : where.right]
        self._slot.put(Frame(frame.camera, frame.number, part, frame.mono_ms, (where.left, where.top)))

    def _guard(self) -> None:
        """Thread body: what it dies of is kept for the supervisor, which ends the process."""
        try:
            while not self._slot.finished:
                frame = self._slot.take(FRAME_WAIT_MS / 1000)
                if frame is not None:
                    self._on_found(frame, _told(self._reader.find(frame.grey), *frame.origin))
        except Exception as failure:  # noqa: BLE001 - kept, and shown by the supervisor
            _log.critical("the heavy reader ends", exc_info=failure)
            self.failure = failure


def _told(found: Sequence[Found], x: int, y: int) -> list[Found]:
    return [Found(code.text, code.box.moved(x, y)) for code in found]
