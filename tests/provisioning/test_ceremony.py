"""The ceremony: nothing is written before it was compared, no root's key lies in the clear, a city takes only its own."""

import json
import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from cli import authority as cli_authority
from cli.provision import command as provision
from protocol.errors import BadKey
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from provisioning.app import ceremony
from provisioning.app.broker import write_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.renewing import renew_intermediates
from provisioning.core import certificates
from provisioning.core.ceremony_sheet import require_confirmed, sheet
from provisioning.core.errors import BadPassphrase, CityExists, FileFailed, NotConfirmed, NotItsAuthority
from provisioning.core.layout import AuthorityFolder, RootFolder
from provisioning.core.purposes import Purpose
from provisioning.core.sealed_keys import open_key, seal_key

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PASSPHRASE = "saffron ladder ice nine"
KEY = SigningKey.from_secret(b"k" * 32)


def agreed(_shown: list[x509.Certificate]) -> None:
    """Whoever holds the ceremony has compared all of it."""


def make_root(folder: Path, city: str = "isfahan", seed: int = 1, passphrase: str = PASSPHRASE) -> certificates.Issuer:
    return ceremony.make_root(
        RootFolder(folder), city=city, passphrase=passphrase, now=NOW, randomness=Random(seed).randbytes, confirm=agreed
    )


def hand_over(out: Path, root: certificates.Issuer, seed: int = 2) -> AuthorityFolder:
    folder = AuthorityFolder(out)
    ceremony.make_intermediates(
        folder, root, recovery=b"00", now=NOW, randomness=Random(seed).randbytes, confirm=agreed
    )
    return folder


def make_city(root: Path, given: AuthorityFolder, name: str = "isfahan") -> Path:
    create_city(root, name=name, tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom, authority=given)
    return root


def enrol(root: Path, device: str) -> Path:
    return add_device(
        root, device=device, vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=NOW, randomness=os.urandom
    )


# --- a key under a passphrase -----------------------------------------------------------------------------------------


def sealed(passphrase: str = PASSPHRASE) -> bytes:
    return seal_key(KEY, passphrase, salt=bytes(range(16)), iv=bytes(16))


def test_a_sealed_key_comes_back_by_its_passphrase_alone() -> None:
    pem = sealed()
    assert open_key(pem, PASSPHRASE).public == KEY.public
    for wrong in (PASSPHRASE + "!", "", PASSPHRASE.upper()):
        with pytest.raises(BadPassphrase):
            open_key(pem, wrong)
    for secret in (KEY.to_pem().splitlines()[1], KEY.private.private_numbers().private_value.to_bytes(32, "big")):
        assert secret not in pem


def test_two_keyboards_mean_one_passphrase() -> None:
    """NFC: é typed as one letter or as two."""
    composed, apart = "caf\u00e9 ladder ice nine", "cafe\u0301 ladder ice nine"
    assert open_key(sealed(composed), apart).public == KEY.public


def test_openssl_reads_a_sealed_key(tmp_path: Path) -> None:
    """After twenty years somebody may have the file and the passphrase, and not this program."""
    (tmp_path / "root.key.pem").write_bytes(sealed())
    done = subprocess.run(
        ["openssl", "pkcs8", "-in", str(tmp_path / "root.key.pem"), "-passin", f"pass:{PASSPHRASE}"],
        check=True, capture_output=True,
    )  # fmt: skip
    assert SigningKey.from_pem(done.stdout).public == KEY.public
    shown = subprocess.run(
        ["openssl", "asn1parse", "-in", str(tmp_path / "root.key.pem")], check=True, capture_output=True, text=True
    ).stdout
    assert ":scrypt" in shown
    assert ":aes-256-cbc" in shown


def test_a_key_of_another_curve_or_in_the_clear_is_no_root_key() -> None:
    with pytest.raises(BadPassphrase, match="without a passphrase"):
        open_key(KEY.to_pem(), PASSPHRASE)
    ed25519 = serialization.load_pem_private_key(ED25519, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSPHRASE.encode()),
    )  # fmt: skip
    with pytest.raises(BadKey):
        open_key(ed25519, PASSPHRASE)


