"""A device comes into a city by its own keys: the walk, what is refused, and what an interruption leaves (P12, P13)."""

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from click.testing import CliRunner

from cli.enrol import command as enrol
from cli.provision import command as provision
from cli.selftest import command as selftest
from edge.adapters import own_keys
from edge.adapters.keys import load_bundle, load_keys
from edge.adapters.own_keys import OwnKeys, hardware_serial
from edge.adapters.readers.zxing import ZxingReader
from edge.app.config import load_config
from edge.app.enrolling import begin, finish, look_for_claim
from edge.core.errors import AlreadyEnrolled, EnrolmentFailed, NoClaimSeen, NotEnrolling
from protocol.errors import SavarError, WrongHash
from protocol.wire.claims import Claim, claim_text, read_claim
from protocol.wire.enrolments import decode_answer_file, encode_answer_file
from protocol.wire.keys import SigningKey
from provisioning.adapters import files
from provisioning.app import approving
from provisioning.app.claims import withdraw_claim
from provisioning.app.devices import add_device
from provisioning.core.claim_record import read_record, record_text
from provisioning.core.claim_sheet import request_lines, require_compared
from provisioning.core.errors import (
    BadSetting,
    ClaimExpired,
    ClaimSpent,
    DeviceExists,
    KeyKnown,
    NotConfirmed,
    RequestRefused,
    ReservedName,
    UnknownClaim,
)
from provisioning.core.limits import CLAIM_VALID_DAYS
from tests.edge.cameras import FakeCamera
from tests.provisioning.enrolments import (
    CITY,
    NOW,
    ONE,
    TWO,
    approved,
    box,
    city_of_a_ceremony,
    claim,
    content,
    enrolled,
    plain_city,
)  # fmt: skip
from transport.bundle_folder import BundleFolder

PRIVATE = b"PRIVATE KEY"


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return plain_city(tmp_path / "city")


# --- the walk ---------------------------------------------------------------------------------------------------------


def test_a_device_comes_in_by_keys_that_never_leave_it(tmp_path: Path) -> None:
    root = city_of_a_ceremony(tmp_path)
    own, request = box(tmp_path / "door", claim(root, route="r9"))
    made = {path: path.read_bytes() for path in own.keys.glob("*.key.pem")}
    done = finish(own, answer := approved(root, request.raw, tmp_path / "answer"))
    config = load_config(done.settings)
    assert (config.city, config.device, config.vehicle, config.door, config.route) == (CITY, ONE, "bus-0001", 1, "r9")
    keys = load_keys(config.keys_dir)
    assert keys.recovery is not None
    assert load_bundle(config.bundle, keys.bundle, city=CITY, recovery=keys.recovery).number == done.bundle_number == 1
    assert json.loads((root / "backend" / "registry" / f"{ONE}.json").read_text())["tap_key"] == keys.tap.public.hex()
    assert ONE in (root / "broker" / "dynamic-security.json").read_text()
    assert {path.name for path in own.keys.iterdir()} == {
        "tap.key.pem", "tls.key.pem", "tls.crt.pem", "ca.crt.pem", "bundle.pub", "recovery.pub",
    }  # fmt: skip
    assert {path: path.read_bytes() for path in own.keys.glob("*.key.pem")} == made
    for path, pem in made.items():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        elsewhere = {it: data for it, data in content(tmp_path).items() if own.keys not in it.parents}
        assert not [it for it, data in elsewhere.items() if pem in data or _scalar(pem) in data]
    assert PRIVATE not in request.raw + answer


def _scalar(pem: bytes) -> bytes:
    return SigningKey.from_pem(pem).private.private_numbers().private_value.to_bytes(32, "big")


