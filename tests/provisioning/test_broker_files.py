"""Moving a city between brokers: what is rewritten, what stays, and what an interruption leaves."""

import json
import os
import stat
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from edge.app.config import load_config as load_validator
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from provisioning.app.broker import use_password_broker, write_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.core.errors import BadSetting, FileFailed, NotACity
from provisioning.core.toml_text import with_table

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PLUGIN = Path("/plugin.so")
DEVICES = ("bus-0001-d1", "bus-0002-d1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A city with two devices."""
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom)
    for device in DEVICES:
        enrol(tmp_path / "city", device)
    return tmp_path / "city"


def enrol(root: Path, device: str) -> None:
    add_device(
        root, device=device, vehicle=device[:-3], door=1, cameras=[("front", "v4l2:0")], now=NOW, randomness=os.urandom
    )


def configs(root: Path) -> dict[str, Path]:
    devices = {device: root / "devices" / device / "validator.toml" for device in DEVICES}
    return {"backend-s0": root / "backend" / "backend.toml", **devices}


def sections(root: Path) -> list[dict[str, object]]:
    return [tomllib.loads(path.read_text())["broker"] for path in configs(root).values()]


def test_a_password_broker_rewrites_every_section_and_gives_each_its_own_password(root: Path) -> None:
    before = {path: tomllib.loads(path.read_text()) for path in configs(root).values()}
    passwords = use_password_broker(root, port=1_883, randomness=Random(1).randbytes)
    assert set(passwords) == set(configs(root))
    assert len(set(passwords.values())) == len(passwords)
    for identity, path in configs(root).items():
        now = tomllib.loads(path.read_text())
        broker = now.pop("broker")
        assert broker == {"host": "127.0.0.1", "port": 1_883, "username": identity,
                          "password_file": "keys/mqtt.password"}  # fmt: skip
        assert now == {key: value for key, value in before[path].items() if key != "broker"}
        file = path.parent / broker["password_file"]
        assert file.read_text() == passwords[identity]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert passwords[identity] not in path.read_text()
    assert load_validator(configs(root)[DEVICES[0]]).broker.username == DEVICES[0]


def test_a_password_is_kept_when_the_broker_moves(root: Path) -> None:
    first = use_password_broker(root, port=1_883, randomness=os.urandom)
    assert use_password_broker(root, port=1_884, randomness=os.urandom) == first
    assert [section["port"] for section in sections(root)] == [1_884] * 3


@pytest.mark.parametrize(("host", "port"), [("broker.example", 1_883), ("0.0.0.0", 1_883), ("127.0.0.1", 0)])
def test_a_password_crosses_no_network(root: Path, host: str, port: int) -> None:
    before = sections(root)
    with pytest.raises(BadSetting):
        use_password_broker(root, host=host, port=port, randomness=os.urandom)
    assert sections(root) == before
    assert not list(root.rglob("mqtt.password"))


def test_the_certificate_comes_back_with_the_real_broker(root: Path) -> None:
    before = sections(root)
    use_password_broker(root, port=1_883, randomness=os.urandom)
    write_broker(root, plugin_path=PLUGIN)
    assert sections(root) == before


def test_what_people_wrote_in_a_section_stays_while_the_port_does(root: Path) -> None:
    config = configs(root)[DEVICES[0]]
    by_hand = config.read_text().replace("port = 8883", "port = 8883\nkeepalive_s = 60")
    config.write_text(by_hand)
    write_broker(root, plugin_path=PLUGIN)
    assert config.read_text() == by_hand


def test_an_interrupted_move_is_finished_by_calling_again(root: Path) -> None:
    damaged = configs(root)[DEVICES[0]]
    good = damaged.read_text()
    damaged.write_text("[broker")
    with pytest.raises(BadSetting):
        write_broker(root, port=9_883, plugin_path=PLUGIN)
    damaged.write_text(good)
    write_broker(root, port=9_883, plugin_path=PLUGIN)
    assert [section["port"] for section in sections(root)] == [9_883] * 3
    assert tomllib.loads((root / "city.toml").read_text())["broker"]["port"] == 9_883


def test_a_file_in_no_utf8_is_named(root: Path) -> None:
    configs(root)[DEVICES[0]].write_bytes(b"\xff")
    with pytest.raises(BadSetting, match=DEVICES[0]):
        write_broker(root, plugin_path=PLUGIN)


def test_devices_enrolled_at_the_same_time_all_get_their_roles(root: Path) -> None:
    """Each call reads the roles, adds one and writes them: without a lock they write over one another."""
    more = [f"bus-1{number:03}-d1" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda device: enrol(root, device), more))
    clients = json.loads((root / "broker" / "dynamic-security.json").read_text())["clients"]
    assert {client["username"] for client in clients} >= {f"CN={device},OU=device,O=isfahan" for device in more}


def test_nothing_is_given_to_the_broker_through_a_link(root: Path, tmp_path: Path) -> None:
    """The broker's folder is the broker's own: a captured broker must not gain the file that a link of its names."""
    precious = tmp_path / "precious"
    precious.write_text("x")
    key = root / "broker" / "broker.key.pem"
    key.unlink()
    key.symlink_to(precious)
    with pytest.raises(FileFailed, match="link"):
        write_broker(root, plugin_path=PLUGIN)


def test_a_missing_key_of_the_broker_is_named(root: Path) -> None:
    (root / "broker" / "broker.key.pem").unlink()
    with pytest.raises(FileFailed, match=r"broker\.key\.pem"):
        write_broker(root, plugin_path=PLUGIN)


def test_a_missing_registry_is_not_an_empty_fleet(root: Path) -> None:
    """Else lost roles would be made again for nobody."""
    (root / "broker" / "dynamic-security.json").unlink()
    (root / "backend" / "registry").rename(root / "elsewhere")
    with pytest.raises(NotACity, match="registry"):
        write_broker(root, plugin_path=PLUGIN)
    assert not (root / "broker" / "dynamic-security.json").exists()


@pytest.mark.parametrize("user", ["no-such-account", "a\nb"])
def test_an_unknown_account_changes_nothing(root: Path, user: str) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(SavarError, match="no account"):
        write_broker(root, plugin_path=PLUGIN, user=user)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_comment_above_the_next_table_stays() -> None:
    text = 'city = "x"\n\n[broker]\nhost = "a"\n\n# of this bus\n[clock]\ntrust = "system"\n'
    changed = with_table(text, "[broker]", {"host": "b", "port": 1})
    assert changed == text.replace('host = "a"\n', 'host = "b"\nport = 1\n')
