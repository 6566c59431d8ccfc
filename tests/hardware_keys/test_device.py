"""A device whose tap key lies in a token: made there, enrolled, renewed, and what of it is on its card."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.enrol import command as enrol
from cli.journal import PrivateTapKey
from edge.adapters import own_keys
from edge.adapters.console_panel import SilentPanel
from edge.adapters.journal_file import open_journal
from edge.adapters.keys import load_keys
from edge.adapters.own_keys import OwnKeys
from edge.adapters.tap_signer import ThreadTapSigner
from edge.adapters.token_key import TokenTapKey
from edge.app import renewing, selftest
from edge.app.config import ValidatorConfig, load_config
from edge.app.enrolling import begin, finish
from edge.app.journal_tools import opening_key, verify
from edge.app.selftest import Check, Result
from edge.app.validator import Validator
from edge.core.errors import EnrolmentFailed, KeyMissing, SignerFailed
from hardware_keys.errors import KeyNotInToken, PinUnread, TokenGone
from hardware_keys.keys import TokenKey, make_key, open_or_make_key
from hardware_keys.module import end_modules
from hardware_keys.places import KeyPlace, read_place
from protocol.wire import chain
from protocol.wire.claims import Claim, claim_text
from protocol.wire.enrolments import Request, decode_answer_file, encode_answer_file
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.renewals import read_renewal
from provisioning.app import approving
from tests.edge.cameras import FakeCamera
from tests.hardware_keys.tokens import PIN, SoftToken, Token, TpmToken, place
from tests.provisioning.enrolments import ONE, approved, claim, plain_city
from tests.provisioning.test_enrolment import Cut, cut_after
from transport.toml_file import ConfigError

HEAD = bytes(range(32))


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return plain_city(tmp_path / "city")


def asks(own: OwnKeys, by: Claim, at: KeyPlace | None) -> Request:
    return begin(own, by, hardware="", randomness=os.urandom, place=at)


def enrolled(city: Path, token: Token, folder: Path) -> tuple[OwnKeys, ValidatorConfig]:
    own = OwnKeys(folder)
    request = asks(own, claim(city), place(token))
    finish(own, approved(city, request.raw, folder.with_suffix(".answer")))
    return own, load_config(own.root / "validator.toml")


def opened_anew(token: Token) -> None:
    """As after the device was switched off."""
    end_modules()
    if isinstance(token, TpmToken):
        token.restart()


def test_a_device_comes_in_by_a_tap_key_that_is_on_no_card(tmp_path: Path, city: Path, token: Token) -> None:
    own, config = enrolled(city, token, tmp_path / "door")
    assert config.tap_key == place(token)
    assert {path.name for path in own.keys.iterdir()} == {
        "tls.key.pem", "tls.crt.pem", "ca.crt.pem", "bundle.pub",
    }  # fmt: skip
    assert PIN not in "".join(path.read_text(errors="replace") for path in own.root.rglob("*") if path.is_file())
    opened_anew(token)
    keys = load_keys(config.keys_dir, config.tap_key)
    assert isinstance(keys.tap, TokenTapKey)
    assert keys.tap.place == place(token)
    assert isinstance(keys.tap._opened(), TokenKey)
    registered = (city / "backend" / "registry" / f"{ONE}.json").read_text()
    assert keys.tap.public.hex() in registered
    signer = ThreadTapSigner(keys.tap)
    signer.open()
    try:
        for number in range(5):
            head = bytes([number]) * 32
            chain.verify_hash(head, signer.start(head).result(), VerifyingKey.load(keys.tap.public))
    finally:
        signer.close()


def test_a_validator_opens_its_journal_by_the_token(tmp_path: Path, city: Path, soft: SoftToken) -> None:
    """From validator.toml to the chain on its card."""
    _, config = enrolled(city, soft, tmp_path / "door")
    opened_anew(soft)
    validator = Validator(config, panel=SilentPanel(), sources={"front": FakeCamera([[]], live=False)})
    validator.start()
    validator.stop()
    with open_journal(config.data_dir / "journal.db") as journal:
        key = load_keys(config.keys_dir, config.tap_key).tap.verifying
        assert opening_key(journal) == key
        report = verify(journal, lambda rows: rows, key, [])
    assert report["records"] >= 1


def test_its_certificate_is_renewed_by_the_token(tmp_path: Path, city: Path, soft: SoftToken) -> None:
    _, config = enrolled(city, soft, tmp_path / "door")
    asked = read_renewal(renewing.ask(config))
    asked.require_signed(VerifyingKey.load(load_keys(config.keys_dir, config.tap_key).tap.public))


def test_begun_again_it_is_the_same_request(tmp_path: Path, city: Path, token: Token) -> None:
    """Though a token signs differently each time: the office's answer names one request, by its hash."""
    own, by = OwnKeys(tmp_path / "door"), claim(city)
    first = asks(own, by, place(token))
    assert asks(own, by, place(token)).raw == first.raw
    assert asks(own, by, None).raw == first.raw
    (own.keys / "request.cose").write_bytes(b"rotten")
    again = asks(own, by, None)
    assert (again.tap_key, again.claimed) == (first.tap_key, first.claimed)
    assert again.raw != first.raw
    finish(own, approved(city, again.raw, tmp_path / "answer"))
    assert own.enrolled