ED25519 = (
    b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    b"-----END PRIVATE KEY-----\n"
)  # RFC 8032 §7.1, test 1


# --- the root ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "passphrase", ["", "x", "fifteen letters", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababab"]
)
def test_a_root_key_file_without_passphrase_is_never_written(tmp_path: Path, passphrase: str) -> None:
    """Attack: the root's folder is stolen. Nor with one that is tried in a second."""
    with pytest.raises(BadPassphrase):
        make_root(tmp_path / "root", passphrase=passphrase)
    assert list(tmp_path.iterdir()) == []


def test_whoever_has_the_roots_folder_has_no_root_without_the_passphrase(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root")
    secret = root.key.private.private_numbers().private_value.to_bytes(32, "big")
    for path in (tmp_path / "root").iterdir():
        assert secret not in path.read_bytes()
        assert b"BEGIN PRIVATE KEY" not in path.read_bytes()
    assert stat.S_IMODE((tmp_path / "root").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "root" / "root.key.pem").stat().st_mode) == 0o600
    with pytest.raises(BadPassphrase):
        ceremony.open_root(RootFolder(tmp_path / "root"), "another passphrase")
    opened = ceremony.open_root(RootFolder(tmp_path / "root"), PASSPHRASE)
    assert (opened.key.public, opened.certificate) == (root.key.public, root.certificate)


