"""The HTTP API over a store in memory and a provider in hand, really served, called as a phone or a desk would."""

import os
from hashlib import sha256
from typing import Self

import httpx

from backend.adapters.http.app import make_app
from backend.adapters.http.server import HttpServer
from backend.adapters.http.services import Services
from backend.app.live import Live
from backend.app.riders import Riders
from backend.app.topups import TopUps
from backend.core.conduct import KeptCase
from backend.core.errors import ProviderRefused, ProviderUnknown
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

    def request(self, *, rials: int, callback_url: str, description: str) -> str:
        self.callbacks.append(callback_url)
        self._answer(self.takes)
        self.given += 1
        return f"A{self.given:035d}"

    def pay_url(self, authority: str) -> str:
        return f"http://provider.test/pg/StartPay/{authority}"

    def verify(self, *, authority: str, rials: int) -> None:
        self.asked.append((authority, rials))
        self._answer(self.says)

    def _answer(self, says: str) -> None:
        if says == "refused":
            raise ProviderRefused("not paid", fix="pay", code=-51)
        if says == "unknown":
            raise ProviderUnknown("no answer", fix="ask again")


class Api:
    """A served API and a client for it; `with` starts and stops both."""

    def __init__(self, *, payments: bool = True) -> None:
        self.store = MemoryStore()
        self.provider = Provider()
        self.live = Live()
        self.chunks: dict[bytes, bytes] = {}
        self.cases: list[KeptCase] = []
        self.now_ms = WALL_MS
        topups = TopUps(
            self.store, self.provider, clock=lambda: self.now_ms, randomness=os.urandom,
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
