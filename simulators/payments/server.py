"""A simulated payment provider on a free loopback port, in a thread."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI

from simulators.errors import ProviderNotStarted
from simulators.payments.bank import make_bank
from simulators.payments.books import Books, Entry
from simulators.payments.misbehaviour import Faults
from simulators.payments.zarinpal import make_zarinpal

START_WAIT_S = 10.0
FACES: dict[str, Callable[[Books], FastAPI]] = {"zarinpal": make_zarinpal, "bank-gateway": make_bank}


class PaymentServer:
    """`kind` as backend.toml names it. The books may be asked for the truth at any time."""

    def __init__(
        self, *, merchant: str, seed: int, faults: Faults | None = None, kind: str = "zarinpal",
        now: Callable[[], datetime] = lambda: datetime.now(UTC), late_s: float = 3.0,
    ) -> None:  # fmt: skip
        self.books = Books(merchant, seed, faults or Faults(), now, late_s)
        self.kind = kind
        app = FACES[kind](self.books)
        app.add_api_route("/truth", self.books.truth, response_model=list[Entry])
        config = uvicorn.Config(
            app, host="127.0.0.1", port=0, lifespan="off", access_log=False,
            log_config=None,  # uvicorn's own would silence the backend's server in the same process
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name=f"provider-{kind}", daemon=True)
        self.url = ""

    def start(self) -> None:
        """Return when it answers. Raises ProviderNotStarted."""
        self._thread.start()
        until = time.monotonic() + START_WAIT_S
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise ProviderNotStarted("the simulated payment provider did not start", fix="try again")
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def statement(self) -> str:
        """Everything that was paid and did not go back, as CSV, named as this kind of provider names it."""
        return self.books.statement((lambda it: it.ref) if self.kind == "bank-gateway" else (lambda it: it.token))

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join()
