"""Apps of partners over the served API: made by two people, with a token, asked as their servers ask."""

import os
from collections.abc import Iterable

import httpx

from backend.app.naming_hosts import make_host_token
from backend.core.hosts.host import Scope
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.registrations import registration_payload
from tests.backend.desk_http import Api
from tests.protocol.samples import key

ORIGIN = "https://city.example"
BACK = f"{ORIGIN}/wallet?from=bank"
ALL = tuple(Scope)
USER = "u-7Hq2mVx9"


def terms(name: str = "city-app", **more: object) -> dict[str, object]:
    """What two people are asked about it."""
    return {
        "name": name, "fa": "اصفهان من", "en": "Isfahan-e Man", "origins": [ORIGIN],
        "scopes": [it.value for it in ALL], "why": "council of the 3rd",
    } | more  # fmt: skip


class App:
    """The server of one app; `api` is what it speaks to."""

    def __init__(self, api: Api, name: str = "city-app", scopes: Iterable[Scope] = ALL, **more: object) -> None:
        self.api, self.name = api, name
        api.both("hosts", terms(name, **more))
        self.headers = self.token(scopes)
        self._keys = 0

    def token(self, scopes: Iterable[Scope] = ALL, *, overlap_days: int = 7) -> dict[str, str]:
        """The headers of a new token."""
        made = make_host_token(
            self.api.office, self.name, tuple(scopes), by="test", now_ms=self.api.now_ms, randomness=os.urandom,
            days=365, overlap_days=overlap_days,
        )  # fmt: skip
        return {"Authorization": f"Bearer {made}"}

    def get(self, path: str, **more: object) -> httpx.Response:
        """As it reads."""
        return self.api.client.get(f"/v1/host{path}", headers=self.headers, **more)  # type: ignore[arg-type]

    def post(self, path: str, body: dict[str, object] | None = None, key: str | None = None) -> httpx.Response:
        """As it writes, each time under another key."""
        self._keys += 1
        headers = self.headers | {"Idempotency-Key": key or f"k-{self._keys}"}
        return self.api.client.post(f"/v1/host{path}", json=body or {}, headers=headers)

    def registration(self, phone: SigningKey, user: str = USER, *, challenge: str | None = None) -> dict[str, object]:
        """What the phone signed, with the user."""
        told = challenge or self.post("/challenges").json()["challenge"]
        proof = phone.sign(Purpose.REGISTRATION, registration_payload(bytes.fromhex(told), phone.public))
        return {"user": user, "public_key": phone.public.hex(), "challenge": told, "proof": proof.hex()}

    def register(self, name: str = "one", user: str = USER) -> dict[str, object]:
        """A user with the key of this name."""
        answer = self.post("/riders", self.registration(key(name), user))
        assert answer.status_code == 201, answer.text
        body: dict[str, object] = answer.json()
        return body
