"""Taking calls at a listening socket under asyncio, so that a cancellation neither loses nor leaks one."""

import asyncio
import socket
from collections.abc import Callable
from typing import NoReturn


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
            answer(called).add_done_callback(lambda _task, called=called: called.close())  # type: ignore[misc]
    finally:
        loop.remove_reader(listener)
