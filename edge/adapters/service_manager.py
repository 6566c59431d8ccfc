"""Telling the service manager how the process is: systemd's notification socket, sd_notify(3), one datagram a word.

Without a socket in the environment (a console, a test) nobody listens, and nothing is said.
"""

import logging
import socket
from collections.abc import MutableMapping

log = logging.getLogger(__name__)
_WAIT_S = 1.0  # a manager that does not empty its socket must not hold the supervisor; it may end us for it


class ServiceManager:
    """One process's word to its service manager. Used by one thread."""

    def __init__(self, address: str | None) -> None:
        self._status = ""
        self._socket: socket.socket | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.settimeout(_WAIT_S)
            self._address = f"\0{address[1:]}" if address.startswith("@") else address  # @: Linux's abstract names

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> "ServiceManager":
        """The one that started this process; its address is taken out, so that no child speaks in our name."""
        return cls(environment.pop("NOTIFY_SOCKET", None))

    def ready(self) -> None:
        """We take taps."""
        self._tell("READY=1")

    def alive(self, status: str) -> None:
        """Feed the watchdog once, and say in words how we are, if that is new."""
        self._tell("WATCHDOG=1")
        self.say(status)

    def say(self, status: str) -> None:
        """Only the words: what `systemctl status` shows. The watchdog is not fed."""
        if status != self._status:
            self._tell(f"STATUS={' '.join(status.split())}")  # a line's end would begin another message
            self._status = status

    def stopping(self) -> None:
        """We end in order."""
        self._tell("STOPPING=1")

    def close(self) -> None:
        """Say no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _tell(self, line: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(line.encode(), self._address)
        except OSError as error:  # it restarts, or is full: the next word comes in a second
            log.warning("the service manager does not hear: %s", error)
