"""Provisioning: secrets stay secret, nothing is overwritten, what is written is what its readers take."""

import json
import logging
import os
import stat
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from backend.app.config import load_config as load_backend
from cli.provision import command
from edge.adapters.keys import load_bundle, load_keys
from edge.app.config import load_config as load_validator
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from provisioning.adapters import files
from provisioning.app import broker, devices
from provisioning.app.broker import use_password_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.issuers import add_issuer
from provisioning.core.errors import BadSetting, CityExists, DeviceExists, FileFailed, IssuerExists

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DEVICE = "bus-0001-d1"


def make(root: Path, seed: int = 1) -> Path:
    randomness = Random(seed).randbytes
    create_city(root, name="isfahan", tariff=Tariff(4, 60_000, {2: 500}), now=NOW, randomness=randomness)
    add_device(
        root, device=DEVICE, vehicle="bus-0001", door=2, cameras=[("front", "v4l2:0")], route="r9", now=NOW,
        randomness=randomness,
    )  # fmt: skip
    return root


def whole(folder: Path) -> set[tuple[str, bytes]]:
    """Every file of a bundle's folder."""
    return {(str(path.relative_to(folder)), path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def secrets(root: Path) -> list[Path]:
    return [
        *root.rglob("*.key.pem"),
        *root.rglob("ops.token"),
        *root.rglob("phone.key"),
        *root.rglob("hosts.key"),
        *root.rglob("mqtt.password"),
    ]


def test_what_is_written_is_what_its_readers_take(tmp_path: Path) -> None:
    root = make(tmp_path / "city")
    validator = load_validator(root / "devices" / DEVICE / "validator.toml")
    assert (validator.device, validator.vehicle, validator.door, validator.route) == (DEVICE, "bus-0001", 2, "r9")
    keys = load_keys(validator.keys_dir)
    bundle = load_bundle(validator.bundle, keys.bundle, city="isfahan")
    assert (bundle.number, bundle.tariff) == (1, Tariff(4, 60_000, {2: 500}))
    backend = load_backend(root / "backend" / "backend.toml")
    assert backend.identity == "backend-s0"
    assert whole(backend.bundle) == whole(validator.bundle)


def test_the_files_have_the_documented_keys_and_no_others(tmp_path: Path) -> None:
    """Exactly: a key that a reader would fill in by itself is written too, so that people see what holds."""
    root = make(tmp_path / "city")
    by_certificate = {"host", "port", "ca", "cert", "key"}
    assert shape(root / "devices" / DEVICE / "validator.toml") == {
        "": {"city", "shard", "device", "vehicle", "door", "route", "data_dir", "keys_dir", "bundle", "chunks_url"},
        "broker": by_certificate, "clock": {"trust"}, "reader": {"order"}, "camera": {"name", "source"},
    }  # fmt: skip
    assert shape(root / "backend" / "backend.toml") == {
        "": {"city", "shard", "data_dir", "keys_dir", "registry", "bundle", "crl"},
        "broker": by_certificate, "http": {"host", "port"}, "alarms": {"silent_after_s", "old_bundle_after_s"},
    }  # fmt: skip
    assert shape(root / "city.toml") == {"": {"city", "shard"}, "broker": {"host", "port", "user"}}
    entry = json.loads((root / "backend" / "registry" / f"{DEVICE}.json").read_text())
    assert set(entry) == {"device", "shard", "vehicle", "door", "tap_key"}


def shape(path: Path) -> dict[str, set[str]]:
    """Keys by section; "" is the top."""
    keys: dict[str, set[str]] = {"": set()}
    for name, value in tomllib.loads(path.read_text()).items():
        if isinstance(value, dict):
            keys[name] = set(value)
        elif isinstance(value, list) and isinstance(value[0], dict):
            keys[name] = set().union(*value)
        else:
            keys[""].add(name)
    return keys


def test_private_files_are_0600_and_folders_of_keys_closed(tmp_path: Path) -> None:
    root = make(tmp_path / "city")
    use_password_broker(root, port=1883, randomness=os.urandom)
    found = secrets(root)
    assert len(found) >= 12
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        if path.parent != root / "broker":  # the broker, under its own account, reads others of its files
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path.parent
    assert {path for path in root.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()} <= set(found)


def test_private_files_are_0600_from_their_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No chmod afterwards: a key is never readable by others, not for an instant."""

    def forbidden(*_args: object, **_more: object) -> None:
        raise AssertionError("a mode was changed afterwards")

    monkeypatch.setattr(os, "chmod", forbidden)
    monkeypatch.setattr(os, "fchmod", forbidden)
    usual = os.umask(0)
    try:
        root = make(tmp_path / "city")
    finally:
        os.umask(usual)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets(root))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    root = make(tmp_path / "city")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(CityExists):
        make(root, seed=2)
    with pytest.raises(DeviceExists):
        add_device(root, device=DEVICE, vehicle="bus-0001", door=2, cameras=[("f", "v4l2:0")], now=NOW,
                   randomness=os.urandom)  # fmt: skip
    with pytest.raises(IssuerExists):
        add_issuer(root, "main", now=NOW, randomness=os.urandom)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_new_issuer_joins_and_the_old_ones_stay_valid(tmp_path: Path) -> None:
    root = make(tmp_path / "city")
    folder = root / "devices" / DEVICE
    keys = load_keys(folder / "keys")
    first = load_bundle(folder / "bundle", keys.bundle, city="isfahan")
    made = add_issuer(root, "second", now=NOW, randomness=os.urandom)
    second = load_bundle(folder / "bundle", keys.bundle, city="isfahan")
    assert (first.number, second.number, made.given_to) == (1, 2, (DEVICE,))
    assert set(first.issuer_keys) < set(second.issuer_keys)
    assert whole(folder / "bundle") == whole(root / "backend" / "bundle")


def test_numbers_go_upward_and_an_absent_device_is_named(tmp_path: Path) -> None:
    """P12: a number that was given out is never used again."""
    root = make(tmp_path / "city")
    (root / "devices" / DEVICE).rename(tmp_path / "on-the-bus")
    made = [add_issuer(root, f"issuer-{number}", now=NOW, randomness=os.urandom) for number in range(3)]
    assert [one.bundle_number for one in made] == [2, 3, 4]
    assert {one.away for one in made} == {(DEVICE,)}
    key = load_keys(tmp_path / "on-the-bus" / "keys").bundle
    assert len(load_bundle(root / "backend" / "bundle", key, city="isfahan").issuer_keys) == 4


def test_an_interrupted_issuer_is_finished_by_calling_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: the key stays, the number goes on."""
    root = make(tmp_path / "city")
    write = files.replace

    def interrupted(path: Path, *more: Any, **named: Any) -> None:
        if path.name == "manifest.cose" and path.parent.parent.name == "backend":
            raise FileFailed("no more room")
        write(path, *more, **named)

    monkeypatch.setattr(files, "replace", interrupted)
    with pytest.raises(FileFailed):
        add_issuer(root, "second", now=NOW, randomness=os.urandom)
    key = (root / "issuers" / "second.key.pem").read_bytes()
    monkeypatch.undo()
    made = add_issuer(root, "second", now=NOW, randomness=os.urandom)
    assert (made.bundle_number, made.key.read_bytes()) == (3, key)
    device = root / "devices" / DEVICE
    bundle = load_bundle(device / "bundle", load_keys(device / "keys").bundle, city="isfahan")
    assert len(bundle.issuer_keys) == 2


def test_an_interrupted_enrolment_leaves_no_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(tmp_path / "city")

    def interrupted(*_more: Any) -> None:
        raise FileFailed("no more room")

    monkeypatch.setattr(devices, "add_role", interrupted)
    more = {"vehicle": "bus-2", "door": 1, "cameras": [("front", "v4l2:0")], "now": NOW, "randomness": os.urandom}
    with pytest.raises(FileFailed):
        add_device(root, device="bus-2-d1", **more)
    assert [path.name for path in (root / "devices").iterdir()] == [DEVICE]
    monkeypatch.undo()
    add_device(root, device="bus-2-d1", **more)


def test_certificates_chain_to_the_root_under_their_names(tmp_path: Path) -> None:
    root = make(tmp_path / "city")
    (above,) = x509.load_pem_x509_certificates((root / "authority" / "root.crt.pem").read_bytes())
    client, server = x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH, x509.oid.ExtendedKeyUsageOID.SERVER_AUTH
    for folder, prefix, name, uses in (
        (root / "devices" / DEVICE / "keys", "tls", f"CN={DEVICE},OU=device,O=isfahan", [client, server]),
        (root / "backend" / "keys", "tls", "CN=backend-s0,OU=backend,O=isfahan", [client]),
        (root / "broker", "admin", "CN=admin,OU=people,O=isfahan", [client]),
        (root / "broker", "broker", "CN=broker,OU=broker,O=isfahan", [server]),
    ):
        leaf, between = x509.load_pem_x509_certificates((folder / f"{prefix}.crt.pem").read_bytes())
        assert leaf.subject.rfc4514_string() == name
        leaf.verify_directly_issued_by(between)  # raises if it is not
        between.verify_directly_issued_by(above)
        assert (folder / "ca.crt.pem").read_bytes() == (root / "authority" / "root.crt.pem").read_bytes()
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == uses
        if prefix != "broker":
            with pytest.raises(x509.ExtensionNotFound):  # no host's name: none passes for the broker
                leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        # Nothing needed to ride expires within the longest outage seen, and a margin.
        assert (leaf.not_valid_after_utc - NOW).days >= 120
    hosts = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert hosts.get_values_for_type(x509.DNSName) == ["localhost"]
    # By OpenSSL, as every client here verifies it.
    files_of = {"-CAfile": root / "authority" / "root.crt.pem", "-untrusted": root / "broker" / "broker.crt.pem"}
    verify = ["openssl", "verify", "-purpose", "sslserver", "-attime", str(int(NOW.timestamp())), "-x509_strict"]
    verify += [str(word) for pair in files_of.items() for word in pair]
    for host, right in (("localhost", True), ("broker.example", False)):
        done = subprocess.run([*verify, "-verify_hostname", host, str(root / "broker" / "broker.crt.pem")], check=False)
        assert (done.returncode == 0) is right, host


def test_the_root_of_a_city_that_was_made_in_one_step_is_kept_nowhere(tmp_path: Path) -> None:
    """Whoever takes the office's folder can enrol, and can make no other authority."""
    root = make(tmp_path / "city")
    certificate = x509.load_pem_x509_certificate((root / "authority" / "root.crt.pem").read_bytes())
    found = [serialization.load_pem_private_key(path.read_bytes(), None) for path in root.rglob("*.key.pem")]
    assert len(found) >= 12
    assert certificate.public_key() not in [key.public_key() for key in found]


def test_one_seed_makes_one_city(tmp_path: Path) -> None:
    one, two, other = (make(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)
    assert all(
        (one / name).read_bytes() != (other / name).read_bytes() for name in names if name.name.endswith("key.pem")
    )


def test_neither_the_command_line_nor_a_log_says_a_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    root = tmp_path / "city"
    said = ""
    for arguments in (
        ["city", str(root), "--name", "isfahan", "--class-share", "student=500"],
        ["device", str(root), DEVICE, "--vehicle", "bus-0001", "--door", "1"],
        ["issuer", str(root), "second"],
        ["broker", str(root), "--port", "9883"],
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(broker, "find_plugin", lambda: Path("/plugin.so"))
            done = CliRunner().invoke(command, arguments)
        assert done.exit_code == 0, done.output
        assert "next:" in done.output
        said += done.output
    said += caplog.text
    found = secrets(root)
    assert len(found) >= 12
    for path in found:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("-----")]
        assert lines
        assert not any(line in said for line in lines), path


def test_the_json_names_paths_that_are_there(tmp_path: Path) -> None:
    root = tmp_path / "city"
    for arguments, names in (
        (["city", str(root), "--name", "isfahan"], ("settings", "backend")),
        (["device", str(root), DEVICE, "--vehicle", "bus-0001", "--door", "1"], ("folder", "configuration")),
        (["issuer", str(root), "second"], ()),
    ):
        done = CliRunner().invoke(command, [*arguments, "--json", "-"])
        assert done.exit_code == 0, done.output
        made = json.loads(done.stdout)
        assert made["next"]
        assert made["secrets"]
        for path in [*made["secrets"], *(made[name] for name in names)]:
            assert Path(path).exists(), path


@pytest.mark.parametrize(
    "arguments",
    [
        ["city", "{root}2", "--name", "Not A Name"],
        ["city", "{root}2", "--name", "isfahan", "--class-share", "student"],
        ["city", "{root}2", "--name", "isfahan", "--class-share", "student=500", "--class-share", "student=0"],
        ["city", "{root}2", "--name", "isfahan", "--class-share", "2=500"],
        ["city", "{root}2", "--name", "isfahan", "--fare", "99999999999999"],
        ["city", "{root}2", "--name", "isfahan", "--provider", "http://bank.example", ""],
        ["city", "{root}-link", "--name", "isfahan"],
        ["device", "{root}", "bus-0002-d1", "--vehicle", "bus-0002", "--door", "1", "--camera", "front"],
        ["device", "{root}", "bus-0002-d1", "--vehicle", "bus-0002", "--door", "1", "--camera", "f=file:/\udcff"],
        ["device", "{root}", "bus-0002-d1", "--vehicle", "bus-0002", "--door", "0"],
        ["device", "{root}", "backend-s0", "--vehicle", "bus-0002", "--door", "1"],
        ["device", "{root}nowhere", "bus-0002-d1", "--vehicle", "bus-0002", "--door", "1"],
    ],
)
def test_bad_input_is_refused_and_leaves_nothing_behind(tmp_path: Path, arguments: list[str]) -> None:
    root = make(tmp_path / "city")
    (tmp_path / "city-link").symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    done = CliRunner().invoke(command, [argument.format(root=root) for argument in arguments])
    assert done.exit_code != 0
    assert isinstance(done.exception, SavarError | SystemExit)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_validator_without_a_camera_is_not_made(tmp_path: Path) -> None:
    """Its reader would refuse the file on the bus."""
    root = make(tmp_path / "city")
    with pytest.raises(BadSetting, match="cameras"):
        add_device(root, device="bus-2-d1", vehicle="bus-2", door=1, cameras=[], now=NOW, randomness=os.urandom)
