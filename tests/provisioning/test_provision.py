"""Provisioning: secrets stay secret, nothing is overwritten, what is written is what its readers take."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from backend.app.config import load_config as load_backend
from cli.provision import command
from edge.adapters.keys import load_bundle, load_keys
from edge.app.config import load_config as load_validator
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from provisioning.app.broker import use_password_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.issuers import add_issuer
from provisioning.core.errors import CityExists, DeviceExists, IssuerExists

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


def secrets(root: Path) -> list[Path]:
    return [*root.rglob("*.key.pem"), *root.rglob("ops.token"), *root.rglob("mqtt.password")]


def test_what_is_written_is_what_its_readers_take(tmp_path: Path) -> None:
    root = make(tmp_path / "city")
    validator = load_validator(root / "devices" / DEVICE / "validator.toml")
    assert (validator.device, validator.vehicle, validator.door, validator.route) == (DEVICE, "bus-0001", 2, "r9")
    keys = load_keys(validator.keys_dir)
    bundle = load_bundle(validator.bundle, keys.bundle, city="isfahan")
    assert (bundle.number, bundle.tariff) == (1, Tariff(4, 60_000, {2: 500}))
    backend = load_backend(root / "backend" / "backend.toml")
    assert backend.identity == "backend-s0"
    assert backend.bundle.read_bytes() == validator.bundle.read_bytes()


def test_private_files_are_0600_and_folders_of_keys_closed(tmp_path: Path) -> None:
    root = make(tmp_path / "city")
    use_password_broker(root, port=1883, randomness=os.urandom)
    found = secrets(root)
    assert len(found) >= 12
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_private_files_are_0600_from_their_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No chmod afterwards: a key is never readable by others, not for an instant."""

    def forbidden(*_args: object, **_more: object) -> None:
        raise AssertionError("a mode was changed afterwards")

    monkeypatch.setattr(os, "chmod", forbidden)
    monkeypatch.setattr(os, "fchmod", forbidden)
    os.umask(0)
    try:
        root = make(tmp_path / "city")
    finally:
        os.umask(0o022)
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
    first = load_bundle(folder / "bundle.cose", keys.bundle, city="isfahan")
    made = add_issuer(root, "second", now=NOW, randomness=os.urandom)
    second = load_bundle(folder / "bundle.cose", keys.bundle, city="isfahan")
    assert (first.number, second.number, made.given_to) == (1, 2, (DEVICE,))
    assert set(first.issuer_keys) < set(second.issuer_keys)
    assert (root / "backend" / "bundle.cose").read_bytes() == (folder / "bundle.cose").read_bytes()


def test_certificates_chain_to_the_root_under_their_names(tmp_path: Path) -> None:
    root = make(tmp_path / "city")
    authority = x509.load_pem_x509_certificate((root / "authority" / "root.crt.pem").read_bytes())
    for path, name in (
        (root / "devices" / DEVICE / "keys" / "tls.crt.pem", DEVICE),
        (root / "backend" / "keys" / "tls.crt.pem", "backend-s0"),
    ):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        (common,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        assert common.value == name
        certificate.verify_directly_issued_by(authority)  # raises if it is not
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
        # Nothing needed to ride expires within the longest outage seen, and a margin.
        assert (certificate.not_valid_after_utc - NOW).days >= 120
    broker = x509.load_pem_x509_certificate((root / "broker" / "broker.crt.pem").read_bytes())
    PolicyBuilder().store(Store([authority])).time(NOW).build_server_verifier(x509.DNSName("localhost")).verify(
        broker, []
    )


def test_one_seed_makes_one_city(tmp_path: Path) -> None:
    one, two, other = (make(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)
    assert all(
        (one / name).read_bytes() != (other / name).read_bytes() for name in names if name.name.endswith("key.pem")
    )


def test_the_command_line_prints_no_secret(tmp_path: Path) -> None:
    root = tmp_path / "city"
    said = ""
    for arguments in (
        ["city", str(root), "--name", "isfahan", "--class-share", "2=500"],
        ["device", str(root), DEVICE, "--vehicle", "bus-0001", "--door", "1", "--json", "-"],
        ["issuer", str(root), "second"],
    ):
        done = CliRunner().invoke(command, arguments)
        assert done.exit_code == 0, done.output
        said += done.output
    for path in secrets(root):
        content = path.read_text()
        body = content.splitlines()[1] if content.startswith("-----") else content.strip()
        assert body not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["city", "{root}2", "--name", "Not A Name"],
        ["city", "{root}2", "--name", "isfahan", "--class-share", "two"],
        ["device", "{root}", "bus-0002-d1", "--vehicle", "bus-0002", "--door", "1", "--camera", "front"],
        ["device", "{root}", "backend-s0", "--vehicle", "bus-0002", "--door", "1"],
        ["device", "{root}nowhere", "bus-0002-d1", "--vehicle", "bus-0002", "--door", "1"],
    ],
)
def test_bad_input_is_refused_and_leaves_nothing_behind(tmp_path: Path, arguments: list[str]) -> None:
    root = make(tmp_path / "city")
    before = sorted(tmp_path.rglob("*"))
    done = CliRunner().invoke(command, [argument.format(root=root) for argument in arguments])
    assert done.exit_code != 0
    assert isinstance(done.exception, SavarError | SystemExit)
    assert sorted(tmp_path.rglob("*")) == before
