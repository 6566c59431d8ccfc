"""One frame between two threads."""

import threading

from edge.core.ports import Frame


class NewestFrame:
    """A slot for one frame between two threads. Never a queue: an old frame is of no use at a door."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._closed = False
        self.asked = 0  # how often somebody came to take a frame: whether the one who decodes goes round

    def put(self, frame: Frame) -> bool:
        """Put the newest frame; True if an older one, not yet taken, was dropped for it."""
        with self._changed:
            dropped = self._frame is not None
            self._frame = frame
            self._changed.notify_all()
            return dropped

    def put_in_turn(self, frame: Frame) -> bool:
        """Put a frame of a recording: wait until the one before is taken. False if the slot was closed meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is None or self._closed)
            if self._closed:
                return False
            self._frame = frame
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float) -> Frame | None:
        """The frame in the slot, waiting for one; None after the time-out or when closed and empty."""
        with self._changed:
            self.asked += 1
            self._changed.wait_for(lambda: self._frame is not None or self._closed, timeout_s)
            frame, self._frame = self._frame, None
            self._changed.notify_all()
            return frame

    def close(self) -> None:
        """No more frames come; one that is in the slot may still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Whether it is closed and empty."""
        with self._changed:
            return self._closed and self._frame is None
