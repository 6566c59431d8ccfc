"""What riders' phones do over the documented HTTP API: register their key, top up, look at the wallet."""

import time
from typing import Any

import httpx

from protocol.localtime import service_day
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.registrations import registration_payload
from simulators.errors import SimulatorError
from simulators.office import Office
from simulators.riders import Rider

_CLASS_DAYS = 365  # of a granted class


class PhoneFailed(SimulatorError):
    """The backend did not do what a phone asked."""


def registration(key: SigningKey, challenge: str, rider_class: int = 0) -> dict[str, object]:
    """The body that a phone sends. `challenge`: as the backend gave it."""
    payload = registration_payload(bytes.fromhex(challenge), key.public)
    proof = key.sign(Purpose.REGISTRATION, payload).hex()
    body: dict[str, object] = {"public_key": key.public.hex(), "challenge": challenge, "proof": proof}
    return body | ({"rider_class": rider_class} if rider_class else {})


class Phones:
    """One HTTP client for a crowd. `office` grants concessions; operations hand in statements by `ops_token`."""

    def __init__(self, base_url: str, ops_token: str, office: Office) -> None:
        self._office = office
        self._client = httpx.Client(base_url=base_url, trust_env=False, timeout=10)
        self._ops_token = ops_token
        self._tokens: dict[int, tuple[str, str]] = {}

    def register(self, rider: Rider) -> None:
        """Prove the key, take the credential. A concession is granted by two of the office before."""
        if rider.rider_class:
            today = service_day(time.time_ns() // 1_000_000)
            self._office.grant(rider.key.public, int(rider.rider_class), today + _CLASS_DAYS)
        challenge = self._ask("POST", "/v1/riders/challenges")["challenge"]
        made = self._ask("POST", "/v1/riders", json=registration(rider.key, challenge, int(rider.rider_class)))
        rider.credential = bytes.fromhex(made["credential"])
        self._tokens[rider.number] = (made["credential_id"], made["token"])

    def top_up(self, rider: Rider, rials: int) -> None:
        """Ask for a top-up, pay it on the provider's page, let the backend settle it."""
        credential_id, token = self._tokens[rider.number]
        mine = {"Authorization": f"Bearer {token}"}
        asked = self._ask("POST", f"/v1/riders/{credential_id}/topups", json={"amount_rials": rials}, headers=mine)
        httpx.get(asked["pay_url"], trust_env=False, timeout=10)  # the provider "pays", and answers with a redirect
        self._ask("POST", f"/v1/topups/{asked['id']}/settle", headers=mine)

    def balance(self, rider: Rider) -> int:
        """What the wallet holds, in rials."""
        credential_id, token = self._tokens[rider.number]
        mine = {"Authorization": f"Bearer {token}"}
        return int(self._ask("GET", f"/v1/riders/{credential_id}/balance", headers=mine)["balance_rials"])

    def reconcile(self, statement_csv: str) -> dict[str, Any]:
        """Operations hand in the provider's statement."""
        staff = {"Authorization": f"Bearer {self._ops_token}", "Content-Type": "text/csv"}
        return self._ask("POST", "/v1/statements", content=statement_csv.encode(), headers=staff)

    def close(self) -> None:
        """Close both clients."""
        self._office.close()
        self._client.close()

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise PhoneFailed(f"{method} {path}: {error}", fix="look at the backend's log") from error
        if answer.is_error:
            raise PhoneFailed(f"{method} {path}: {answer.status_code} {answer.text[:200]}", fix="look at the answer")
        found: dict[str, Any] = answer.json()
        return found
