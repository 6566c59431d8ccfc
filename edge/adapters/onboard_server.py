"""Serves the on-board API in a thread of its own, by uvicorn: bound when `start` returns, gone when `stop` returns."""

import logging
import socket
import threading

import uvicorn
from fastapi import FastAPI

from edge.core.errors import LocalError
from edge.core.limits import TERMINAL_CONNECTIONS_MAX, TERMINAL_STOP_S
from transport.accept import listen_at

log = logging.getLogger(__name__)
_UP_S = 10.0


class NotServing(LocalError):
    """The terminal's address cannot be served on."""


class _Server(uvicorn.Server):
    """Says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


class OnboardServer:
    """One address. Port 0 takes a free one; `url` says which."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._server = _Server(
            uvicorn.Config(
                app, http="h11", ws="none", log_config=None, access_log=False, server_header=False, proxy_headers=False,
                limit_concurrency=TERMINAL_CONNECTIONS_MAX, timeout_graceful_shutdown=TERMINAL_STOP_S,
            )
        )  # fmt: skip
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it serves; once started."""
        return f"http://{self._host}:{self._port}"

    @property
    def alive(self) -> bool:
        """Whether its thread serves."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Bind and serve. Raises NotServing."""
        try:
            listening = listen_at(self._host, self._port)
        except OSError as error:
            raise NotServing(
                f"cannot serve on {self._host} port {self._port}: {error.strerror}",
                fix="choose another port of the terminal, or end the process that has it",
            ) from error
        self._port = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="terminal", daemon=True)
        self._thread.start()
        if not self._server.up.wait(_UP_S):
            self.stop()
            raise NotServing("the terminal's server did not come up", fix="the log says why")
        log.info("the driver's terminal is at %s", self.url)

    def stop(self) -> None:
        """End streams and return when the thread is gone. Harmless twice."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
