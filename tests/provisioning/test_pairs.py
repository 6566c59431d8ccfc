"""Pairing two doors of one bus: what each is told, what is refused, and what an interruption leaves."""

import json
import os
import shutil
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.provision import command
from edge.adapters.keys import load_keys, load_sister
from edge.app.config import ValidatorConfig, load_config
from edge.core.errors import KeyMissing
from protocol.fares.tariff import Tariff
from provisioning.adapters import files
from provisioning.app.broker import use_password_broker, write_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.pairs import pair_doors
from provisioning.core.errors import BadSetting, FileFailed, FolderAway, NotSisters, UnknownDevice
from provisioning.core.toml_text import with_table
from tests.provisioning.enrolments import enrolled
from transport.config import PeerConfig
from transport.toml_file import ConfigError

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ONE, TWO, THREE, ELSEWHERE = "bus-0001-d1", "bus-0001-d2", "bus-0001-d3", "bus-0002-d1"
HOST, PORT = "10.20.0.1", 7_400


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom)
    for device in (ONE, TWO, THREE, ELSEWHERE):
        enrol(tmp_path / "city", device)
    return tmp_path / "city"


def enrol(root: Path, device: str, door: int | None = None) -> None:
    add_device(
        root, device=device, vehicle=device[:8], door=door or int(device[-1]), cameras=[("front", "v4l2:0")], now=NOW,
        randomness=os.urandom,
    )  # fmt: skip


def folder(root: Path, device: str) -> Path:
    return root / "devices" / device


def validator(root: Path, device: str) -> ValidatorConfig:
    return load_config(folder(root, device) / "validator.toml")


