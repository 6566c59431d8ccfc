"""The unmodified firmware on an emulated LM3S6965 (QEMU): its serial line is a pty, its pins are driven and watched.

QEMU is asked over two sockets: QMP (start, reset, where is what) and qtest (pins, one line a message). The process has
no part in a test's own time: it runs as the board runs, in real time.
"""

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from simulators.errors import EmulatorFailed

QEMU = "qemu-system-arm"
START_S = 10.0
PORTS = {"B": 0x40005000, "D": 0x40007000, "G": 0x40026000}
LAMP_PINS = {"red": 0, "green": 1, "blue": 2, "amber": 3}
SOUND_PIN = 4
INPUT_PINS = {
    "door front": 0, "door rear": 1, "ignition": 2, "power good": 3, "tamper": 4, "button driver": 5, "button rider": 6,
}  # fmt: skip
_SYSTICK_CONTROL = 0xE000E010

OnPin = Callable[[str, bool, float], None]


class EmulatedBoard:
    """One board. `start` powers it; `line` is its serial port. Raises EmulatorFailed.

    `on_pin(name, level, monotonic s)`: each edge of an output, on a thread of its own.
    """

    def __init__(self, elf: Path, folder: Path, *, on_pin: OnPin = lambda *_: None) -> None:
        self._elf, self._on_pin = elf, on_pin
        self._log = folder / "qemu.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._replies: list[str] = []
        self._answered = threading.Condition()
        self._asking = threading.Lock()
        self.line = ""
        self.lamps: dict[str, bool] = {}

    def start(self) -> None:
        """Power on: the supply good, the doors shut, the ignition on; and the program runs."""
        self._sockets = TemporaryDirectory(prefix="qemu-")  # their paths are short; that of `folder` may be long
        # To a file: a pipe that nobody empties stops the machine when it is full.
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603
        self.line = self._read_pty()
        self._qmp = _connected(Path(self._sockets.name) / "qmp")
        self._qmp_lines = self._qmp.makefile("r")
        self._qmp_lines.readline()
        self.qmp("qmp_capabilities")
        self._paths = self._find_ports()
        self._qtest = _connected(Path(self._sockets.name) / "qtest")
        self._listener = threading.Thread(target=self._listen, name="qtest", daemon=True)
        self._listener.start()
        self.ask(f"irq_intercept_out {self._paths['D']}")
        self.set("power good", high=True)
        self.set("ignition", high=True)
        self.qmp("cont")

    def _command(self) -> list[str]:
        return [
            QEMU, "-M", "lm3s6965evb", "-kernel", str(self._elf), "-display", "none", "-serial", "pty", "-S",
            "-accel", "tcg", "-action", "watchdog=reset", "-monitor", "none", "-qtest-log", "/dev/null",
            "-qtest", f"unix:{self._sockets.name}/qtest,server=on,wait=off",
            "-qmp", f"unix:{self._sockets.name}/qmp,server=on,wait=off",
        ]  # fmt: skip

    def _read_pty(self) -> str:
        assert self._process is not None
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            found = re.search(r"redirected to (/dev/pts/\d+)", self._log.read_text(errors="replace"))
            if found:
                return found[1]
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        said = self._log.read_text(errors="replace")
        raise EmulatorFailed(f"{QEMU} does not start: {said}", fix=f"apt-get install {QEMU}")

    def _find_ports(self) -> dict[str, str]:
        """Where QEMU keeps the ports' devices, by their addresses."""
        found: dict[str, str] = {}
        for child in self.qmp("qom-list", path="/machine/unattached"):
            if child["type"] == "child<pl061_luminary>":
                path = f"/machine/unattached/{child['name']}"
                at = self.qmp("qom-get", path=f"{path}/pl061[0]", property="addr")
                found |= {name: path for name, address in PORTS.items() if address == at}
        if set(found) != set(PORTS):
            raise EmulatorFailed(f"this {QEMU} has other ports", fix="QEMU 7.2 is known to work", found=sorted(found))
        return found

    def stop(self) -> None:
        """Power off."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._listener.join()  # it hears that QEMU is gone
            for end in (self._qmp_lines, self._qmp, self._qtest):
                end.close()
            self._sockets.cleanup()

    # --- pins ---------------------------------------------------------------------------------------------------------

    def set(self, name: str, *, high: bool) -> None:
        """Drive an input of INPUT_PINS."""
        self.ask(f"set_irq_in {self._paths['B']} unnamed-gpio-in {INPUT_PINS[name]} {int(high)}")

    def pulse_odometer(self) -> None:
        """One pulse of the wheel."""
        for level in (1, 0):
            self.ask(f"set_irq_in {self._paths['G']} unnamed-gpio-in 0 {level}")

    # --- faults -------------------------------------------------------------------------------------------------------

    def hang(self) -> None:
        """Its clock stands: nothing of the program goes on but what bytes wake, until the watchdog ends that."""
        self.ask(f"writel {_SYSTICK_CONTROL:#x} 0")

    def reset(self) -> None:
        """The reset pin."""
        self.qmp("system_reset")

    # --- QEMU's two sockets -------------------------------------------------------------------------------------------

    def qmp(self, command: str, **arguments: Any) -> Any:
        """Ask the machine's monitor."""
        self._qmp.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while line := self._qmp_lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise EmulatorFailed(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise EmulatorFailed(f"{QEMU} ended", fix="look at its output")

    def ask(self, line: str) -> str:
        """One line to qtest → its answer."""
        with self._asking, self._answered:
            self._qtest.sendall(line.encode() + b"\n")
            if not self._answered.wait_for(lambda: bool(self._replies), START_S):
                raise EmulatorFailed(f"{QEMU} does not answer: {line}")
            reply = self._replies.pop(0)
        if not reply.startswith("OK"):
            raise EmulatorFailed(f"{line}: {reply}")
        return reply

    def _listen(self) -> None:
        names = {number: name for name, number in LAMP_PINS.items()} | {SOUND_PIN: "sound"}
        with self._qtest.makefile("r") as lines:
            while True:
                try:
                    line = lines.readline()
                except OSError:
                    return  # switched off
                if not line:
                    return
                now = time.monotonic()
                if line.startswith("IRQ "):
                    _, edge, number = line.split()
                    if int(number) in names:
                        name, level = names[int(number)], edge == "raise"
                        self.lamps[name] = level
                        self._on_pin(name, level, now)
                    continue
                with self._answered:
                    self._replies.append(line.strip())
                    self._answered.notify()


def _connected(path: Path) -> socket.socket:
    until = time.monotonic() + START_S
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    while True:
        try:
            made.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            if time.monotonic() > until:
                raise EmulatorFailed(f"{QEMU} opens no socket {path.name}") from error
            time.sleep(0.02)
        else:
            return made
