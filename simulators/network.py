"""A network that can be cut: a TCP proxy on loopback between a validator and its broker.

    through    bytes go both ways, as fast as the slower side takes them
    cut        every connection is dropped and new ones are refused, as when a cable is out
    frozen     connections stay, nothing passes: a black hole, as when a modem has lost its cell

Memory is bounded: a side that does not take its bytes stops the other from being read.
"""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from typing import Any

from transport.accept import take_calls

_CHUNK_BYTES = 65_536  # per direction and connection, plus the same again in asyncio's write buffer
_HOST = "127.0.0.1"
_ANSWER_S = 10  # the proxy's own thread answers within this, or something is badly wrong


class CuttableProxy:
    """Forwards `port` on loopback to a target. `start`, `stop`, `cut`, `freeze`, `restore` are for one other thread.

    The port is the same over every cut, and nobody else can take it meanwhile.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]
        self.bytes_up = 0  # towards the target
        self.bytes_down = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True)
        self._serving: asyncio.Task[None] | None = None
        self._flowing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Let connections through."""
        self._thread.start()
        self.restore()

    def stop(self) -> None:
        """Drop everything and end the thread."""
        if self._thread.is_alive():
            self._run(self._cut())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_ANSWER_S)
        self._loop.close()
        self._holder.close()

    def cut(self) -> None:
        """Drop all connections and refuse new ones; returns when that is so."""
        self._run(self._cut())

    def freeze(self) -> None:
        """Keep connections and take new ones, but let nothing pass."""
        self._run(self._freeze())

    def restore(self) -> None:
        """Let everything through again."""
        self._run(self._restore())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_S)

    # --- the proxy's thread -------------------------------------------------------------------------------------------

    async def _restore(self) -> None:
        self._flowing.set()
        if self._serving is None:
            listener = _bound(self.port)
            listener.listen()
            self._serving = self._loop.create_task(self._serve(listener))

    async def _freeze(self) -> None:
        self._flowing.clear()

    async def _cut(self) -> None:
        if self._serving is not None:
            await _cancel(self._serving)  # first: nobody comes in after it
            self._serving = None
        await _cancel(*self._tasks)

    async def _serve(self, listener: socket.socket) -> None:
        with listener:
            await take_calls(listener, self._begin)

    def _begin(self, called: socket.socket) -> asyncio.Task[None]:
        task = self._loop.create_task(self._carry(called))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _carry(self, called: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=called, limit=_CHUNK_BYTES)
        try:
            await self._flowing.wait()
            await self._join(reader, writer)
        except* OSError:  # the target refuses, or a side went away: the other side sees the same
            pass
        except* asyncio.CancelledError:  # cut
            pass
        finally:
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Both directions, until both have ended or one has failed."""
        target_reader, target_writer = await asyncio.open_connection(*self._target, limit=_CHUNK_BYTES)
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._pump(reader, target_writer, up=True))
                directions.create_task(self._pump(target_reader, writer, up=False))
            for end in (writer, target_writer):  # what is buffered still goes out
                end.close()
                await end.wait_closed()
        finally:
            target_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            await self._flowing.wait()
            if up:
                self.bytes_up += len(data)
            else:
                self.bytes_down += len(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()  # goes out after what is still buffered


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    """End them, and wait until they have."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _bound(port: int) -> socket.socket:
    """A socket bound to a loopback port. One that never listens keeps the port and makes the kernel refuse."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((_HOST, port))
    return bound
