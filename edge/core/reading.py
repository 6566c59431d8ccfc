"""Which readers, in which order, on one frame: the only home of that rule, for the door and for `savar read`.

Rules:
- readers are asked in their configured order until one finds something;
- the first is asked on every frame; the slower ones behind it only on every n-th frame that it missed
  (n = 1 for a still picture, which comes only once).
"""

from collections.abc import Sequence

from edge.core.limits import SLOW_READER_EVERY
from edge.core.ports import GreyImage, QrReader


class FrameReading:
    """The readers of one stream of frames. One per camera: it counts misses. Not thread-safe."""

    def __init__(self, readers: Sequence[QrReader], slow_every: int = SLOW_READER_EVERY) -> None:
        self._first, *self._slower = readers
        self._slow_every = slow_every
        self._missed = 0

    @classmethod
    def still(cls, readers: Sequence[QrReader]) -> "FrameReading":
        """For single pictures: every reader has its turn on each."""
        return cls(readers, slow_every=1)

    def read(self, grey: GreyImage) -> list[bytes]:
        """One frame → the bytes of every code that the first successful reader found; empty if none did."""
        texts = self._first.read(grey)
        if texts:
            return texts
        self._missed += 1
        if self._missed % self._slow_every:
            return []
        for reader in self._slower:
            if texts := reader.read(grey):
                return texts
        return []
