"""The HTTP API over a store in memory and a provider in hand, really served, called as a phone or a desk would."""

import os
from hashlib import sha256
from typing import Self

import httpx

from backend.adapters.http.app import make_app
from backend.adapters.http.server import HttpServer
from backend.adapters.http.services import Services
from backend.app.live import Live
from backend.app.payments.settling import Calls, Settling
from backend.app.payments.topups import TopUps
from backend.app.riders import Riders
from backend.core.conduct import KeptCase
from backend.core.errors import ProviderRefused, ProviderUnknown
from backend.core.payments.life import PACE
from backend.core.payments.port import Found, Payment, Says, Unverified
from backend.core.ports import Device
from protocol.wire.keys import Purpose, SigningKey
from tests.backend.memory_store import MemoryStore
from tests.protocol.samples import ISSUER, WALL_MS, key

OPS_TOKEN = "operations"
OPS = {"Authorization": f"Bearer {OPS_TOKEN}"}
DEVICES = [Device("bus-0001-d1", "s0", "bus-0001", 1, b""), Device("bus-0002-d1", "s0", "bus-0002", 1, b"")]


class Provider:
    """Implements PaymentProvider. `says` is what verify answers: "paid", "refused" or "unknown"."""

    def __init__(self) -> None:
        self.says = "paid"
        self.takes = "ok"  # what request answers: "ok", "refused" or "unknown"
        self.given = 0
        self.callbacks: list[str] = []
        self.asked: list[tuple[str, int]] = []
        self.found = Found(Says.HELD)

    def request(self, *, topup_id: str, rials: int, callback_url: str, description: str) -> str:
        self.callbacks.append(callback_url)
        if self.takes == "refused":
            raise ProviderRefused("not taken", fix="pay", code=-9)
        self._unclear(self.takes)
        self.given += 1
        return f"A{self.given:035d}"

    def pay_url(self, authority: str) -> str:
        return f"http://provider.test/pg/StartPay/{authority}"

    def inquire(self, payment: Payment) -> Found:
        self._unclear(self.says)
        return self.found

    def verify(self, payment: Payment) -> Says:
        self.asked.append((payment.authority, payment.rials))
        return Says.PAID if self.says == "paid" else Says.NOT_PAID

    def unverified(self) -> list[Unverified]:
        return []

    def reverse(self, payment: Payment) -> Says:
        return Says.REVERSED

    def statement_key(self, payment: Payment) -> str:
        return payment.authority

    def close(self) -> None:
        """Nothing is open."""

    def _unclear(self, says: str) -> None:
        if says == "unknown":
            raise ProviderUnknown("no answer", fix="ask again")


def calls_noted(into: list[tuple[str, ...]]) -> Calls:
    """Whoever would be called for."""
    return Calls(lambda *told: into.append(told), lambda *ended: into.append(("ended", *ended)))


class Api:
    """A served API and a client for it; `with` starts and stops both."""

    def __init__(self, *, payments: bool = True) -> None:
        self.store = MemoryStore()
        self.provider, self.second = Provider(), Provider()
        self.called: list[tuple[str, ...]] = []
        self.live = Live()
        self.chunks: dict[bytes, bytes] = {}
        self.cases: list[KeptCase] = []
        self.now_ms = WALL_MS
        providers = {"main": self.provider, "saman": self.second}
        settling = Settling(
            self.store, providers, clock=lambda: self.now_ms, pace=PACE, calls=calls_noted(self.called)
        )  # fmt: skip
        topups = TopUps(
            self.store, providers, settling, clock=lambda: self.now_ms, randomness=os.urandom,
            callback_base=lambda: self.server.url,
        )  # fmt: skip
        self.services = Services(
            riders=Riders(self.store, ISSUER, lambda: self.now_ms, os.urandom), topups=topups if payments else None,
            store=self.store, live=self.live, devices=lambda: DEVICES,
            ops_token_hash=sha256(OPS_TOKEN.encode()).digest(), clock=lambda: self.now_ms, city="isfahan",
            chunk=self.chunks.get, cases=lambda: self.cases, days_due=lambda: [20_700],
        )  # fmt: skip
        self.app = make_app(self.services)
        self.server = HttpServer(self.app, "127.0.0.1", 0)

    def __enter__(self) -> Self:
        self.server.start()
        self.client = httpx.Client(base_url=self.server.url, trust_env=False, timeout=20)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.stop()

    def registration(self, phone: SigningKey, **more: object) -> dict[str, object]:
        """The body that a phone sends."""
        proof = phone.sign(Purpose.REGISTRATION, phone.public)
        return {"public_key": phone.public.hex(), "proof": proof.hex()} | more

    def register(self, name: str = "phone") -> tuple[str, dict[str, str]]:
        """A new rider → (its id, its headers)."""
        answer = self.client.post("/v1/riders", json=self.registration(key(name)))
        assert answer.status_code == 201, answer.text
        body = answer.json()
        return body["credential_id"], {"Authorization": f"Bearer {body['token']}"}

    def start(self, rider: str, headers: dict[str, str], rials: int = 500_000) -> dict[str, object]:
        """A started top-up."""
        answer = self.client.post(f"/v1/riders/{rider}/topups", json={"amount_rials": rials}, headers=headers)
        assert answer.status_code == 201, answer.text
        body: dict[str, object] = answer.json()
        return body

    def balance(self, rider: str, headers: dict[str, str]) -> int:
        """What the wallet holds."""
        return self.client.get(f"/v1/riders/{rider}/balance", headers=headers).json()["balance_rials"]
