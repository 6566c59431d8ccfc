"""The computer under a validator, as /proc, /sys and the file system tell it.

What a machine does not have is None: a laptop has no throttling bits. What it has and cannot be read is None, too, and
named: a sensor that fails is said in health, and once in the log.
"""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from protocol.limits import HEALTH_TEMPERATURE_MAX_MC, INT63_MAX
from protocol.wire.health import Machine

_log = logging.getLogger(__name__)
_SECTOR_BYTES = 512  # what Documentation/block/stat counts in, whatever the card's own are


class MachineReader:
    """Reads it once a minute; the sync thread's. `folder` lies on the card; `root` is / but in tests."""

    def __init__(
        self,
        folder: Path,
        *,
        root: Path = Path("/"),
        cpu_ns: Callable[[], int] = time.process_time_ns,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._folder, self._root = folder, root
        self._cpu_ns, self._mono_ns = cpu_ns, mono_ns
        self._before = (mono_ns(), cpu_ns())
        self._failed: set[str] = set()

    def read(self) -> tuple[Machine, tuple[str, ...]]:
        """How it is, and the names of the readings that failed."""
        failed: dict[str, str] = {}

        def told(name: str, read: Callable[[], int | None], least: int = 0, most: int = INT63_MAX) -> int | None:
            try:
                value = read()
            except FileNotFoundError:
                return None
            except (OSError, ValueError, LookupError) as error:
                failed[name] = str(error)
                return None
            if value is not None and not least <= value <= most:
                failed[name] = f"{value} is no such reading"
                return None
            return value

        machine = Machine(
            temperature_mc=told(
                "temperature", self._temperature_mc, -HEALTH_TEMPERATURE_MAX_MC, HEALTH_TEMPERATURE_MAX_MC
            ),
            throttled=told("throttled", self._throttled, most=(1 << 32) - 1),
            disk_total_bytes=told("disk", self._disk_total),
            disk_written_bytes=told("disk-written", self._disk_written),
            memory_total_bytes=told("memory", lambda: self._memory("MemTotal")),
            memory_free_bytes=told("memory", lambda: self._memory("MemAvailable")),
            process_bytes=told("process", self._process_bytes),
            process_permille=told("process", self._process_permille),
            load_milli=told("load", lambda: _milli(self._words("proc/loadavg")[0])),
            up_s=told("up", lambda: _milli(self._words("proc/uptime")[0]) // 1000),
        )
        for name in sorted(failed.keys() - self._failed):
            _log.warning("the machine does not tell its %s: %s", name, failed[name])
        self._failed = set(failed)
        return machine, tuple(failed)

    def _words(self, path: str) -> list[str]:
        return (self._root / path).read_text(encoding="ascii").split()

    def _temperature_mc(self) -> int | None:
        """The hottest zone."""
        zones = sorted(self._root.glob("sys/class/thermal/thermal_zone*/temp"))
        return max((int(zone.read_text(encoding="ascii")) for zone in zones), default=None)

    def _throttled(self) -> int | None:
        """A Pi's firmware says it in hexadecimal."""
        for path in sorted(self._root.glob("sys/devices/platform/*/*firmware/get_throttled")):
            return int(path.read_text(encoding="ascii"), 16)
        return None

    def _disk_total(self) -> int:
        told = os.statvfs(self._folder)
        return told.f_blocks * told.f_frsize

    def _disk_written(self) -> int:
        """The partition that `folder` is on; one of no block device (a laptop's overlay) has no such file."""
        device = self._folder.stat().st_dev
        return int(self._words(f"sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")[6]) * _SECTOR_BYTES

    def _memory(self, name: str) -> int:
        words = self._words("proc/meminfo")
        return int(words[words.index(f"{name}:") + 1]) * 1024

    def _process_bytes(self) -> int:
        return int(self._words("proc/self/statm")[1]) * os.sysconf("SC_PAGE_SIZE")

    def _process_permille(self) -> int | None:
        """Of one processor, since the reading before."""
        before, now = self._before, (self._mono_ns(), self._cpu_ns())
        self._before = now
        return None if now[0] == before[0] else 1000 * (now[1] - before[1]) // (now[0] - before[0])


def _milli(text: str) -> int:
    """A decimal number → thousandths."""
    whole, _, part = text.partition(".")
    return int(whole) * 1000 + int(part.ljust(3, "0")[:3])