def test_nothing_is_written_that_was_not_confirmed(tmp_path: Path) -> None:
    def refused(shown: list[x509.Certificate]) -> None:
        require_confirmed(shown, "0000" if certificates.fingerprint(shown[-1])[-4:] != "0000" else "1111")

    with pytest.raises(NotConfirmed):
        ceremony.make_root(
            RootFolder(tmp_path / "root"), city="isfahan", passphrase=PASSPHRASE, now=NOW,
            randomness=os.urandom, confirm=refused,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
    root = make_root(tmp_path / "root")
    with pytest.raises(NotConfirmed):
        ceremony.make_intermediates(
            AuthorityFolder(tmp_path / "out"), root, recovery=b"00", now=NOW, randomness=os.urandom, confirm=refused
        )
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_a_root_is_never_overwritten(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root")
    with pytest.raises(CityExists):
        make_root(tmp_path / "root", seed=9)
    assert ceremony.load_root(RootFolder(tmp_path / "root")) == root.certificate


def test_another_key_beside_the_roots_certificate_is_found(tmp_path: Path) -> None:
    make_root(tmp_path / "root")
    (tmp_path / "root" / "root.key.pem").write_bytes(sealed())
    with pytest.raises(NotItsAuthority, match="key"):
        ceremony.open_root(RootFolder(tmp_path / "root"), PASSPHRASE)


# --- what is printed ----------------------------------------------------------------------------------------------------


def test_the_sheet_says_what_people_compare(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root")
    said = dict(sheet(root.certificate))
    assert said["authority"] == "root of isfahan"
    assert said["fingerprint"].replace(" ", "") == root.certificate.fingerprint(certificates.hashes.SHA256()).hex()
    assert said["valid from"] == "1405/09/08 · 2026-11-29 12:00 UTC"
    assert said["valid until"] == "1425/09/04 · 2046-11-25 12:00 UTC"
    assert said["path length"].startswith("1: ")
    device = certificates.from_pem(hand_over(tmp_path / "out", root).certificate(Purpose.DEVICE).read_bytes())
    lines = sheet(device)
    assert ("authority", "device of isfahan") in lines
    assert ("signed by", "CN=Savar root,O=isfahan") in lines
    assert dict(lines)["path length"].startswith("0: ")
    assert [value for name, value in lines if name == "may sign"] == [
        "names below OU=device,O=isfahan", "no host name at all", "no address in 0.0.0.0/0", "no address in ::/0",
        "for use as TLS client, TLS server",
    ]  # fmt: skip


def test_only_the_last_group_of_the_last_fingerprint_confirms(tmp_path: Path) -> None:
    shown = [make_root(tmp_path / name, seed=seed).certificate for seed, name in enumerate("ab")]
    groups = [certificates.fingerprint(it).split() for it in shown]
    require_confirmed(shown, f" {groups[1][-1].upper()}\n")
    for wrong in ("", "yes", groups[0][-1], groups[1][0]):
        with pytest.raises(NotConfirmed):
            require_confirmed(shown, wrong)


# --- a city takes it over -----------------------------------------------------------------------------------------------


def test_a_city_takes_over_what_the_ceremony_made_and_enrols_by_it(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root")
    city = make_city(tmp_path / "city", hand_over(tmp_path / "out", root))
    leaf, between = x509.load_pem_x509_certificates((enrol(city, "bus-1-d1") / "keys" / "tls.crt.pem").read_bytes())
    leaf.verify_directly_issued_by(between)
    between.verify_directly_issued_by(root.certificate)
    assert not [path for path in city.rglob("*") if path.is_file() and b"ENCRYPTED" in path.read_bytes()]


def test_an_office_without_one_intermediate_can_do_the_rest(tmp_path: Path) -> None:
    """The bench needs the devices' alone."""
    city = make_city(tmp_path / "city", hand_over(tmp_path / "out", make_root(tmp_path / "root")))
    for purpose in (Purpose.BROKER, Purpose.BACKEND, Purpose.PEOPLE):
        (city / "authority" / f"{purpose.value}.key.pem").unlink()
    enrol(city, "bus-1-d1")
    (city / "authority" / "device.key.pem").unlink()
    with pytest.raises(FileFailed, match=r"device\.key\.pem"):
        enrol(city, "bus-2-d1")


def test_an_intermediate_of_one_purpose_used_for_another_enrols_nobody(tmp_path: Path) -> None:
    """Attack: who keeps the people's intermediate puts it where the devices' lies."""
    given = hand_over(tmp_path / "out", make_root(tmp_path / "root"))
    city = make_city(tmp_path / "city", given)
    for suffix in ("crt", "key"):
        people = (city / "authority" / f"people.{suffix}.pem").read_bytes()
        (city / "authority" / f"device.{suffix}.pem").write_bytes(people)
        (given.root / f"device.{suffix}.pem").write_bytes(people)
    with pytest.raises(NotItsAuthority, match="no intermediate for device"):
        enrol(city, "bus-1-d1")
    with pytest.raises(NotItsAuthority, match="no intermediate for device"):
        make_city(tmp_path / "other", given)
    assert not (tmp_path / "other").exists()


def test_an_office_shows_its_authority_without_the_keys_that_are_kept_elsewhere(tmp_path: Path) -> None:
    city = make_city(tmp_path / "city", hand_over(tmp_path / "out", make_root(tmp_path / "root")))

    def shown() -> Result:
        return CliRunner().invoke(cli_authority.command, ["show", str(city)])

    whole = shown().output
    for purpose in Purpose:
        (city / "authority" / f"{purpose.value}.key.pem").unlink()
    assert (shown().exit_code, shown().output) == (0, whole)
    people = (city / "authority" / "people.crt.pem").read_bytes()
    (city / "authority" / "device.crt.pem").write_bytes(people)  # attack: there is no key to hold it against
    assert shown().exit_code != 0


def test_a_city_of_before_intermediates_is_told_so_and_its_broker_left_alone(tmp_path: Path) -> None:
    """Its devices' names are others than a broker of now knows: all of them would stand before a shut door."""
    city = make_city(tmp_path / "city", hand_over(tmp_path / "out", make_root(tmp_path / "root")))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Savar development authority isfahan")])
    old = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.private.public_key())
        .serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(KEY.private, hashes.SHA256())
    )  # fmt: skip
    for path in (city / "authority" / "root.crt.pem", city / "broker" / "ca.crt.pem"):
        path.write_bytes(certificates.to_pem(old))
    with pytest.raises(NotItsAuthority, match="before there were intermediates"):
        enrol(city, "bus-1-d1")
    with pytest.raises(NotItsAuthority, match="before there were intermediates"):
        write_broker(city, plugin_path=tmp_path)
    assert not (city / "broker" / "mosquitto.conf").exists()


def test_another_citys_authority_is_not_taken(tmp_path: Path) -> None:
    given = hand_over(tmp_path / "out", make_root(tmp_path / "root", city="shiraz"))
    with pytest.raises(NotItsAuthority, match="shiraz"):
        make_city(tmp_path / "city", given)


def test_newer_intermediates_of_the_same_root_take_the_place_of_the_old(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root")
    city = make_city(tmp_path / "city", hand_over(tmp_path / "out", root))
    before = x509.load_pem_x509_certificates((enrol(city, "bus-1-d1") / "keys" / "tls.crt.pem").read_bytes())
    newer = hand_over(tmp_path / "newer", root, seed=3)
    renew_intermediates(city, newer)
    after = x509.load_pem_x509_certificates((enrol(city, "bus-2-d1") / "keys" / "tls.crt.pem").read_bytes())
    assert after[1] == certificates.from_pem(newer.certificate(Purpose.DEVICE).read_bytes())
    assert after[1] != before[1]
    before[1].verify_directly_issued_by(root.certificate)  # what is on the road stays good
    assert stat.S_IMODE((city / "authority" / "device.key.pem").stat().st_mode) == 0o600
    foreign = hand_over(tmp_path / "foreign", make_root(tmp_path / "root-2", seed=8))
    with pytest.raises(NotItsAuthority, match="another root"):
        renew_intermediates(city, foreign)


# --- the commands -------------------------------------------------------------------------------------------------------


class Desk:
    """A person at the command: types the passphrase, reads the fingerprints off the screen and types the last group."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, passphrase: str = PASSPHRASE, answer: str | None = None
    ) -> None:
        self.screen: list[str] = []
        self.passphrase, self.answer = passphrase, answer
        echo = click.echo
        monkeypatch.setattr(cli_authority.click, "prompt", self._prompt)
        monkeypatch.setattr(cli_authority.click, "echo", lambda text="", **more: (self.screen.append(text), echo(text)))

    def _prompt(self, asked: str, **more: Any) -> str:
        if "Passphrase" in asked:
            assert more["hide_input"]
            return self.passphrase
        last = [line for line in self.screen if line.startswith("fingerprint")][-1]
        return self.answer or last[-4:]

    def run(self, *arguments: object) -> Result:
        return CliRunner().invoke(cli_authority.command, list(map(str, arguments)))


def test_the_whole_ceremony_by_its_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    assert desk.run("root", tmp_path / "root", "--city", "isfahan").exit_code == 0
    assert desk.run("intermediates", tmp_path / "root", tmp_path / "out").exit_code == 0
    assert not [line for line in desk.screen if PASSPHRASE in line]
    arguments = ["city", str(tmp_path / "city"), "--name", "isfahan", "--authority", str(tmp_path / "out")]
    assert CliRunner().invoke(provision, arguments).exit_code == 0
    again = CliRunner().invoke(provision, ["authority", str(tmp_path / "city"), str(tmp_path / "out")])
    assert again.exit_code == 0, again.output
    shown = [json.loads(desk.run("show", tmp_path / where, "--json", "-").stdout) for where in ("out", "city", "root")]
    assert shown[0] == shown[1]
    told = [one["authority"] for one in shown[0]["certificates"]]
    assert told == ["root of isfahan", *(f"{purpose.value} of isfahan" for purpose in Purpose)]
    assert shown[2]["certificates"] == shown[0]["certificates"][:1]


def test_a_wrong_answer_at_the_command_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = Desk(monkeypatch, answer="zzzz").run("root", tmp_path / "root", "--city", "isfahan")
    assert isinstance(done.exception, NotConfirmed)
    assert list(tmp_path.iterdir()) == []
