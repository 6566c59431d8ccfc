"""Listening sockets, and taking calls at one under asyncio so that a cancellation neither loses nor leaks one.

asyncio sets TCP_NODELAY only where a socket says that it is TCP, and one bound by ourselves does not: whatever is sent
in two pieces would wait 40 ms for the other side's acknowledgement. So it is set here.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import NoReturn

from transport.config import PeerConfig, split_endpoint


async def take_calls(listener: socket.socket, answer: Callable[[socket.socket], "asyncio.Task[None]"]) -> NoReturn:
    """Hand each caller to `answer`, which starts a task for it; its socket is closed when that ends, however early.

    (`asyncio.start_server` and `loop.sock_accept` leave a socket open whose caller comes just as they are ended.)
    Raises OSError when a call cannot be taken.
    """
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    listener.setblocking(False)
    loop.add_reader(listener, came.set)
    try:
        while True:
            await came.wait()
            came.clear()
            try:
                called, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):  # gone again
                continue
            called.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answer(called).add_done_callback(lambda _task, called=called: called.close())  # type: ignore[misc]
    finally:
        loop.remove_reader(listener)


def listen_at(host: str, port: int, *, backlog: int | None = None) -> socket.socket:
    """A socket that listens at an address of either family; what it accepts sends at once. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=backlog)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited
    return listener


def open_listener(config: PeerConfig, backlog: int) -> socket.socket:
    """A socket that listens where the configuration says.

    For doors that find each other: at every address of the interface that is named, else of all. Raises OSError.
    """
    if not config.finds:
        host, port = split_endpoint(config.endpoint)
        return listen_at(host, port, backlog=backlog)
    six = socket.has_dualstack_ipv6()
    listener = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if config.interface is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, config.interface.encode())
        if six:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::" if six else "0.0.0.0", config.port))  # noqa: S104 - of one interface, if it is named
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener
