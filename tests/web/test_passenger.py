"""The passenger's app in a real Chromium, before a whole backend and the decode loop of two buses without a network."""

import json
import os
import re
import shutil
import socket
import sys
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.app.backend import Backend
from backend.app.config import load_config
from edge.adapters.rider_table import RiderTable
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from protocol.wire.passes import verify_credential
from protocol.wire.riders import encode_rows, row_of
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from simulators.phones import registration
from tests.web.conftest import PASSENGER, walk
from tests.web.holding import HeldBus
from tests.web.strings import Strings

pytestmark = pytest.mark.slow
LATER_MS = 60_000
KNOWS = 3  # the bus that gets the rider's row, and reads the short form by it


class Town:
    """A backend that can be cut off, two buses that never had a network, and what a walk asks of them."""

    def __init__(self, root: Path) -> None:
        now = datetime.now(UTC)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        create_city(
            root,
            name="isfahan",
            tariff=Tariff(1, 60_000),
            now=now,
            randomness=os.urandom,
            broker_port=1,
            http_port=port,
        )
        self.buses = {}
        for number, ahead_ms in ((1, 0), (2, LATER_MS), (KNOWS, 0)):
            add_device(
                root, device=f"bus-{number}-d1", vehicle=f"bus-{number}", door=1, cameras=[("front", "folder:none")],
                clock_trust="operator", now=now, randomness=os.urandom,
            )  # fmt: skip
            self.buses[number] = HeldBus(root / "devices" / f"bus-{number}-d1", ahead_ms)
        self._root, self._pages = root, root / "passenger"
        shutil.copytree(PASSENGER, self._pages)
        self.url = f"http://127.0.0.1:{port}"
        self._config = root / "backend" / "backend.toml"
        self._config.write_text(self._config.read_text() + f"\n[passenger]\npages = {json.dumps(str(self._pages))}\n")
        self.backend: Backend | None = None

    def start(self) -> None:
        self._serve()
        self.buses[1].start()
        self.buses[2].start()

    def stop(self) -> None:
        self._cut()
        for bus in self.buses.values():
            bus.stop()

    def pulled(self, what: str, order: dict[str, Any]) -> None:
        if what == "hold":
            found = self.buses[order["bus"]].answer([b64decode(png) for png in order["pngs"]])
            assert found == order["verdict"], f"{found} and not {order['verdict']}"
        elif what == "row":
            self._learn()
        elif what == "cut":
            self._cut()
        elif what == "mend":
            self._serve()
        elif what == "newer":
            self._build_anew()
        elif what == "half":
            self._build_half()
        else:
            assert what == "move"
            self._move(order)

    def _learn(self) -> None:
        """The only rider's row, onto the third bus's card."""
        assert self.backend is not None
        (credential,) = self.backend.store.credentials()
        issuer = SigningKey.from_pem((self._config.parent / "keys" / "issuer.key.pem").read_bytes())
        row = row_of(verify_credential(credential, [issuer.verifying]))
        table = RiderTable(self._root / "devices" / f"bus-{KNOWS}-d1" / "data" / "riders.table")
        table.replace([encode_rows([row])], number=1)
        self.buses[KNOWS].start()

    def _build_anew(self) -> None:
        """Another version of the app, as a build would bring it: a file is another one, and so the whole is."""
        page, worker = self._pages / "index.html", self._pages / "sw.js"
        page.write_text(page.read_text("utf-8").replace("<head>", '<head><meta name="newer" content="yes">'), "utf-8")
        code, found = re.subn(r'VERSION="[0-9a-f]{16}"', 'VERSION="00000000000000aa"', worker.read_text("utf-8"))
        assert found == 1
        worker.write_text(code, "utf-8")

    def _build_half(self) -> None:
        """The worker of a newer build beside the page of an older one, as while files are copied."""
        page, worker = self._pages / "index.html", self._pages / "sw.js"
        page.write_text(re.sub(r"index-[\w-]+\.js", "index-OLDOLDOL.js", page.read_text("utf-8")), "utf-8")
        code = re.sub(r'VERSION="[0-9a-f]{16}"', 'VERSION="00000000000000bb"', worker.read_text("utf-8"))
        worker.write_text(code, "utf-8")

    def _move(self, account: dict[str, Any]) -> None:
        """Its rider moves the account, with the token that the old phone has."""
        assert account["taken"] is False, "the key was exported"
        key = SigningKey.from_secret(bytes([7]) * 32)
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            body = registration(key, client.post("/v1/riders/challenges").json()["challenge"])
            mine = {"Authorization": f"Bearer {account['token']}"}
            moved = client.post(f"/v1/riders/{account['credentialId']}/move", json=body, headers=mine)
            assert moved.status_code == 200, moved.text

    def _serve(self) -> None:
        self.backend = Backend(load_config(self._config))
        self.backend.start()

    def _cut(self) -> None:
        if self.backend is not None:
            self.backend.stop()
            self.backend = None


@pytest.fixture
def town(tmp_path: Path, pages: Path) -> Iterator[Town]:
    made = Town(tmp_path / "city")
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_a_code_without_a_network_boards_once(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    """P7, P10: accepted, shown anew already paid, the same again copied, a minute later expired."""
    with Strings(town.pulled) as strings:
        said = walk("passenger", town.url, strings.url)
    with capsys.disabled():
        sys.stdout.write(f"\n{said}")  # how long the cold start took: told, and held by nobody


def test_its_life(town: Town) -> None:
    """P10: no second and counter twice; nothing shown unseen; a newer version; moved; an hour ahead, and right."""
    with Strings(town.pulled) as strings:
        walk("passenger_life", town.url, strings.url)


def test_where_the_phone_fails_it(town: Town) -> None:
    """P4: nothing kept, a full phone, a key that waits, two tabs, half a deploy: said, and no old code is shown."""
    with Strings(town.pulled) as strings:
        walk("passenger_hard", town.url, strings.url)
