"""An office's keys in a token: root, intermediates and bundle key sign there, and a city goes on as ever."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.adapters.keys import load_keys
from edge.app.config import load_config
from hardware_keys.errors import KeyUnfit, PinUnread
from hardware_keys.keys import TokenKey, make_key
from hardware_keys.module import end_modules
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from protocol.wire.manifests import open_manifest
from provisioning.app import ceremony, recovering
from provisioning.app.city import create_city
from provisioning.app.issuers import add_issuer
from provisioning.app.lists import write_lists
from provisioning.app.makers import load_intermediate, load_issuer, load_key
from provisioning.app.renewing import renew_intermediates
from provisioning.app.rotating import use_key
from provisioning.core import certificates
from provisioning.core.crls import make_list, read_lists
from provisioning.core.errors import BadSetting, NotConfirmed
from provisioning.core.key_log import Kind
from provisioning.core.layout import AuthorityFolder, CityFolder, RootFolder
from provisioning.core.purposes import Purpose
from tests.hardware_keys.tokens import PIN, SoftToken, Token, place
from tests.provisioning.enrolments import CITY, NOW, enrolled
from tests.provisioning.test_ceremony import Desk

PASSPHRASE = "saffron ladder ice nine"


@pytest.fixture(params=["memory", "softhsm", "tpm"])
def key(request: pytest.FixtureRequest) -> certificates.AuthorityKey:
    """One suite over what certificates can be signed by."""
    if request.param == "memory":
        return SigningKey.from_secret(os.urandom(32))
    token: Token = request.getfixturevalue("soft" if request.param == "softhsm" else "tpm")
    return make_key(place(token))


# --- what signs certificates ------------------------------------------------------------------------------------------


def test_certificates_and_lists_are_signed_by_it(key: certificates.AuthorityKey, tmp_path: Path) -> None:
    """OpenSSL believes them: it was there before this program, and will be after it."""
    root = certificates.make_root(key, city=CITY, serial=5, now=NOW)
    certificates.require_root(root)
    under = SigningKey.from_secret(b"i" * 32)
    issuer = certificates.Issuer(root, key)
    device = certificates.make_intermediate(under, Purpose.DEVICE, serial=6, now=NOW, root=issuer)
    certificates.require_of_purpose(device, Purpose.DEVICE, root)
    for name, one in (("root", root), ("device", device)):
        (tmp_path / f"{name}.pem").write_bytes(certificates.to_pem(one))
    files = ["-CAfile", str(tmp_path / "root.pem"), str(tmp_path / "device.pem")]
    at = str(int(NOW.timestamp()) + 60)
    done = subprocess.run(["openssl", "verify", "-attime", at, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed = make_list(certificates.Issuer(root, key), [7, 8], held=(), now=NOW)
    (one,) = read_lists(listed, root)
    assert one.serials == {7, 8}


def test_it_gives_nothing_out_and_signs_by_one_algorithm(soft: SoftToken) -> None:
    private = make_key(place(soft)).private
    with pytest.raises(KeyUnfit, match="does not leave"):
        private.private_numbers()
    with pytest.raises(KeyUnfit, match="does not leave"):
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    with pytest.raises(KeyUnfit, match="does not leave"):
        private.exchange(ec.ECDH(), private.public_key())
    with pytest.raises(KeyUnfit, match="SHA-256"):
        private.sign(b"x", ec.ECDSA(hashes.SHA384()))


# --- the ceremony -----------------------------------------------------------------------------------------------------


def held(folder: Path, token: Token) -> tuple[RootFolder, AuthorityFolder]:
    """A root and the device intermediate in a token, the others in files."""
    off_line, given = RootFolder(folder / "root"), AuthorityFolder(folder / "given")
    ceremony.make_root(
        off_line, city=CITY, passphrase=PASSPHRASE, now=NOW, randomness=os.urandom, confirm=lambda _: None,
        place=place(token, "root"),
    )  # fmt: skip
    root = ceremony.open_root(off_line, "")
    assert isinstance(root.key, TokenKey)
    ceremony.make_intermediates(
        given, root, recovery=off_line.recovery_public.read_bytes(), now=NOW, randomness=os.urandom,
        confirm=lambda _: None, places={Purpose.DEVICE: place(token, "device")},
    )  # fmt: skip
    return off_line, given


def city_of(folder: Path, token: Token) -> tuple[RootFolder, Path]:
    off_line, given = held(folder, token)
    create_city(folder / "city", name=CITY, tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom, authority=given)
    return off_line, folder / "city"


def test_a_city_enrols_and_revokes_by_an_intermediate_in_a_token(tmp_path: Path, soft: SoftToken) -> None:
    _, root = city_of(tmp_path, soft)
    own, done = enrolled(root, tmp_path / "door")
    folder = CityFolder(root)
    leaf, above = certificates.all_from_pem((own.keys / "tls.crt.pem").read_bytes())
    leaf.verify_directly_issued_by(above)
    assert isinstance(load_intermediate(folder.authority, Purpose.DEVICE).key, TokenKey)
    write_lists(folder, NOW)
    (listed,) = read_lists(folder.authority.revocation_list(Purpose.DEVICE).read_bytes(), above)
    assert listed.number > 0
    text = folder.authority.key(Purpose.DEVICE).read_text()
    assert text.strip() == place(soft, "device").uri
    assert (folder.authority.key(Purpose.DEVICE).stat().st_mode & 0o777) == 0o600
    for path in (*tmp_path.glob("root/*"), *tmp_path.glob("given/*"), *root.rglob("*")):
        assert not path.is_file() or PIN.encode() not in path.read_bytes()
    assert load_config(done.settings).device == done.device


def test_it_gets_newer_intermediates_and_keeps_the_place_of_the_old_one(tmp_path: Path, soft: SoftToken) -> None:
    off_line, root = city_of(tmp_path, soft)
    folder = CityFolder(root).authority
    before = certificates.from_pem(folder.certificate(Purpose.DEVICE).read_bytes())
    newer = AuthorityFolder(tmp_path / "newer")
    ceremony.make_intermediates(
        newer, ceremony.open_root(off_line, ""), recovery=off_line.recovery_public.read_bytes(), now=NOW,
        randomness=os.urandom, confirm=lambda _: None, places={Purpose.DEVICE: place(soft, "device 2")},
    )  # fmt: skip
    renew_intermediates(root, newer)
    assert folder.key(Purpose.DEVICE).read_text().strip() == place(soft, "device 2").uri
    former = AuthorityFolder(folder.former / f"{before.serial_number:x}")
    assert former.key(Purpose.DEVICE).read_text().strip() == place(soft, "device").uri


def test_a_ceremony_that_is_not_confirmed_writes_nothing_and_is_gone_on_with(tmp_path: Path, soft: SoftToken) -> None:
    def refuse(_: list[x509.Certificate]) -> None:
        raise NotConfirmed("no", fix="")

    with pytest.raises(NotConfirmed):
        ceremony.make_root(
            RootFolder(tmp_path / "root"), city=CITY, passphrase=PASSPHRASE, now=NOW, randomness=os.urandom,
            confirm=refuse, place=place(soft, "root"),
        )  # fmt: skip
    assert not (tmp_path / "root").exists()
    held(tmp_path, soft)


def test_two_authorities_never_have_one_key(tmp_path: Path, soft: SoftToken) -> None:
    off_line, _ = held(tmp_path, soft)
    root = ceremony.open_root(off_line, "")
    same = place(soft, "root")
    two = {Purpose.DEVICE: place(soft, "one"), Purpose.PEOPLE: place(soft, "one")}
    for places in ({Purpose.DEVICE: same}, two):
        with pytest.raises(BadSetting, match="one key"):
            ceremony.make_intermediates(
                AuthorityFolder(tmp_path / "x"), root, recovery=b"00", now=NOW, randomness=os.urandom,
                confirm=lambda _: None, places=places,
            )  # fmt: skip
    assert not (tmp_path / "x").exists()


def test_without_its_pin_nothing_is_signed(tmp_path: Path, soft: SoftToken) -> None:
    off_line, root = city_of(tmp_path, soft)
    Path(place(soft).pin_source).unlink()
    end_modules()
    with pytest.raises(PinUnread):
        ceremony.open_root(off_line, PASSPHRASE)
    with pytest.raises(PinUnread):
        load_intermediate(CityFolder(root).authority, Purpose.DEVICE)


def test_the_ceremony_says_where_each_key_lies(
    tmp_path: Path, soft: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(monkeypatch)
    root, out = tmp_path / "root", tmp_path / "out"
    done = desk.run("root", root, "--city", CITY, "--key", place(soft, "root").uri)
    assert done.exit_code == 0, done.exception
    assert f"its key lies     {place(soft, 'root').uri}" in desk.screen
    monkeypatch.setattr(desk, "passphrase", "not asked for: the root is in a token")
    done = desk.run("intermediates", root, out, "--key", f"device={place(soft, 'device').uri}")
    assert done.exit_code == 0, done.exception
    assert f"its key lies     {place(soft, 'device').uri}" in desk.screen
    assert len([line for line in desk.screen if line == "its key lies     in a file"]) == len(Purpose) - 1
    shown = json.loads(desk.run("show", out, "--json", "-").stdout)["certificates"]
    assert [one.get("its_key_lies") for one in shown if "device" in one["authority"]] == [place(soft, "device").uri]
    assert not [line for line in desk.screen if PIN in line]
    refused = desk.run("intermediates", root, tmp_path / "y", "--key", f"nobody={place(soft).uri}")
    assert refused.exit_code == 2


# --- the bundle key ---------------------------------------------------------------------------------------------------


def test_bundles_are_signed_by_a_key_in_a_token(tmp_path: Path, soft: SoftToken) -> None:
    """It comes by the recovery key's statement as any other, and a device that knew the old one takes its bundle."""
    off_line, root = city_of(tmp_path, soft)
    wanted, name = recovering.ask_for_new_key(root, randomness=os.urandom, place=place(soft, "bundle"))
    said = recovering.sign_asked(wanted, ceremony.open_recovery(off_line, PASSPHRASE))
    recovering.take_statement(root, said, now=NOW)
    made = recovering.use_bundle_key(root, name, now=NOW, anyway=True)
    folder = CityFolder(root)
    assert folder.bundle_key.read_text().strip() == place(soft, "bundle").uri
    signer = load_key(folder.bundle_key)
    assert isinstance(signer, TokenKey)
    raw = (folder.backend_bundle / "manifest.cose").read_bytes()
    assert open_manifest(raw, [signer.verifying], city=CITY).number == made.bundle.number
    own, done = enrolled(root, tmp_path / "door")
    assert done.bundle_number == made.bundle.number
    assert load_keys(own.keys).bundle.public == signer.public
    with pytest.raises(BadSetting, match="signs bundles already"):
        recovering.ask_for_new_key(root, randomness=os.urandom, place=place(soft, "bundle"))


def test_a_backends_key_is_a_file(tmp_path: Path, soft: SoftToken) -> None:
    """What the backend signs by is read by it, and it has no PKCS#11."""
    _, root = city_of(tmp_path, soft)
    kept = make_key(place(soft, "issuer"))
    CityFolder(root).issuer_key("other").write_text(kept.place.uri)
    add_issuer(root, "other", now=NOW, randomness=os.urandom)
    assert load_issuer(CityFolder(root), "other").public == kept.public
    before = CityFolder(root).backend_issuer_key.read_bytes()
    with pytest.raises(BadSetting, match="lies in a token"):
        use_key(root, Kind.ISSUER, "other", now=NOW, anyway=True)
    assert CityFolder(root).backend_issuer_key.read_bytes() == before