def test_the_commands_lead_from_the_sheet_to_a_selftest(
    tmp_path: Path, city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As people do it: what the office asks can only be answered by who reads the device's screen."""
    monkeypatch.setattr("edge.app.selftest.BROKER_WAIT_S", 0.1)  # there is none
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "one.png"), np.full((64, 64), 200, dtype=np.uint8))
    sheet, door = tmp_path / "sheet.html", tmp_path / "door"
    args = ["claim", str(city), ONE, "--vehicle", "bus-0001", "--door", "1", "--sheet", str(sheet)]
    said = run(provision, [*args, "--camera", f"front=folder:{pictures}", "--clock-trust", "operator"])
    line = next(it for it in sheet.read_text().split("<") if "SAVAR:CLAIM" in it).split(">")[1]
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    code = read_claim(line).code
    assert code not in said + "".join(map(str, content(city).values()))
    assert CliRunner().invoke(provision, args).exit_code == 2  # a sheet is never overwritten
    said = run(enrol, ["begin", str(door), "--out", str(tmp_path / "request")], line)
    shown = next(it for it in said.splitlines() if it.startswith("fingerprint")).split()[1:]
    assert len(shown) == 6
    approve = ["approve", str(city), str(tmp_path / "request"), "--out", str(tmp_path / "answer")]
    before = content(city)
    refused = CliRunner().invoke(provision, approve, input="0000 0000\n")
    assert isinstance(refused.exception, NotConfirmed)
    assert content(city) == before
    assert not (tmp_path / "answer").exists()
    assert not any(group in refused.output for group in shown[2:])
    assert " ".join(shown[:2]) in refused.output
    assert f"{ONE} is enrolled" in run(provision, approve, " ".join(shown[2:]))
    assert "as before" in run(provision, approve)
    run(enrol, ["finish", str(door), str(tmp_path / "answer")])
    checks = CliRunner().invoke(selftest, ["--config", str(door / "validator.toml"), "--json", "-"])
    found = {it["part"]: it["result"] for it in json.loads(checks.stdout)["checks"]}
    assert checks.exit_code == 0, checks.stdout
    assert found["keys"] == found["certificate"] == found["journal"] == found["camera front"] == "ok"


def run(command: Any, args: list[str], typed: str = "") -> str:
    done = CliRunner().invoke(command, args, input=typed + "\n", catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_sheet_is_read_by_the_devices_own_camera(city: Path) -> None:
    """Other codes before it, a blurred one, and empty pictures are passed over."""
    one = claim(city)
    pictures = [np.full((200, 200), 255, dtype=np.uint8)]
    for text in ("SV1:ABC", "https://" + "x" * 600, claim_text(one)[:-1], claim_text(one)):
        drawn = zxingcpp.write_barcode_to_image(
            zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode), scale=4
        )  # fmt: skip
        pictures.append(np.pad(np.array(drawn, dtype=np.uint8), 32, constant_values=255))
    camera = FakeCamera([pictures], live=False)
    camera.open()
    assert look_for_claim(camera, [ZxingReader()]) == one
    camera.open()
    with pytest.raises(NoClaimSeen):
        look_for_claim(camera, [ZxingReader()], frames=3)
    with pytest.raises(NoClaimSeen):
        look_for_claim(FakeCamera([[]], live=False), [ZxingReader()])


def test_a_pi_tells_its_number(tmp_path: Path) -> None:
    assert hardware_serial(tmp_path) == ""
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/serial-number").write_bytes(b"10000000c0ffee\0")
    assert hardware_serial(tmp_path) == "10000000c0ffee"


def test_the_office_is_shown_all_but_what_it_asks(tmp_path: Path, city: Path) -> None:
    _, request = box(tmp_path / "door", claim(city))
    record = read_record((city / "claims" / f"{ONE}.json").read_text())
    told = " ".join(value for _, value in request_lines(request, record))
    assert ONE in told
    assert request.fingerprint[-4:] not in told
    require_compared(request, f" {request.fingerprint[-16:-4].upper()} {request.fingerprint[-4:]}")
    found_in_a_night = "0" * 8 + request.fingerprint[-8:]
    for typed in ("", request.fingerprint[-8:], found_in_a_night, request.fingerprint[:16], "0" * 16):
        with pytest.raises(NotConfirmed):
            require_compared(request, typed)


# --- what is refused --------------------------------------------------------------------------------------------------


def refused(root: Path, data: bytes, tmp_path: Path, error: type[SavarError], **more: Any) -> None:
    before = content(root)
    with pytest.raises(error):
        approved(root, data, tmp_path / "refused", **more)
    assert content(root) == before
    assert not (tmp_path / "refused").exists()


