"""A real Mosquitto over a city's folder: started on a free port, killed and restarted at will, stopped after."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from provisioning.app.broker import write_broker
from simulators.errors import SimulatorError

_ACCEPTS_WITHIN_S = 20  # start-up takes 50 ms; a crowded machine may need more
_POLL_S = 0.02


class MosquittoFailed(SimulatorError):
    """The broker is not there, does not begin, or no port is free for it."""


def free_port() -> int:
    """A TCP port that nobody uses just now, below the range from which the kernel takes ports for outgoing connections.

    (A port of that range could be taken by a client while the broker is down for a moment.)
    """
    for _ in range(100):
        port = random.randint(12_000, 30_000)  # noqa: S311 - any
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise MosquittoFailed("no port is free between 12000 and 30000", fix="end what listens there")


class Mosquitto:
    """The city's broker as a child process.

    `start` writes the broker's configuration for its port, so every [broker] section of the city follows. Devices
    enrolled later are known after `restart`. `log` is the file with what the broker says.
    """

    def __init__(self, city_root: Path, *, port: int | None = None) -> None:
        self.root = city_root
        self.port = port or free_port()
        self.log = city_root / "broker" / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and return when it accepts connections."""
        assert self._process is None, "it runs already"
        binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if binary is None:
            raise MosquittoFailed(
                "there is no mosquitto on this machine", fix="apt-get install mosquitto, or `make system`"
            )
        config = write_broker(self.root, port=self.port)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([binary, "-c", str(config)], stdout=log, stderr=log)  # noqa: S603 - ours
        try:
            self._wait_until_it_accepts()
        except MosquittoFailed:
            self.kill()  # no `with` has begun that would end it
            raise
        return self

    def _wait_until_it_accepts(self) -> None:
        assert self._process is not None
        until = time.monotonic() + _ACCEPTS_WITHIN_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise MosquittoFailed(f"mosquitto ended with {self._process.returncode}: {self.log_text()[-500:]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(_POLL_S)
            else:
                return
        raise MosquittoFailed(f"mosquitto does not accept on port {self.port}: {self.log_text()[-500:]}")

    def log_text(self) -> str:
        """All that the broker has said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def pid(self) -> int:
        """Process id of the running broker (for SIGSTOP and SIGCONT)."""
        assert self._process is not None, "it is not running"
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL: whatever it held in memory is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, if it runs."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    def _end(self, with_signal: signal.Signals) -> None:
        assert self._process is not None, "it is not running"
        self._process.send_signal(with_signal)
        self._process.wait(timeout=10)
        self._process = None

    def restart(self) -> None:
        """Stop it if it runs, and start it on the same port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
