"""The firmware itself, built for this machine: the same sources as on the board, its pins and its time by hand."""

import ctypes
import subprocess
import sys
from functools import cache
from pathlib import Path

from firmware_bridge.core.declaration import Input
from firmware_bridge.core.frames import Frame, Kind, encode_frame
from firmware_bridge.core.looks import LAMPS
from protocol.fares.verdicts import Lamp

ROOT = Path(__file__).parents[2]


class _Level(ctypes.Structure):
    _fields_ = (("ms", ctypes.c_uint32), ("hz", ctypes.c_uint16), ("lamps", ctypes.c_uint8))


@cache
def library() -> ctypes.CDLL:
    """Built when its sources changed."""
    folder = ROOT / "build" / "firmware"
    subprocess.run(
        ["make", "-s", "-C", ROOT / "firmware_bridge" / "firmware", f"PYTHON={sys.executable}", f"BUILD={folder}", "host"],
        check=True, capture_output=True,
    )  # fmt: skip
    return ctypes.CDLL(str(folder / "libpanel.so"))


class HostBoard:
    """One board; there is one at a time in a process."""

    def __init__(self, now: int = 1_000) -> None:
        self._code = library()
        self._code.host_take.restype = self._code.host_levels.restype = ctypes.c_size_t
        self._code.host_silence.restype = ctypes.c_uint32
        self.inputs = 0
        self.now = now
        self.restart()

    def restart(self) -> None:
        self._code.host_start(ctypes.c_uint32(self.now))
        self._set()

    def feed(self, data: bytes) -> bytes:
        """What it writes back, and whatever it had to say before."""
        self._code.host_feed(data, ctypes.c_size_t(len(data)))
        return self.take()

    def run(self, to_ms: int) -> None:
        self.now = to_ms
        self._code.host_run(ctypes.c_uint32(to_ms))

    def flood(self, data: bytes, ms: int) -> int:
        """Nothing but this on a full line, which takes its true time → the longest silence for the watchdog, in ms."""
        self._code.host_flood(data, ctypes.c_size_t(len(data)), ctypes.c_uint32(ms))
        self.now += ms
        return int(self._code.host_silence())

    def jump(self, to_ms: int) -> None:
        """The clock is there, and nothing happened meanwhile."""
        self.now = to_ms
        self._code.host_jump(ctypes.c_uint32(to_ms))

    def take(self) -> bytes:
        out = ctypes.create_string_buffer(8_192)
        count = self._code.host_take(out, ctypes.c_size_t(len(out)))
        return out.raw[:count]

    def set(self, which: Input, *, on: bool) -> None:
        self.inputs = self.inputs & ~(1 << which) | on << which
        self._set()

    def _set(self) -> None:
        self._code.host_set(ctypes.c_uint8(self.inputs), ctypes.c_uint16(0), ctypes.c_uint16(24_000))

    def executed(self) -> int:
        """How many commands it carried out since it started."""
        return int(self._code.host_executed())

    def levels(self) -> list[tuple[int, int, int]]:
        """(ms, lamp bits, Hz) at each change since the last call."""
        out = (_Level * 4_096)()
        count = self._code.host_levels(out, ctypes.c_size_t(4_096))
        return [(it.ms, it.lamps, it.hz) for it in out[:count]]


BITS = {"red": 1, "green": 2, "blue": 4, "amber": 8}


def bits(lamp: Lamp) -> int:
    """A colour as the board's lamps make it."""
    return sum(BITS[name] for name in LAMPS[lamp])


def asked(session: int, number: int, code: int, *payload: int) -> bytes:
    return encode_frame(Frame(Kind.COMMAND, session, number, code, bytes(payload)))


def beat(session: int) -> bytes:
    return encode_frame(Frame(Kind.BEAT, session, 0, 0))
