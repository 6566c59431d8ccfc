"""An HTTP app of a simulator, served on a loopback port, a free one or its own, by a thread of this process."""

import threading
import time

import uvicorn
from fastapi import FastAPI

from simulators.errors import ProviderNotStarted

START_WAIT_S = 10.0


class Served:
    """`what`: who it is, as a person is told where it does not start."""

    def __init__(self, app: FastAPI, *, name: str, what: str, port: int = 0) -> None:
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, lifespan="off", access_log=False,
            log_config=None,  # uvicorn's own would silence the backend's server in the same process
        )  # fmt: skip
        self._what = what
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name=name, daemon=True)
        self.url = ""

    def start(self) -> None:
        """Return when it answers. Raises ProviderNotStarted."""
        self._thread.start()
        until = time.monotonic() + START_WAIT_S
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise ProviderNotStarted(f"{self._what} did not start", fix="try again")
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join()