def test_a_claim_is_for_one_request(tmp_path: Path, city: Path) -> None:
    by = claim(city)
    _, first = box(tmp_path / "one", by)
    _, second = box(tmp_path / "two", by)
    answer = approved(city, first.raw, tmp_path / "answer")
    refused(city, second.raw, tmp_path, ClaimSpent)
    assert approved(city, first.raw, tmp_path / "again", at=NOW + timedelta(days=99)) == answer
    with pytest.raises(DeviceExists):
        claim(city)


def test_a_claim_has_an_end(tmp_path: Path, city: Path) -> None:
    _, request = box(tmp_path / "door", claim(city))
    end = NOW + timedelta(days=CLAIM_VALID_DAYS)
    refused(city, request.raw, tmp_path, ClaimExpired, at=end)
    approved(city, request.raw, tmp_path / "answer", at=end - timedelta(milliseconds=1))


def test_a_newer_claim_takes_the_place_of_one_that_was_not_used(tmp_path: Path, city: Path) -> None:
    own, old = box(tmp_path / "door", claim(city))
    new = begin(own, claim(city), hardware="", randomness=os.urandom)
    assert (old.tap_key, old.tls_key) == (new.tap_key, new.tls_key)
    refused(city, old.raw, tmp_path, UnknownClaim)
    finish(own, approved(city, new.raw, tmp_path / "answer"))


def test_a_claim_that_was_withdrawn_lets_nobody_in_and_a_used_one_is_not_withdrawn(tmp_path: Path, city: Path) -> None:
    own, old = box(tmp_path / "door", claim(city))
    assert "savar provision claim" in run(provision, ["withdraw", str(city), ONE])
    refused(city, old.raw, tmp_path, UnknownClaim)
    with pytest.raises(UnknownClaim):
        withdraw_claim(city, ONE)
    approved(city, begin(own, claim(city), hardware="", randomness=os.urandom).raw, tmp_path / "answer")
    with pytest.raises(ClaimSpent):
        withdraw_claim(city, ONE)


def test_a_claim_is_for_its_own_device_and_vehicle(tmp_path: Path, city: Path) -> None:
    mine, other = claim(city), claim(city, TWO)
    for number, wrong in enumerate((
        replace(mine, device=TWO, vehicle="bus-0002"), replace(mine, vehicle="bus-0002"), replace(other, device=ONE),
    )):  # fmt: skip
        _, request = box(tmp_path / f"door {number}", wrong)
        refused(city, request.raw, tmp_path, RequestRefused if number == 1 else UnknownClaim)
    _, request = box(tmp_path / "nobody", replace(mine, device="bus-0003-d1"))
    refused(city, request.raw, tmp_path, UnknownClaim)
    _, request = box(tmp_path / "backend", replace(mine, device="backend-s0"))
    refused(city, request.raw, tmp_path, ReservedName)
    _, request = box(tmp_path / "shiraz", replace(mine, city="shiraz"))
    refused(city, request.raw, tmp_path, RequestRefused)


def test_what_is_no_request_is_refused(tmp_path: Path, city: Path) -> None:
    _, request = box(tmp_path / "door", claim(city))
    for data in (b"", b"x", bytes(5_000), request.raw[:-1] + bytes([request.raw[-1] ^ 1]), request.raw + b"\0"):
        refused(city, data, tmp_path, RequestRefused)


def test_keys_that_the_city_knows_are_no_new_devices(tmp_path: Path, city: Path) -> None:
    """A card that was copied before it asks once more."""
    enrolled(city, tmp_path / "door")
    for name in ("tap", "tls"):
        copy = OwnKeys(tmp_path / f"copied {name}")
        copy.make(os.urandom)
        (copy.keys / f"{name}.key.pem").write_bytes((tmp_path / f"door/keys/{name}.key.pem").read_bytes())
        request = begin(copy, claim(city, TWO), hardware="", randomness=os.urandom)
        refused(city, request.raw, tmp_path, KeyKnown)


