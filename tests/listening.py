"""Sockets that a server binds, looked at from outside."""

import socket
from typing import Any, Protocol
from unittest.mock import patch


class Serving(Protocol):
    """Ours: it binds its socket when it starts."""

    def start(self) -> None:
        """Bind and serve."""

    def stop(self) -> None:
        """Harmless twice."""


def answers_at_once(server: Serving) -> bool:
    """Whether what it accepts sends small pieces without waiting; it is begun for that, and ended."""
    bound: list[socket.socket] = []
    create = socket.create_server

    def kept(*words: Any, **more: Any) -> socket.socket:
        bound.append(create(*words, **more))
        return bound[-1]

    with patch.object(socket, "create_server", kept):
        server.start()
    try:
        (listening,) = bound
        return sends_at_once(listening)
    finally:
        server.stop()


def sends_at_once(its: socket.socket) -> bool:
    """Whether it sends small pieces without waiting; what a listening one accepts inherits it."""
    return bool(its.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
