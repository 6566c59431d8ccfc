"""A validator's process from its start to its power cut, seen from outside: what it showed green, and when."""

import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import cv2

from protocol.fares.verdicts import TABLE, Lamp, Verdict
from protocol.wire.passes import Presentation
from simulators.errors import ProcessSilent
from simulators.network_camera import draw_code
from simulators.power.child import ENDED, REPORT, Order
from simulators.power.riders import RiderQueue

GREEN_WITHIN_S = 30.0  # a process is up within a second; a crowded machine may need more
PICTURES = 60  # more than a validator reads before its cut
_FASTEST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]
_GREEN_ON_CONSOLE = "●"  # edge.adapters.console_panel.SHAPE


@dataclass(frozen=True, slots=True)
class Green:
    """A green lamp. `stamp_ns`: CLOCK_MONOTONIC when it was lit, or later; what a console does not say is None."""

    stamp_ns: int
    sequence: int | None = None
    shown: Presentation | None = None


class Life(Protocol):
    """A validator that is started and loses its power, again and again."""

    greens: list[Green]  # of the process started last
    up_s: float  # roughly how long it takes until it lets somebody in

    def start(self, order: Order) -> None:
        """Power is on: board whom `order` names."""
        ...

    def wait_green(self) -> None:
        """Return when somebody was let in. Raises ProcessSilent."""
        ...

    def linger(self, seconds: float) -> None:
        """Let it go on. Raises ProcessSilent if it ends by itself."""
        ...

    def end(self) -> None:
        """The power was cut: the process is no more. All it showed is in `greens` then."""
        ...

    def close(self) -> None:
        """Nothing is left running; in any state."""
        ...


class _Process:
    """What both kinds share: a child process, and its standard output read as it comes."""

    def __init__(self, log: Path) -> None:
        self.greens: list[Green] = []
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def _spawn(self, *arguments: str) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                env=os.environ | {"PYTHONUTF8": "1"},
            )  # fmt: skip

    def wait_green(self) -> None:
        """Raises ProcessSilent."""
        until = time.monotonic() + GREEN_WITHIN_S
        while not self.greens:
            if time.monotonic() >= until:
                raise self._silent(f"nobody was let in within {GREEN_WITHIN_S:.0f} s")
            self._pump(until)

    def linger(self, seconds: float) -> None:
        """Raises ProcessSilent."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._pump(until)

    def _pump(self, until: float) -> None:
        """Take in what it says next, or return at `until`, in monotonic seconds."""
        assert self._process is not None, "it was started"
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], max(until - time.monotonic(), 0))
        if ready and not self._take_in(self._process.stdout):
            raise self._silent("it ended by itself")

    def _take_in(self, pipe: IO[bytes]) -> bool:
        """Read once; False at the end."""
        data = os.read(pipe.fileno(), 1 << 16)
        self._rest = self._parse(self._rest + data, time.monotonic_ns())
        return bool(data)

    def _parse(self, data: bytes, now_ns: int) -> bytes:
        """Note what was shown → the bytes of what is not whole yet."""
        raise NotImplementedError

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Make it end, if the end of its standard input does not."""

    def close(self) -> None:
        """End it, and take in whatever is left in the pipe."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        self._end(process)
        while self._take_in(process.stdout):
            pass
        process.wait()
        process.stdout.close()

    def _silent(self, what: str) -> ProcessSilent:
        words = self._log.read_text(errors="replace")[-2_000:]
        return ProcessSilent(f"{what}; its last words: {words}", fix=f"read {self._log}")


class DoorLife(_Process):
    """`simulators.power.child`: up within milliseconds, hundreds of taps a second after that."""

    up_s = 0.06

    def __init__(self, config: Path, issuer_pem: Path, log: Path, *, weak: bool = False) -> None:
        super().__init__(log)
        self._arguments = ["simulators.power.child", str(config), str(issuer_pem), *(["--weak"] if weak else [])]
        self._ended = True

    def start(self, order: Order) -> None:
        """A new process."""
        self.greens, self._ended = [], False
        if self._process is None:
            self._spawn(*self._arguments)
        self._tell(order.line())

    def end(self) -> None:
        """Its process is killed; what it was forked from stays."""
        self._tell(b"\n")
        until = time.monotonic() + GREEN_WITHIN_S
        while not self._ended:
            if time.monotonic() >= until:
                raise self._silent("its process does not end")
            self._pump(until)

    def _tell(self, line: bytes) -> None:
        assert self._process is not None, "it was started"
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _parse(self, data: bytes, now_ns: int) -> bytes:  # noqa: ARG002 - its own stamps are nearer to the lamp
        whole = len(data) - len(data) % REPORT.size
        for at in range(0, whole, REPORT.size):
            report = data[at : at + REPORT.size]
            if report == ENDED:
                self._ended = True
                continue
            stamp_ns, sequence, verdict, who, time_s, counter = REPORT.unpack(report)
            if TABLE[Verdict(verdict)].lamp is Lamp.GREEN:
                self.greens.append(Green(stamp_ns, sequence, Presentation(who, time_s, counter)))
        return data[whole:]


class ValidatorLife(_Process):
    """`savar validator` itself, before a folder of pictures. Its console says how many were let in, not who."""

    up_s = 0.8

    def __init__(self, config: Path, pictures: Path, riders: RiderQueue, log: Path) -> None:
        super().__init__(log)
        self._config = config
        self._pictures = pictures
        self._riders = riders

    def start(self, order: Order) -> None:
        """Draw everybody's code, then start."""
        self.greens = []
        for old in self._pictures.glob("*.png"):
            old.unlink()
        now_s = int(time.time())
        new = [self._riders.presentation(order.first + number, now_s) for number in range(PICTURES)]
        for number, shown in enumerate([*order.again, *new]):
            drawn, png = cv2.imencode(".png", draw_code(self._riders.text(shown)), _FASTEST_PNG)
            assert drawn, "a code can be drawn"
            (self._pictures / f"{number:05}.png").write_bytes(png.tobytes())
        self._spawn("cli.main", "validator", "--config", str(self._config))

    def end(self) -> None:
        """SIGKILL."""
        self.close()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()

    def _parse(self, data: bytes, now_ns: int) -> bytes:
        *lines, rest = data.split(b"\n")
        self.greens += [Green(now_ns) for line in lines if _GREEN_ON_CONSOLE.encode() in line]
        return rest
