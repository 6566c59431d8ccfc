"""The service manager's end of the notification socket, real."""

import socket


class Listening:
    """A manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.settimeout(20)

    def next(self) -> str:
        return self._socket.recv(4_096).decode()

    def until(self, line: str) -> None:
        while self.next() != line:
            pass

    def rest(self) -> list[str]:
        """What lies there now."""
        self._socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self._socket.recv(4_096).decode())
        except BlockingIOError:
            self._socket.settimeout(20)
            return found

    def close(self) -> None:
        self._socket.close()
