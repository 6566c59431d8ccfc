"""A backend for hosts in which nothing is real: its own city, keys and ledger, and a simulated payment provider.

It is a process's own backend over its own folder. Its city is called otherwise than any real one, and a ledger opens
for its own city alone; its credentials are signed by an issuer that no bus knows.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from backend.adapters.keys import load_host_key
from backend.app.backend import Backend, wall_ms
from backend.app.config import load_config
from backend.app.naming_hosts import make_host_token
from backend.app.staff import Staff
from backend.core.hosts.events import secret, written
from backend.core.hosts.host import Host, Scope
from backend.core.staff.roles import Actor, Role
from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from simulators.payments.server import PaymentServer

CITY = "isfahan-sandbox"
HOST = "sandbox-app"
_MERCHANT = "sandbox"
_FARE_RIALS = 60_000
_DAYS = 30
_ONE, _OTHER = Actor("sandbox-one", Role.OPERATIONS), Actor("sandbox-other", Role.OPERATIONS)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a host's server is set up with."""

    backend: str
    token: str
    secret: str


class Sandbox:
    """`with` starts and stops it. `origins`: of the host's pages; `webhook`: '' for none; `private`: its host:port."""

    def __init__(
        self, folder: Path, *, origins: Sequence[str], webhook: str = "", private: Sequence[str] = (), port: int = 0
    ) -> None:
        self._provider = PaymentServer(merchant=_MERCHANT, seed=1)
        self._provider.start()
        root = folder / CITY
        create_city(
            root, name=CITY, tariff=Tariff(1, _FARE_RIALS), now=datetime.now(UTC), randomness=os.urandom,
            broker_port=1, payments=(self._provider.url, _MERCHANT),
        )  # fmt: skip
        config = root / "backend" / "backend.toml"
        listed = ", ".join(f'"{it}"' for it in private)
        config.write_text(
            config.read_text().replace("port = 8080", f"port = {port}")
            + f"[host]\nsandbox = true\nprivate_webhooks = [{listed}]\n"
        )
        self._config = load_config(config)
        self._backend = Backend(self._config)
        self._host = Host(HOST, "برنامهٔ آزمایشی", "A host in the sandbox", tuple(origins), tuple(Scope), webhook)

    def __enter__(self) -> Self:
        """Serve, with the host that two people of the sandbox have approved."""
        self._backend.start()
        store = self._backend.store
        staff = Staff(store, b"", clock=wall_ms, randomness=os.urandom, waiting=list)
        made = staff.propose(_ONE, self._host, why="the sandbox's own", key="")
        staff.decide(_OTHER, made.id, made.digest, approves=True, key="")
        token = make_host_token(
            store, HOST, self._host.scopes, by="sandbox", now_ms=wall_ms(), randomness=os.urandom, days=_DAYS,
            overlap_days=0,
        )  # fmt: skip
        mine = written(secret(load_host_key(self._config.keys_dir), HOST, 1))
        self.given = HandedOver(self._backend.url.rstrip("/"), token, mine)
        return self

    def __exit__(self, *_: object) -> None:
        self._backend.stop()
        self._provider.stop()