def test_who_was_taken_out_at_the_broker_stays_out_when_its_request_comes_again(tmp_path: Path, city: Path) -> None:
    """A clerk who still has the file of the request of a device that was stolen (P13)."""
    _, request = box(tmp_path / "door", claim(city))
    answer = approved(city, request.raw, tmp_path / "answer")
    path = city / "broker" / "dynamic-security.json"
    roles = json.loads(path.read_text())
    (mine,) = (it for it in roles["clients"] if it["username"].startswith(f"CN={ONE},"))
    mine.update(disabled=True, roles=[])
    path.write_text(json.dumps(roles, indent=1) + "\n")
    before = path.read_bytes()
    assert approved(city, request.raw, tmp_path / "again") == answer
    assert path.read_bytes() == before
    path = city / "backend" / "registry" / f"{ONE}.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "revoked": {"at_ms": 1, "reason": "stolen", "by": "x"}})
    )
    refused(city, request.raw, tmp_path, RequestRefused)


def test_a_name_is_given_once(tmp_path: Path, city: Path) -> None:
    _, request = box(tmp_path / "door", claim(city))
    add_device(
        city, device=ONE, vehicle="bus-0001", door=1, cameras=[("f", "v4l2:0")], now=NOW, randomness=os.urandom
    )  # fmt: skip
    refused(city, request.raw, tmp_path, DeviceExists)


def test_a_claim_in_bad_order_is_told(city: Path) -> None:
    for wrong in ({"valid_days": 0}, {"valid_days": 61}, {"clock_trust": "stars"}):
        with pytest.raises(BadSetting):
            claim(city, **wrong)
    with pytest.raises(ReservedName):
        claim(city, "backend-s0")
    claim(city)
    path = city / "claims" / f"{ONE}.json"
    whole = read_record(path.read_text())
    assert read_record(record_text(whole)) == whole
    for broken in ("", "{}", path.read_text().replace('"until_ms"', '"ends"')):
        with pytest.raises(BadSetting):
            read_record(broken)


# --- the answer -------------------------------------------------------------------------------------------------------


def test_a_device_takes_its_own_answer_alone(tmp_path: Path, city: Path) -> None:
    own, request = box(tmp_path / "one", claim(city))
    _, other = box(tmp_path / "two", claim(city, TWO))
    answer, foreign = (approved(city, it.raw, tmp_path / it.device) for it in (request, other))
    elsewhere = plain_city(tmp_path / "elsewhere")
    strange = approved(elsewhere, box(tmp_path / "three", claim(elsewhere))[1].raw, tmp_path / "strange")
    signed, chunks = decode_answer_file(answer)
    before = content(own.root)
    for wrong in (
        foreign, strange, b"", answer[:-1], signed, encode_answer_file(signed, {}),
        encode_answer_file(signed[:-1] + bytes([signed[-1] ^ 1]), chunks), encode_answer_file(decode_answer_file(foreign)[0], chunks),
    ):  # fmt: skip
        with pytest.raises(SavarError):
            finish(own, wrong)
        assert content(own.root) == before
    finish(own, answer)


def test_an_answer_that_lacks_a_part_of_its_bundle_says_so(tmp_path: Path, city: Path) -> None:
    own, request = box(tmp_path / "door", claim(city))
    signed, _ = decode_answer_file(approved(city, request.raw, tmp_path / "answer"))
    with pytest.raises(WrongHash):
        finish(own, encode_answer_file(signed, {}))


