"""Two people of an office, over the documented HTTP API: one proposes, the other reads and approves."""

from collections.abc import Callable, Collection
from typing import Any

import httpx

from backend.adapters.http.days import written
from backend.app.naming import name_person
from backend.core.staff.ports import StaffStore
from backend.core.staff.roles import Role
from protocol.fares.tariff import Tariff
from simulators.errors import SimulatorError


class OfficeFailed(SimulatorError):
    """The backend did not do what the office asked."""


class Office:
    """Two people of operations with a token each."""

    def __init__(self, base_url: str, tokens: tuple[str, str]) -> None:
        self._client = httpx.Client(base_url=base_url, trust_env=False, timeout=10)
        self._tokens = tokens

    def both(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        """One proposes (`what`: the last part of the path), the other approves what it reads."""
        made = self._ask(self._tokens[0], f"/v1/proposals/for/{what}", body)
        return self._ask(self._tokens[1], f"/v1/proposals/{made['id']}/approve", {"digest": made["digest"]})

    def grant(self, public_key: bytes, rider_class: int, until_day: int) -> None:
        """A concession for who registers this key, until this service day."""
        self.both("concessions", {
            "public_key": public_key.hex(), "rider_class": rider_class, "until": written(until_day),
            "document": "as seen at the desk", "why": "a simulated rider",
        })  # fmt: skip

    def decree(self, tariff: int) -> None:
        """The tariff that waits in the made bundle."""
        self.both("tariffs", {"tariff": tariff, "decree": "city council, 1405/12", "why": "a simulated decree"})

    def release(self, credential_id: bytes, version: int) -> None:
        """A credential off the deny list, by the next bundle."""
        self.both("releases", {"credential_id": credential_id.hex(), "version": version, "why": "found again"})

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _ask(self, token: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
        if answer.is_error:
            raise OfficeFailed(f"POST {path}: {answer.status_code} {answer.text[:300]}", fix="look at the answer")
        found: dict[str, Any] = answer.json()
        return found


def two_of_operations(store: StaffStore, now_ms: int, randomness: Callable[[int], bytes]) -> tuple[str, str]:
    """Name two people → their tokens; to be called once a ledger."""
    one, other = (
        name_person(store, name, Role.OPERATIONS, by="simulator", now_ms=now_ms, randomness=randomness)
        for name in ("parvin", "rostam")
    )
    return one, other


class AllApproved:
    """Implements `Approvals` for an office whose people always agree."""

    def tariff(self, tariff: Tariff) -> bool:  # noqa: ARG002
        """Yes."""
        return True

    def is_known(self, version: int) -> bool:  # noqa: ARG002
        """Nothing is refused there."""
        return False

    def release(self, credential_id: bytes, version: int, left: int = -1) -> bool:  # noqa: ARG002
        """Yes."""
        return True

    def used(self, released: Collection[bytes]) -> None:
        """Nothing is counted."""
