"""The HTTP server in a thread of its own: bound when `start` returns, gone when `stop` returns."""

import logging
import socket
import threading

import uvicorn
from fastapi import FastAPI

from backend.adapters.http.services import Services
from backend.core import limits
from backend.core.errors import BackendError
from transport.accept import listen_at

LOG = logging.getLogger(__name__)


class NotServing(BackendError):
    """The address cannot be served on."""


class _Server(uvicorn.Server):
    """Says when it is up, and ends live views before it waits for connections to close."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._services.live.close()
        await super().shutdown(sockets)


class HttpServer:
    """Serves an app of `make_app`. Port 0 takes a free one; `port` says which."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._host = host
        self.port = port
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            log_config=None,  # the process decides about logging
            access_log=False,  # paths name riders and payments
            server_header=False,
            limit_concurrency=limits.CONNECTIONS_MAX,
            timeout_graceful_shutdown=limits.STOP_WAIT_S,
        )
        self._server = _Server(config, app.state.services)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it serves; once started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Bind and serve. Raises NotServing."""
        try:
            listening = listen_at(self._host, self.port)
        except OSError as error:
            raise NotServing(
                f"cannot serve on {self._host} port {self.port}: {error.strerror}",
                fix="choose another [http] port, or end the process that has it",
            ) from error
        # Accepted connections inherit it: whoever takes no byte for so long is cut by the kernel. asyncio alone would
        # hold the unsent bytes for ever.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limits.STALLED_CONNECTION_MS)
        self.port = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="http", daemon=True)
        self._thread.start()
        if not self._server.up.wait(limits.START_WAIT_S):
            self.stop()
            raise NotServing("the HTTP server did not come up", fix="the log says why")
        LOG.info("serving on %s", self.url)

    def stop(self) -> None:
        """End live views, let answers under way finish, and return when the thread is gone. Harmless twice."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