def test_settings_that_this_software_does_not_know_are_not_taken(
    tmp_path: Path, city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An office with a newer release: the device says so, and stays as it was."""
    own, request = box(tmp_path / "door", claim(city))
    text = approving.validator_text
    for changed in (lambda *of: text(*of) + "colour = 1\n", lambda *of: text(*of).replace("bus-0001-d1", TWO)):
        monkeypatch.setattr(approving, "validator_text", changed)
        answer = approved(city, request.raw, tmp_path / "answer")
        before = content(own.root)
        with pytest.raises(EnrolmentFailed):
            finish(own, answer)
        assert content(own.root) == before


def test_a_device_that_is_enrolled_makes_no_new_keys(tmp_path: Path, city: Path) -> None:
    own, _ = enrolled(city, tmp_path / "door")
    before = content(own.root)
    with pytest.raises(AlreadyEnrolled):
        begin(own, claim(city, TWO), hardware="", randomness=os.urandom)
    with pytest.raises(AlreadyEnrolled):
        finish(own, b"")
    assert content(own.root) == before


def test_other_keys_than_those_that_asked_finish_nothing(tmp_path: Path, city: Path) -> None:
    own, request = box(tmp_path / "door", claim(city))
    answer = approved(city, request.raw, tmp_path / "answer")
    with pytest.raises(NotEnrolling):
        finish(OwnKeys(tmp_path / "never began"), answer)
    (own.keys / "tap.key.pem").write_bytes(SigningKey.from_secret(b"other".ljust(32)).to_pem())
    with pytest.raises(NotEnrolling):
        finish(own, answer)
    (own.keys / "tap.key.pem").write_text("rubbish")
    with pytest.raises(EnrolmentFailed):
        finish(own, answer)


# --- interruptions ----------------------------------------------------------------------------------------------------


class Cut(BaseException):
    """The power goes."""


def cut_after(patch: pytest.MonkeyPatch, writers: list[tuple[Any, str]], writes: int) -> Callable[[], int]:
    """The power goes before the write behind so many, by whichever of these; the answer says how many there were."""
    done = [0]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*of: Any, **more: Any) -> Any:
            if done[0] == writes:
                raise Cut
            done[0] += 1
            return real(*of, **more)

        return write

    for owner, name in writers:
        patch.setattr(owner, name, counted(getattr(owner, name)))
    return lambda: done[0]


def test_an_approval_cut_at_any_write_comes_to_the_same_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was cut, the same request gives one certificate, one entry, and an answer that the device takes."""
    for writes in range(9):
        folder = tmp_path / str(writes)
        city = plain_city(folder / "city")
        own, request = box(folder / "door", claim(city))
        with monkeypatch.context() as patch:
            count = cut_after(patch, [(files, "replace")], writes)
            try:
                approved(city, request.raw, folder / "answer")
            except Cut:
                finished = False
            else:
                finished = True
        issued = city / "issued" / f"{ONE}.crt.pem"
        before = issued.read_bytes() if issued.exists() else None
        answer = approved(city, request.raw, folder / "answer", at=NOW + timedelta(days=1 if before else 0))
        assert before in (None, issued.read_bytes())
        done = finish(own, answer)
        assert (own.keys / "tls.crt.pem").read_bytes() == issued.read_bytes()
        assert load_config(done.settings).device == ONE
        if finished:
            assert count() == writes == 5  # the claim, role, certificate, entry, answer
            return
    raise AssertionError("it was cut at every write")


def test_a_name_that_another_box_took_meanwhile_is_not_taken_from_it(
    tmp_path: Path, city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An approval is cut behind its claim, and somebody enrols a box of that name the other way."""
    _, request = box(tmp_path / "door", claim(city))
    with monkeypatch.context() as patch:
        cut_after(patch, [(files, "replace")], 1)
        with pytest.raises(Cut):
            approved(city, request.raw, tmp_path / "answer")
    with pytest.raises(ClaimSpent):  # nor is its claim made anew: the request has to be approved again
        claim(city)
    add_device(
        city, device=ONE, vehicle="bus-0001", door=1, cameras=[("f", "v4l2:0")], now=NOW, randomness=os.urandom
    )  # fmt: skip
    refused(city, request.raw, tmp_path, DeviceExists)


def test_a_device_cut_at_any_write_is_enrolled_or_not_and_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it makes its keys, or takes the bundle in: keys that are there are kept."""
    for writes in range(20):
        folder = tmp_path / str(writes)
        city, own = plain_city(folder / "city"), OwnKeys(folder / "door")
        by = claim(city)

        def whole_way(own: OwnKeys = own, city: Path = city, by: Claim = by, folder: Path = folder) -> None:
            request = begin(own, by, hardware="", randomness=os.urandom)
            finish(own, approved(city, request.raw, folder / "answer"))

        with monkeypatch.context() as patch:
            count = cut_after(patch, [(own_keys, "replace_whole"), (BundleFolder, "_write")], writes)
            try:
                whole_way()
            except Cut:
                assert not own.enrolled
            else:
                assert own.enrolled
                assert (
                    count() == writes == 12
                )  # 2 keys, root, request, settings tried, 3 of a bundle, 3 of keys, settings
                return
        kept = {path: path.read_bytes() for path in own.keys.glob("*.key.pem")}
        whole_way()
        assert {path: path.read_bytes() for path in kept} == kept
        load_bundle(own.root / "bundle", load_keys(own.keys).bundle, city=CITY)
    raise AssertionError("it was cut at every write")
