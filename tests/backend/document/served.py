"""A whole backend, really served, with something of everything in it: what the API's document is held against."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Self

import httpx

from backend.app.backend import Backend, wall_ms
from backend.app.config import load_config
from backend.app.naming import name_person
from backend.app.naming_hosts import make_host_token
from backend.core.hosts.host import Host, Link, Scope
from backend.core.staff.roles import STAFF_ROLES, Role
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from provisioning.app.bundles import make_bundle
from provisioning.app.city import create_city
from provisioning.core.bundle_changes import Changes
from simulators.payments.server import PaymentServer
from simulators.sms.kavenegar import SmsServer
from tests.backend.bus import Bus, Rider

RIDER = Rider(1)
_RIDER_TOKEN = "a-rider-s-token-of-this-test"
_USER = "u-7Hq2mVx9"
_SMS_KEY = "a0key0of0this0test"


class Served:
    """`with` starts it and stops it. `tokens` by role; `known` gives values for the parameters of paths."""

    def __init__(self, folder: Path) -> None:
        self.provider = PaymentServer(merchant="savar-dev", seed=1)
        self.provider.start()
        root = folder / "city"
        create_city(
            root, name="isfahan", tariff=Tariff(1, 60_000), now=datetime.now(UTC), randomness=os.urandom,
            broker_port=1, payments=(self.provider.url, "savar-dev"),
        )  # fmt: skip
        config = root / "backend" / "backend.toml"
        self.sms = SmsServer(key=_SMS_KEY, templates=("bind", "sign-in"))
        self.sms.start()
        (config.parent / "keys" / "sms.key").write_text(_SMS_KEY)
        sms = (
            f'[sms]\nprovider = "{self.sms.url}"\nkey_file = "keys/sms.key"\nbind_template = "bind"\n'
            'sign_in_template = "sign-in"\n'
        )
        config.write_text(config.read_text().replace("port = 8080", "port = 0") + sms)  # a free one
        sealing = SigningKey.from_pem((config.parent / "keys" / "sealing.key.pem").read_bytes())
        bus = Bus("bus-1-d1", sealing=sealing)
        (config.parent / "registry").mkdir(exist_ok=True)
        (config.parent / "registry" / "bus-1-d1.json").write_text(json.dumps({
            "device": bus.name, "shard": "s0", "vehicle": bus.device.vehicle, "door": 1,
            "tap_key": bus.device.tap_key.hex(),
        }))  # fmt: skip
        self.backend = Backend(load_config(config))
        store = self.backend.store
        store.add_rider(replace(RIDER.row, token_hash=sha256(_RIDER_TOKEN.encode()).digest()))
        for counter in range(3):
            bus.tap(RIDER.show(counter))
        taken = self.backend.import_batch(bus.batch())
        assert taken.startswith("taken"), taken
        store.open_alarm("silent", bus.name, "no word for ten minutes", "look at it", wall_ms())
        self.tokens: dict[Role, str] = {Role.RIDER: _RIDER_TOKEN}
        for role in STAFF_ROLES:
            name = f"a-{role.value}"
            self.tokens[role] = name_person(store, name, role, by="test", now_ms=wall_ms(), randomness=os.urandom)
        self.second = name_person(store, "b-finance", Role.FINANCE, by="test", now_ms=wall_ms(), randomness=os.urandom)
        self.host = self._make_host()
        make_bundle(root, Changes(flat_fare_rials=70_000), now=datetime.now(UTC))  # it waits for two people

    def _make_host(self) -> str:
        """An app that has the rider → its token."""
        store, scopes = self.backend.store, tuple(Scope)
        with store._writer.transaction() as core:
            it = Host("city-app", "اصفهان من", "Isfahan-e Man", ("https://city.example",), scopes)
            store.make_host_within(core, it, 0)
        link = Link("city-app", _USER, RIDER.credential_id, 0)
        assert store.allow_host(replace(link, user=None))
        assert store.name_user(link)
        return make_host_token(
            store, "city-app", scopes, by="test", now_ms=wall_ms(), randomness=os.urandom, days=30, overlap_days=0
        )

    def __enter__(self) -> Self:
        self.backend.start()
        self.url = self.backend.url.rstrip("/")
        rider = RIDER.credential_id.hex()
        with httpx.Client(base_url=self.url, trust_env=False, timeout=20) as client:

            def post(path: str, role: Role, body: dict[str, object]) -> dict[str, str]:
                answer = client.post(path, json=body, headers={"Authorization": f"Bearer {self.tokens[role]}"})
                answer.raise_for_status()
                found: dict[str, str] = answer.json()
                return found

            topup = post(f"/v1/riders/{rider}/topups", Role.RIDER, {"amount_rials": 500_000})
            (receipt, *_) = httpx.get(
                f"{self.url}/v1/riders/{rider}/receipts", trust_env=False,
                headers={"Authorization": f"Bearer {_RIDER_TOKEN}"},
            ).json()["receipts"]  # fmt: skip
            asked = {"tap": receipt["tap"], "reason": "twice"}
            dispute = post(f"/v1/riders/{rider}/disputes", Role.RIDER, asked)
            paper = {"paper": "student-card", "issuer": "University of Isfahan", "reference": "4821"}
            wish = {"rider_class": 3, "documents": [paper]}
            application = post(f"/v1/riders/{rider}/concessions", Role.RIDER, wish)
            posting = {"debit": "suspense", "credit": "bank", "amount_rials": 1, "why": "counted"}
            proposal = post("/v1/proposals/for/postings", Role.FINANCE, posting)
        self.known = {
            "rider_id": rider,
            "user": _USER,
            "host": "city-app",
            "topup_id": topup["id"],
            "proposal_id": proposal["id"],
            "dispute_id": dispute["id"],
            "application_id": application["id"],
        }
        return self

    def operations(self) -> int:
        """How many the served document has."""
        paths = httpx.get(f"{self.url}/openapi.json", trust_env=False).json()["paths"]
        return sum(len(methods) for methods in paths.values())

    def __exit__(self, *_: object) -> None:
        self.backend.stop()
        self.provider.stop()
        self.sms.stop()
