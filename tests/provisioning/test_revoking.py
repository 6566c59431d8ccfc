"""Lists of revoked certificates, and what revoking writes: numbered, never shorter, finished by calling again."""

import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from backend.adapters.registry import FolderRegistry
from backend.core.errors import KeyRevoked
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from provisioning.app.broker import write_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.makers import Authority
from provisioning.app.renewing import renew_lists
from provisioning.app.revoking import revoke_device
from provisioning.core import certificates, limits
from provisioning.core.broker_config import roles_filled, roles_json, roles_without
from provisioning.core.city import identities
from provisioning.core.crls import CLIENTS, RevocationList, make_list, read_lists
from provisioning.core.errors import BadSetting, FileFailed, NotEverywhere, UnknownDevice
from provisioning.core.layout import CityFolder
from provisioning.core.purposes import Purpose
from provisioning.core.revocations import Reason, Revoked, read_revoked, revoked_text, with_revoked

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
KEY = SigningKey.from_secret(b"k" * 32)
DEVICE, OTHER = "bus-0001-d1", "bus-0002-d1"
STOLEN = Revoked(DEVICE, (5, 9), Reason.STOLEN, "clerk", 1_000)


def issuer(secret: bytes = b"i") -> certificates.Issuer:
    root = certificates.make_root(KEY, city="isfahan", serial=1, now=NOW)
    key = SigningKey.from_secret(secret * 32)
    above = certificates.Issuer(root, KEY)
    return certificates.Issuer(certificates.make_intermediate(key, Purpose.DEVICE, serial=2, now=NOW, root=above), key)


def listed(*serials: int, held: tuple[RevocationList, ...] = (), now: datetime = NOW) -> RevocationList:
    (made,) = read_lists(make_list(issuer(), serials, held=held, now=now), issuer().certificate)
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom)
    for device in (DEVICE, OTHER):
        add_device(tmp_path / "city", device=device, vehicle=device[:8], door=1, cameras=[("front", "v4l2:0")], now=NOW,
                   randomness=os.urandom)  # fmt: skip
    return tmp_path / "city"


def revoke(root: Path, device: str = DEVICE, *, by: str = "office", **more: object) -> list[str]:
    told: list[str] = []
    revoke_device(root, device, reason=Reason.STOLEN, by=by, now=NOW, tell=told.append, shut_out=nobody, **more)
    return told


def nobody(*_: object, **__: object) -> None:
    raise AssertionError("no broker runs")


def serial(root: Path, device: str) -> int:
    pem = (root / "devices" / device / "keys" / "tls.crt.pem").read_bytes()
    return x509.load_pem_x509_certificate(pem).serial_number


def in_force(root: Path, purpose: Purpose = Purpose.DEVICE) -> RevocationList:
    folder = CityFolder(root)
    above = certificates.from_pem(folder.authority.certificate(purpose).read_bytes())
    (one,) = read_lists(folder.broker_lists.read_bytes(), above)
    return one


# --- a list ---------------------------------------------------------------------------------------------------------------


def test_a_list_begins_before_it_is_made_and_half_of_it_outlasts_the_longest_outage() -> None:
    pem = make_list(issuer(), [7], held=(), now=NOW)
    made = x509.load_pem_x509_crl(pem)
    assert made.last_update_utc == NOW - timedelta(days=1)  # one that has not begun locks out everybody
    assert made.next_update_utc == made.last_update_utc + timedelta(days=limits.CRL_VALID_DAYS)
    assert limits.CRL_VALID_DAYS / 2 >= limits.BUS_AWAY_DAYS
    assert make_list(issuer(), [7], held=(), now=NOW) == pem  # seeds replay


def test_a_list_is_numbered_and_never_forgets_a_serial() -> None:
    first = listed(5)
    second = listed(9, held=(first,))
    assert (first.number, second.number) == (1, 2)
    assert listed(held=(second, first)).serials == {5, 9}
    assert listed(held=(second, first)).number == 3


def test_a_list_of_a_clock_that_is_years_behind_ends_no_earlier_than_the_one_before() -> None:
    """The timer runs soon after a start, maybe before anybody has told the machine the time."""
    first = listed(5)
    behind = listed(9, held=(first,), now=NOW - timedelta(days=2_000))
    made = x509.load_pem_x509_crl(behind.pem)
    assert made.last_update_utc < NOW < made.next_update_utc == first.until
    assert behind.serials == {5, 9}
    assert listed(held=(behind,), now=NOW + timedelta(days=7)).until == first.until + timedelta(days=7)


def test_a_list_that_another_signed_is_left() -> None:
    """Attack: a captured broker puts a list of its own, or another purpose's, into the folder."""
    forged = make_list(issuer(b"x"), [5], held=(), now=NOW)
    assert read_lists(forged + listed(6).pem, issuer().certificate) == [listed(6)]
    assert read_lists(forged, issuer(b"x").certificate)[0].serials == {5}


