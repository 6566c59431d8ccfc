"""One opener: reads what was shown from its standard input, a socket, and answers whether each holds; holds no secret.

    python -P -m backend.adapters.openers.child

It ends when the backend does: by the socket's end, and by no signal, which a terminal or a service manager sends to
the backend and its openers alike while a group is still in hand.
"""

import signal
import socket
from typing import Final

from backend.core.limits import OPENER_MESSAGE_BYTES_MAX
from backend.core.shown import holds
from protocol.wire import cbor

READY: Final = b"\x01"


def serve(ours: socket.socket) -> None:
    """Answer until the other side is gone: a message for a message, a byte for each that was shown."""
    try:
        ours.send(READY)
        while asked := ours.recv(OPENER_MESSAGE_BYTES_MAX):
            shown = cbor.decode(asked, max_bytes=OPENER_MESSAGE_BYTES_MAX)
            ours.send(bytes(holds(raw, issued) for raw, issued in shown))
    except (BrokenPipeError, ConnectionResetError):
        return  # the backend has ended


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    serve(socket.socket(fileno=0))
