"""A device's clocks as hardware: a wall clock that drifts, jumps and dies, and a monotonic one that starts at boot."""

from edge.adapters.clock import SystemClock
from simulators.world import World


class Clockwork:
    """What the system calls of one machine would return. `disciplined` is what its kernel says of the wall clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._offset_ms = 0
        self._drift_ppm = 0
        self._since_ms = world.now_ms
        self._booted_ms = world.now_ms
        self.reachable = True  # a time service, over the network
        self.dead_rtc = False

    def boot(self) -> None:
        """The machine starts; one without a battery for its clock starts in 1970."""
        self._booted_ms = self._world.now_ms
        if self.dead_rtc:
            self.set(-self._world.now_ms)

    def set(self, offset_ms: int, drift_ppm: int = 0) -> None:
        """The wall clock stands this far from the truth, and leaves it at this rate."""
        self._offset_ms, self._drift_ppm, self._since_ms = offset_ms, drift_ppm, self._world.now_ms

    def wall_ms(self) -> int:
        """Unix milliseconds, as this machine believes."""
        run = self._world.now_ms - self._since_ms
        return max(0, self._world.now_ms + self._offset_ms + run * self._drift_ppm // 1_000_000)

    def mono_ms(self) -> int:
        """Milliseconds since boot."""
        return self._world.now_ms - self._booted_ms

    def discipline(self) -> tuple[bool, int]:
        """What adjtimex would say. A reachable time service has set the clock right."""
        if self.reachable and (self._offset_ms or self._drift_ppm):
            self.set(0)
        return self.reachable, 1

    def clock(self, floor_ms: int) -> SystemClock:
        """The product's own clock over this hardware."""
        return SystemClock(
            trust="kernel", floor_ms=floor_ms, wall_ms=self.wall_ms, mono_ms=self.mono_ms, discipline=self.discipline
        )