@pytest.mark.parametrize("text", [b"x", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"])
def test_a_damaged_list_is_said(text: bytes) -> None:
    with pytest.raises(BadSetting, match="damaged"):
        read_lists(text, issuer().certificate)


def test_a_city_begins_with_a_list_for_everybody_who_comes_to_the_broker(root: Path) -> None:
    folder = CityFolder(root)
    assert CLIENTS == (Purpose.DEVICE, Purpose.BACKEND, Purpose.PEOPLE)
    assert [in_force(root, purpose).number for purpose in CLIENTS] == [1, 1, 1]
    assert folder.backend_lists.read_bytes() == folder.broker_lists.read_bytes()
    assert f"crlfile {root}/broker/crl.pem\n" in write_broker(root, plugin_path=Path("/plugin.so")).read_text()


def test_a_broker_is_not_configured_without_its_lists(root: Path) -> None:
    """It would not start; a city of before there were lists gets them by `savar provision crl`."""
    (root / "broker" / "crl.pem").unlink()
    with pytest.raises(FileFailed, match=r"crl\.pem") as caught:
        write_broker(root, plugin_path=Path("/plugin.so"))
    assert "savar provision crl" in caught.value.fix
    renew_lists(root, now=NOW)
    write_broker(root, plugin_path=Path("/plugin.so"))


def test_renewing_goes_on_from_what_is_in_force_though_the_authority_was_restored(root: Path) -> None:
    """Attack, or a backup: the office's folder as it was before the device was stolen."""
    kept = {path: path.read_bytes() for path in (root / "authority").glob("*") if path.is_file()}
    revoke(root)
    number = in_force(root).number
    (root / "authority" / "revoked.json").unlink()
    for path, data in kept.items():
        path.write_bytes(data)
    renew_lists(root, now=NOW + timedelta(days=7))
    assert in_force(root).serials == {serial(root, DEVICE)}
    assert in_force(root).number == number + 1
    assert in_force(root).until > NOW + timedelta(days=limits.CRL_VALID_DAYS)


@pytest.mark.parametrize("left", [b"x", None], ids=["damaged", "a link"])
def test_what_a_captured_broker_leaves_in_its_folder_stops_no_revocation(root: Path, left: bytes | None) -> None:
    """Attack: the folder is the broker's own. The office's own copies are believed, and its file is replaced."""
    path, precious = CityFolder(root).broker_lists, root / "precious"
    path.unlink()
    if left is None:
        precious.write_text("x")
        path.symlink_to(precious)
    else:
        path.write_bytes(left)
    revoke(root)
    assert in_force(root).serials == {serial(root, DEVICE)}
    assert left is not None or precious.read_text() == "x"


def test_where_an_intermediates_key_is_elsewhere_its_list_stays(root: Path) -> None:
    (root / "authority" / "people.key.pem").unlink()
    before = in_force(root, Purpose.PEOPLE)
    assert renew_lists(root, now=NOW + timedelta(days=7)).until == before.until  # the first that ends is told
    assert in_force(root, Purpose.PEOPLE) == before
    assert in_force(root).number == 2
    for path in ("broker/crl.pem", "backend/crl.pem", "authority/people.crl.pem"):
        (root / path).unlink()
    with pytest.raises(FileFailed, match="people"):
        renew_lists(root, now=NOW)


# --- revoking -----------------------------------------------------------------------------------------------------------


def test_revoking_writes_who_when_and_why_everywhere_and_nothing_of_others(root: Path) -> None:
    others = [path for path in root.rglob(f"*{OTHER}*") if path.is_file()]
    before = {path: path.read_bytes() for path in others}
    told = revoke(root)
    assert [it.split(":")[0] for it in told] == ["recorded", "backend", "list", "broker", "roles"]
    (record,) = read_revoked((root / "authority" / "revoked.json").read_text())
    assert record == Revoked(DEVICE, (serial(root, DEVICE),), Reason.STOLEN, "office", int(NOW.timestamp() * 1000))
    assert stat.S_IMODE((root / "authority" / "revoked.json").stat().st_mode) == 0o600
    assert in_force(root).serials == {serial(root, DEVICE)}
    entry = json.loads((root / "backend" / "registry" / f"{DEVICE}.json").read_text())
    assert entry["revoked"] == {"at_ms": record.at_ms, "reason": "stolen", "by": "office"}
    with pytest.raises(KeyRevoked, match="stolen"):
        FolderRegistry(root / "backend" / "registry").find(DEVICE)
    roles = json.loads((root / "broker" / "dynamic-security.json").read_text())
    (client,) = [it for it in roles["clients"] if DEVICE in it["username"]]
    assert (client["roles"], client["disabled"]) == ([], True)
    assert [role["rolename"] for role in roles["roles"]] == ["admin", "office", "backend-s0", OTHER]
    assert {path: path.read_bytes() for path in others} == before


def test_revoked_again_the_first_word_stands(root: Path) -> None:
    revoke(root)
    revoke(root, by="another")
    (record,) = read_revoked((root / "authority" / "revoked.json").read_text())
    assert record.by == "office"


def test_roles_made_anew_leave_out_who_was_revoked(root: Path) -> None:
    revoke(root)
    (root / "broker" / "dynamic-security.json").unlink()
    write_broker(root, plugin_path=Path("/plugin.so"))
    assert DEVICE not in (root / "broker" / "dynamic-security.json").read_text()


def test_a_revoked_name_is_not_given_again(root: Path) -> None:
    revoke(root)
    with pytest.raises(SavarError, match="enrolled"):
        add_device(root, device=DEVICE, vehicle="bus-0001", door=1, cameras=[("front", "v4l2:0")], now=NOW,
                   randomness=os.urandom)  # fmt: skip


def test_a_certificate_that_was_carried_away_can_be_given(root: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.pem"
    certificate = root / "devices" / DEVICE / "keys" / "tls.crt.pem"
    known = serial(root, DEVICE)
    certificate.rename(given)
    (root / "issued" / f"{DEVICE}.crt.pem").unlink(missing_ok=True)
    assert any("role alone" in it for it in revoke(root))
    assert in_force(root).serials == set()
    revoke(root, certificate=given)
    assert in_force(root).serials == {known}


def test_every_certificate_that_the_city_kept_is_in_the_list_and_no_intermediate(root: Path, tmp_path: Path) -> None:
    """One that was renewed has another beside it, which is good as long."""
    (tmp_path / "more").mkdir()
    Authority.load(CityFolder(root).authority, NOW, os.urandom).write_leaf(tmp_path / "more", Purpose.DEVICE, DEVICE)
    newer = (tmp_path / "more" / "tls.crt.pem").read_bytes()
    kept = root / "issued" / f"{DEVICE}.crt.pem"
    kept.write_bytes(newer + kept.read_bytes())
    revoke(root)
    assert in_force(root).serials == {x509.load_pem_x509_certificate(newer).serial_number, serial(root, DEVICE)}


def test_anothers_certificate_or_name_changes_nothing(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(BadSetting, match=f"that of {DEVICE}"):
        revoke(root, certificate=root / "devices" / OTHER / "keys" / "tls.crt.pem")
    with pytest.raises(UnknownDevice):
        revoke(root, "bus-0009-d1")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_without_the_devices_intermediate_the_rest_is_done_and_what_is_left_is_said(root: Path) -> None:
    """The office that has no key for a list still shuts the device out by its role."""
    for path in ("authority/device.key.pem", "authority/device.crl.pem", "broker/crl.pem", "backend/crl.pem"):
        (root / path).unlink()
    with pytest.raises(NotEverywhere, match="no list was made"):
        revoke(root)
    assert DEVICE in (root / "authority" / "revoked.json").read_text()
    with pytest.raises(KeyRevoked):
        FolderRegistry(root / "backend" / "registry").find(DEVICE)
    assert '"disabled": true' in (root / "broker" / "dynamic-security.json").read_text()


def test_a_broker_whose_settings_are_of_before_there_were_lists_is_not_said_to_read_one(root: Path) -> None:
    config = write_broker(root, plugin_path=Path("/plugin.so"))
    revoke(root)
    config.write_text("".join(it for it in config.read_text().splitlines(keepends=True) if "crlfile" not in it))
    with pytest.raises(NotEverywhere, match="names no list"):
        revoke(root)
    write_broker(root, plugin_path=Path("/plugin.so"))
    revoke(root)


# --- the record and the roles ----------------------------------------------------------------------------------------------


def test_the_record_comes_back_as_it_was_written() -> None:
    record = [STOLEN, replace(STOLEN, device=OTHER, serials=(), reason=Reason.REPLACED)]
    assert read_revoked(revoked_text(record)) == record
    assert with_revoked(record, replace(STOLEN, serials=(9, 4), by="x")) == [
        replace(STOLEN, serials=(5, 9, 4)),
        record[1],
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"revoked": [{}]}', '{"revoked": [{"device": "a", "serials": ["g"]}]}'])
def test_a_damaged_record_is_said(text: str) -> None:
    with pytest.raises(BadSetting, match="record of revoked"):
        read_revoked(text)


def test_who_is_not_in_the_roles_is_put_there_and_who_is_stays_as_it_is() -> None:
    both, one = (list(identities("isfahan", "s0", it)) for it in ([DEVICE, OTHER], [DEVICE]))
    out = roles_without(roles_json(one), {f"CN={DEVICE},OU=device,O=isfahan"})
    filled = json.loads(roles_filled(out, both))
    assert [it.get("disabled", False) for it in filled["clients"] if OTHER in it["username"]] == [False]
    assert [it["disabled"] for it in filled["clients"] if DEVICE in it["username"]] == [True]
    assert {OTHER} == {it["rolename"] for it in filled["roles"]} & {DEVICE, OTHER}
    assert roles_filled(roles_json(both), both) == roles_json(both)
    with pytest.raises(BadSetting):
        roles_filled("{}", both)


def test_roles_without_a_user_twice_are_the_same_text() -> None:
    text = roles_json(identities("isfahan", "s0", [DEVICE, OTHER]))
    once = roles_without(text, {f"CN={DEVICE},OU=device,O=isfahan"})
    assert roles_without(once, {f"CN={DEVICE},OU=device,O=isfahan"}) == once
    assert roles_without(text, {"CN=nobody"}) == text
