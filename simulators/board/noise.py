"""A serial line that flips bits, loses and doubles bytes, and delivers late or twice. Bytes keep their order."""

import random

LATE_MAX_MS = 60
AGAIN_AFTER_MS = 30


class Noise:
    """One direction. `rate`: of each byte to be spoiled, of each piece to come late, and of each to come twice."""

    def __init__(self, rng: random.Random, rate: float) -> None:
        self._rng, self.rate = rng, rate
        self._held: list[tuple[int, bytes]] = []

    def put(self, data: bytes, now_ms: int) -> None:
        """Bytes go in."""
        spoilt = self._spoilt(data)
        late = self._rng.randrange(LATE_MAX_MS) if self._rng.random() < self.rate else 0
        at = max([now_ms + late, *(due for due, _ in self._held)])
        self._held.append((at, spoilt))
        if self._rng.random() < self.rate:
            self._held.append((at + AGAIN_AFTER_MS, spoilt))

    def take(self, now_ms: int) -> bytes:
        """What has arrived by now."""
        ready = b"".join(data for at, data in self._held if at <= now_ms)
        self._held = [(at, data) for at, data in self._held if at > now_ms]
        return ready

    def next_ms(self) -> int | None:
        """When more arrives."""
        return min((at for at, _ in self._held), default=None)

    def _spoilt(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._rng.random() >= self.rate:
                out.append(byte)
                continue
            match self._rng.randrange(3):
                case 0:
                    out.append(byte ^ (1 << self._rng.randrange(8)))
                case 1:
                    out += bytes((byte, byte))
                case _:
                    pass  # lost
        return bytes(out)