def test_cut_at_any_write_it_goes_on_with_the_key_in_its_token(
    tmp_path: Path, city: Path, soft: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    for writes in range(5):
        at, own, by = (
            place(soft, f"tap {writes}"),
            OwnKeys(tmp_path / str(writes)),
            claim(city, f"bus-000{writes + 1}-d1"),
        )
        with monkeypatch.context() as patch:
            count = cut_after(patch, [(own_keys, "replace_whole")], writes)
            try:
                request = asks(own, by, at)
            except Cut:
                pass
            else:
                assert count() == writes == 4  # where the key lies, the TLS key, root, request
                assert request.tap_key == load_keys_of(own).public
                return
        before = load_keys_of(own).public if writes else b""
        request = asks(own, by, at if writes == 0 else None)
        assert before in (b"", request.tap_key)
    raise AssertionError("it was cut at every write")


def load_keys_of(own: OwnKeys) -> VerifyingKey:
    at = own.place()
    assert at is not None
    return open_or_make_key(at).verifying


def test_a_device_has_one_tap_key(tmp_path: Path, city: Path, soft: SoftToken) -> None:
    own, by = OwnKeys(tmp_path / "file"), claim(city)
    asks(own, by, None)
    with pytest.raises(EnrolmentFailed, match="in a file"):
        asks(own, by, place(soft))
    other = OwnKeys(tmp_path / "token")
    asks(other, by, place(soft))
    with pytest.raises(EnrolmentFailed, match="object=tap"):
        asks(other, by, place(soft, "another"))


def test_the_office_does_not_say_where_a_tap_key_lies(
    tmp_path: Path, city: Path, soft: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that settings name is loaded, and runs, on the device."""
    line = f'tap_key = "{place(soft, "of the office").uri}"\n'
    told = approving.validator_text
    monkeypatch.setattr(approving, "validator_text", lambda *given: line + told(*given))
    for name, at in (("file", None), ("token", place(soft))):
        own, by = OwnKeys(tmp_path / name), claim(city, f"bus-000{len(name)}-d1")
        request = asks(own, by, at)
        with pytest.raises(EnrolmentFailed, match=r"where a tap key lies|cannot use the settings"):
            finish(own, approved(city, request.raw, tmp_path / f"{name}.answer"))
        assert not own.enrolled


def test_a_door_says_what_is_wrong_with_its_token(tmp_path: Path, city: Path, soft: SoftToken) -> None:
    own, config = enrolled(city, soft, tmp_path / "door")
    settings = own.root / "validator.toml"
    assert config.tap_key is not None

    def said() -> Check:
        end_modules()
        return selftest._guarded("keys", lambda: selftest._keys(config))

    assert said().result is Result.OK
    assert "in token savar test" in said().found
    Path(config.tap_key.pin_source).chmod(0o644)
    assert said().result is Result.FAIL
    assert "others may read the PIN" in said().found
    Path(config.tap_key.pin_source).unlink()
    end_modules()
    with pytest.raises(SignerFailed, match="cannot be read") as unread:
        load_keys(config.keys_dir, config.tap_key)
    assert isinstance(unread.value.__cause__, PinUnread)
    place(soft)
    settings.write_text(settings.read_text().replace("object=tap", "object=nothing"))
    with pytest.raises(SignerFailed, match="has no key nothing") as missing:
        load_keys(config.keys_dir, load_config(settings).tap_key)
    assert isinstance(missing.value.__cause__, KeyNotInToken)
    text = settings.read_text().splitlines(keepends=True)
    settings.write_text("".join(line for line in text if not line.startswith("tap_key")))
    with pytest.raises(KeyMissing, match="put tap_key back"):
        load_keys(config.keys_dir, load_config(settings).tap_key)
    settings.write_text('tap_key = "pkcs11:token=t;object=o?pin-value=4711"\n' + settings.read_text())
    with pytest.raises(ConfigError, match="a PIN does not belong") as refused:
        load_config(settings)
    assert "4711" not in str(refused.value)


def test_a_tap_whose_token_is_gone_is_refused_and_the_next_one_is_taken(token: Token) -> None:
    signer = ThreadTapSigner(key := make_key(place(token)))
    signer.open()
    try:
        token.lose()
        with pytest.raises(SignerFailed, match="does not sign") as refused:
            signer.start(HEAD).result()
        assert isinstance(refused.value.__cause__, TokenGone)
        token.bring_back()
        chain.verify_hash(HEAD, signer.start(HEAD).result(), key.verifying)
    finally:
        signer.close()


def test_the_command_makes_the_key_and_says_where(tmp_path: Path, city: Path, soft: SoftToken) -> None:
    words = ["begin", str(tmp_path / "door"), "--out", str(tmp_path / "request"), "--keys", place(soft).uri]
    done = CliRunner().invoke(enrol, words, input=claim_text(claim(city)) + "\n", catch_exceptions=False)
    assert done.exit_code == 0
    assert place(soft).uri in done.output
    assert PIN not in done.output
    own = OwnKeys(tmp_path / "door")
    assert own.place() == read_place(place(soft).uri)
    assert not (own.keys / "tap.key.pem").exists()
    tls = SigningKey.from_pem((own.keys / "tls.key.pem").read_bytes())
    assert own.held()[1].public == tls.public


def test_a_last_record_of_a_journal_is_signed_by_the_token(soft: SoftToken) -> None:
    """What `savar journal recover --tap-key` takes: a place instead of a file."""
    key = make_key(place(soft))
    assert PrivateTapKey().convert(place(soft).uri, None, None).public == key.public


def test_an_answer_file_comes_back_as_it_was(tmp_path: Path, city: Path, soft: SoftToken) -> None:
    """What the device adds is its own: the office's copy of the settings is the answer's."""
    own = OwnKeys(tmp_path / "door")
    request = asks(own, claim(city), place(soft))
    answer = approved(city, request.raw, tmp_path / "answer")
    assert encode_answer_file(*decode_answer_file(answer)) == answer
    finish(own, answer)
    assert b"tap_key" not in answer
    assert "tap_key" in (own.root / "validator.toml").read_text()