def content(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_each_door_is_told_of_the_other(root: Path) -> None:
    before = {device: validator(root, device) for device in (ONE, TWO)}
    configs = pair_doors(root, ONE, TWO, where=(HOST, PORT))
    assert configs == tuple(folder(root, device) / "validator.toml" for device in (ONE, TWO))
    for device, sister, role in ((ONE, TWO, {"listen": f"{HOST}:{PORT}"}), (TWO, ONE, {"dial": f"{HOST}:{PORT}"})):
        keys = folder(root, device) / "keys"
        config = validator(root, device)
        assert config.sister == PeerConfig(
            device=sister, ca=keys / "ca.crt.pem", cert=keys / "tls.crt.pem", key=keys / "tls.key.pem",
            renewed=config.data_dir / "tls", **role,
        )  # fmt: skip
        assert config.model_copy(update={"sister": None}) == before[device]
        assert load_sister(keys).public == load_keys(folder(root, sister) / "keys").tap.public


def test_a_door_without_a_sister_is_as_it_was(root: Path) -> None:
    pair_doors(root, ONE, TWO, where=(HOST, PORT))
    assert validator(root, THREE).sister is None
    with pytest.raises(KeyMissing):
        load_sister(folder(root, THREE) / "keys")


def test_pairing_again_changes_nothing_and_with_another_everything(root: Path) -> None:
    pair_doors(root, ONE, TWO, where=(HOST, PORT))
    before = content(root)
    pair_doors(root, ONE, TWO, where=(HOST, PORT))
    assert content(root) == before
    pair_doors(root, THREE, ONE, where=("fd00::1", PORT))
    sister = validator(root, ONE).sister
    assert sister is not None
    assert (sister.device, sister.listen, sister.dial) == (THREE, None, f"[fd00::1]:{PORT}")
    assert load_sister(folder(root, ONE) / "keys").public == load_keys(folder(root, THREE) / "keys").tap.public


def test_the_link_has_certificates_whatever_the_broker_takes(root: Path) -> None:
    """No link without mutual TLS, in development either: a device keeps its certificate when passwords come."""
    use_password_broker(root, port=1_883, randomness=os.urandom)
    pair_doors(root, ONE, TWO, where=("127.0.0.1", PORT))
    config = validator(root, ONE)
    assert config.broker.cert is None
    assert config.sister is not None
    assert all(path.is_file() for path in (config.sister.ca, config.sister.cert, config.sister.key))
    sister = config.sister
    write_broker(root, plugin_path=Path("/plugin.so"))
    assert validator(root, ONE).sister == sister


@pytest.mark.parametrize(
    ("one", "two", "host", "error"),
    [
        (ONE, "bus-0001-d9", HOST, UnknownDevice),
        (ONE, ELSEWHERE, HOST, NotSisters),
        (ONE, ONE, HOST, NotSisters),
        (ONE, "bus-0001-x1", HOST, NotSisters),
        (ONE, "../bus-0001-d2", HOST, BadSetting),
        (ONE, TWO, "0.0.0.0", BadSetting),
        (ONE, TWO, "::", BadSetting),
        (ONE, TWO, "not a host", BadSetting),
    ],
)
def test_what_is_no_pair_is_refused_and_nothing_changes(
    root: Path, one: str, two: str, host: str, error: type[Exception]
) -> None:
    enrol(root, "bus-0001-x1", door=1)  # a second device for one door
    before = content(root)
    with pytest.raises(error):
        pair_doors(root, one, two, where=(host, PORT))
    assert content(root) == before


def test_a_device_that_went_to_the_bus_is_named(root: Path, tmp_path: Path) -> None:
    folder(root, TWO).rename(tmp_path / "on-the-bus")
    before = content(root)
    with pytest.raises(FolderAway, match=TWO):
        pair_doors(root, ONE, TWO, where=(HOST, PORT))
    assert content(root) == before


def test_doors_whose_keys_were_carried_away_can_be_paired(root: Path) -> None:
    """Their private keys are on the bus already: what is public suffices."""
    for device in (ONE, TWO):
        shutil.rmtree(folder(root, device) / "keys")
    pair_doors(root, ONE, TWO, where=(HOST, PORT))
    assert load_sister(folder(root, ONE) / "keys").public
    assert (folder(root, ONE) / "keys").stat().st_mode & 0o777 == 0o700


def test_an_interrupted_pairing_is_finished_by_calling_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = files.replace

    def interrupted(path: Path, *more: Any, **named: Any) -> None:
        if path.name == "validator.toml" and path.parent.name == TWO:
            raise FileFailed("no more room")
        write(path, *more, **named)

    monkeypatch.setattr(files, "replace", interrupted)
    with pytest.raises(FileFailed):
        pair_doors(root, ONE, TWO, where=(HOST, PORT))
    # A validator with a [sister] section has the sister's key too, at any moment.
    assert (validator(root, ONE).sister, validator(root, TWO).sister) != (None, None)
    assert load_sister(folder(root, ONE) / "keys").public
    monkeypatch.undo()
    pair_doors(root, ONE, TWO, where=(HOST, PORT))
    assert validator(root, TWO).sister is not None


def test_a_damaged_registry_entry_is_named(root: Path) -> None:
    path = root / "backend" / "registry" / f"{TWO}.json"
    entry = json.loads(path.read_text())
    for damage in ({"tap_key": "00" * 33}, {"tap_key": "zz"}, {"vehicle": None}):
        path.write_text(json.dumps(entry | damage))
        with pytest.raises((BadSetting, NotSisters)):
            pair_doors(root, ONE, TWO, where=(HOST, PORT))
    assert validator(root, ONE).sister is None


def test_what_people_wrote_stays(root: Path) -> None:
    path = folder(root, ONE) / "validator.toml"
    by_hand = path.read_text().replace("[clock]", "# of this bus\n[clock]")
    path.write_text(by_hand)
    pair_doors(root, ONE, TWO, where=(HOST, PORT))
    assert path.read_text().startswith(by_hand)
    assert set(tomllib.loads(path.read_text())["sister"]) == {"device", "listen", "ca", "cert", "key"}


def test_a_table_is_added_only_where_there_is_none() -> None:
    added = with_table('city = "x"\n', "[sister]", {"device": "a"}, add=True)
    assert added == 'city = "x"\n\n[sister]\ndevice = "a"\n'
    assert with_table(added, "[sister]", {"device": "b"}, add=True) == added.replace('"a"', '"b"')
    with pytest.raises(BadSetting):
        with_table(added + added, "[sister]", {"device": "b"}, add=True)


def test_a_door_cannot_be_its_own_sister(root: Path) -> None:
    pair_doors(root, ONE, TWO, where=(HOST, PORT))
    path = folder(root, ONE) / "validator.toml"
    path.write_text(path.read_text().replace(f'device = "{TWO}"', f'device = "{ONE}"'))
    with pytest.raises(ConfigError, match="itself"):
        load_config(path)


@pytest.mark.parametrize(
    "roles",
    [
        {"interface": "eth0", "listen": "a:1"}, {"port": 7401, "dial": "a:1"}, {"interface": "-" * 16}, {"interface": "a b"},
        {"port": 65536}, {"listen": "a:1", "dial": "b:2"}, {"listen": "a"}, {"dial": ":7400"}, {"dial": "a:0"}, {"dial": "a:65536"},
        {"dial": "fd00::1:7400"}, {"dial": "[]:7400"}, {"dial": "a:٧٤٠٠"}, {"dial": "a:-1"},
    ],
)  # fmt: skip
def test_a_link_has_one_end_that_listens_and_one_that_calls(roles: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"listen|HOST:PORT|port|interface"):
        PeerConfig(device=TWO, ca=Path("a"), cert=Path("b"), key=Path("c"), **roles)


def test_the_command_says_what_to_carry_and_no_secret(root: Path) -> None:
    done = CliRunner().invoke(command, ["pair", str(root), ONE, TWO, "--listen", f"{HOST}:{PORT}", "--json", "-"])
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert (made["listening"], made["calling"], made["address"]) == (ONE, TWO, f"{HOST}:{PORT}")
    assert all(Path(path).is_file() for path in made["configurations"])
    assert (made["secrets"], bool(made["next"])) == ([], True)
    wrong = CliRunner().invoke(command, ["pair", str(root), ONE, TWO, "--listen", HOST])
    assert wrong.exit_code != 0
    assert "HOST:PORT" in wrong.output


@pytest.mark.parametrize("interface", [None, "eth0"])
def test_doors_that_find_each_other_have_no_address_written_down(root: Path, interface: str | None) -> None:
    """Issued again with an address, and without: nothing of the way before is left."""
    pair_doors(root, ONE, TWO, where=(HOST, PORT))
    pair_doors(root, TWO, ONE, interface=interface)
    for device, sister in ((ONE, TWO), (TWO, ONE)):
        config = validator(root, device).sister
        assert config is not None
        assert (config.device, config.finds, config.endpoint, config.interface) == (sister, True, "", interface)
        assert config.calls(device) is (device == TWO), "the name that sorts first listens, whoever was named first"
    pair_doors(root, TWO, ONE, where=(HOST, PORT))
    config = validator(root, ONE).sister
    assert config is not None
    assert (config.dial, config.interface, config.calls(ONE)) == (f"{HOST}:{PORT}", None, True)


@pytest.mark.parametrize(("where", "interface"), [((HOST, PORT), "eth0"), (None, "a b"), (None, "x" * 16), (None, "")])
def test_an_interface_is_a_name_of_linux_and_goes_with_no_address(
    root: Path, where: tuple[str, int] | None, interface: str
) -> None:
    before = content(root)
    with pytest.raises(BadSetting):
        pair_doors(root, ONE, TWO, where=where, interface=interface)
    assert content(root) == before


def test_the_command_says_how_doors_without_an_address_come_together(root: Path) -> None:
    done = CliRunner().invoke(command, ["pair", str(root), TWO, ONE, "--interface", "eth0", "--json", "-"])
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert (made["listening"], made["calling"]) == (ONE, TWO)
    assert "eth0" in made["address"]


def test_doors_that_made_their_own_keys_are_paired_by_their_settings(tmp_path: Path, root: Path) -> None:
    """Brought back alone: no private key comes to the office for it."""
    doors = [enrolled(root, tmp_path / name, name)[0] for name in ("bus-0009-d1", "bus-0009-d2")]
    names = [door.root.name for door in doors]
    with pytest.raises(FolderAway):
        pair_doors(root, *names)
    for door in doors:
        folder(root, door.root.name).mkdir()
        shutil.copy(door.root / "validator.toml", folder(root, door.root.name))
    pair_doors(root, *names)
    for door, other in zip(doors, reversed(doors), strict=True):
        for name in ("validator.toml", "keys/sister.pub"):
            shutil.copy(folder(root, door.root.name) / name, door.root / name)
        sister = load_config(door.root / "validator.toml").sister
        assert sister is not None
        assert sister.device == other.root.name
        assert load_sister(door.keys).public == load_keys(other.keys).tap.public
    assert not list(root.glob("devices/bus-0009-*/keys/*.key.pem"))
