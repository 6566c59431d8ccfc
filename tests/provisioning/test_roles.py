"""Roles at the broker, as text: enrolling adds one and touches no other (P13)."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.fares.tariff import Tariff
from provisioning.app.broker import write_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.core.errors import BadSetting

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A city with one device."""
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom)
    enrol(tmp_path / "city", "bus-0001-d1")
    return tmp_path / "city"


def enrol(root: Path, device: str) -> None:
    add_device(
        root, device=device, vehicle="bus-0001", door=1, cameras=[("front", "v4l2:0")], now=NOW, randomness=os.urandom
    )


def roles(root: Path) -> Path:
    return root / "broker" / "dynamic-security.json"


def user(device: str) -> str:
    return f"CN={device},OU=device,O=isfahan"


def test_enrolling_another_device_revives_nobody(root: Path) -> None:
    """P13: the broker keeps in this file whose role was taken away; no later call may forget it."""
    document = json.loads(roles(root).read_text())
    for client in document["clients"]:
        if client["username"] == user("bus-0001-d1"):
            client |= {"roles": [], "disabled": True}
    roles(root).write_text(json.dumps(document))
    enrol(root, "bus-0002-d1")
    write_broker(root, port=18_883, plugin_path=Path("/plugin.so"))
    clients = {client["username"]: client for client in json.loads(roles(root).read_text())["clients"]}
    assert clients[user("bus-0001-d1")] == {"username": user("bus-0001-d1"), "roles": [], "disabled": True}
    assert clients[user("bus-0002-d1")]["roles"] == [{"rolename": "bus-0002-d1"}]


def test_lost_roles_are_made_again_from_the_registry(root: Path) -> None:
    before = json.loads(roles(root).read_text())
    roles(root).unlink()
    write_broker(root, plugin_path=Path("/plugin.so"))
    assert json.loads(roles(root).read_text()) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"clients": 1, "roles": []}'])
def test_a_damaged_file_is_named_and_left_alone(root: Path, text: str) -> None:
    roles(root).write_text(text)
    with pytest.raises(BadSetting, match="dynamic-security"):
        enrol(root, "bus-0002-d1")
    assert roles(root).read_text() == text
    assert [path.name for path in (root / "devices").iterdir()] == ["bus-0001-d1"]
