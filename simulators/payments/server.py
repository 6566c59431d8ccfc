"""A simulated payment provider on a free loopback port, in a thread."""

from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import FastAPI

from simulators.payments.bank import make_bank
from simulators.payments.books import Books, Entry
from simulators.payments.misbehaviour import Faults
from simulators.payments.zarinpal import make_zarinpal
from simulators.served import Served

FACES: dict[str, Callable[[Books], FastAPI]] = {"zarinpal": make_zarinpal, "bank-gateway": make_bank}


class PaymentServer(Served):
    """`kind` as backend.toml names it. The books may be asked for the truth at any time."""

    def __init__(
        self, *, merchant: str, seed: int, faults: Faults | None = None, kind: str = "zarinpal",
        now: Callable[[], datetime] = lambda: datetime.now(UTC), late_s: float = 3.0,
    ) -> None:  # fmt: skip
        self.books = Books(merchant, seed, faults or Faults(), now, late_s)
        self.kind = kind
        app = FACES[kind](self.books)
        app.add_api_route("/truth", self.books.truth, response_model=list[Entry])
        super().__init__(app, name=f"provider-{kind}", what="the simulated payment provider")

    def statement(self) -> str:
        """Everything that was paid and did not go back, as CSV, named as this kind of provider names it."""
        return self.books.statement((lambda it: it.ref) if self.kind == "bank-gateway" else (lambda it: it.token))
