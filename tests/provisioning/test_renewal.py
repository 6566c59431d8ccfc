"""A device's certificate is followed by another, over the same key: when, for whom, and what an interruption leaves."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.enrol import command as enrol
from cli.provision import command as provision
from edge.app import renewing
from edge.app.config import ValidatorConfig, load_config
from edge.app.enrolling import finish
from edge.core.errors import EnrolmentFailed
from protocol.errors import RolledBack, SavarError
from protocol.limits import RENEWAL_WINDOW_DAYS
from protocol.wire.certificates import from_pem
from protocol.wire.keys import SigningKey
from protocol.wire.renewals import encode_renewal
from provisioning.adapters import files
from provisioning.app.broker import use_password_broker
from provisioning.app.city import load_city
from provisioning.app.device_renewals import issued, renew_device
from provisioning.app.devices import add_device
from provisioning.app.revoking import revoke_device
from provisioning.core import renewals
from provisioning.core.errors import NotConfirmed, RenewalRefused, UnknownDevice
from provisioning.core.limits import LEAF_VALID_DAYS
from provisioning.core.revocations import Reason
from tests.provisioning.enrolments import NOW, ONE, TWO, approved, box, claim, content, enrolled, plain_city
from tests.provisioning.test_enrolment import Cut, cut_after, run
from transport.certificate import Certificates

DUE = NOW + timedelta(days=LEAF_VALID_DAYS - RENEWAL_WINDOW_DAYS + 1)


class Bus:
    """A city with one enrolled device, which asks and is answered."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, plain_city(folder / "city")
        self.own, done = enrolled(self.root, folder / "door")
        self.config: ValidatorConfig = load_config(done.settings)

    def answered(self, request: bytes, at: datetime = DUE, confirm: Any = lambda *_: None) -> bytes:
        out = self.folder / "renewed"
        done = renew_device(self.root, request, now=at, randomness=os.urandom, confirm=confirm)
        files.replace(out, done.answer)  # as the command does
        return out.read_bytes()

    def renew(self, at: datetime = DUE) -> None:
        renewing.take(self.config, self.answered(renewing.ask(self.config), at))
        assert renewing.settle(self.config, lambda: True)

    @property
    def in_force(self) -> bytes:
        return from_pem(self.files.in_force.read_bytes())[0]

    @property
    def files(self) -> Certificates:
        return renewing.files_of(self.config)

    @property
    def given(self) -> list[bytes]:
        return [leaf for leaf, _ in issued(load_city(self.root), ONE)]


@pytest.fixture
def bus(tmp_path: Path) -> Bus:
    return Bus(tmp_path)


def test_a_certificate_is_followed_over_the_same_keys(bus: Bus) -> None:
    before, keys = bus.in_force, {path: path.read_bytes() for path in bus.own.keys.glob("*.key.pem")}
    new = renewing.take(bus.config, bus.answered(renewing.ask(bus.config)))
    assert bus.in_force == new.leaf != before
    assert new.ends_ms == int((DUE + timedelta(days=LEAF_VALID_DAYS)).timestamp() * 1000)
    assert {path: path.read_bytes() for path in bus.own.keys.glob("*.key.pem")} == keys
    assert bus.given == [new.leaf, before]
    assert from_pem(bus.files.proven.read_bytes())[0] == before
    assert not renewing.settle(bus.config, lambda: False)
    assert renewing.on_trial(bus.config)
    assert renewing.settle(bus.config, lambda: True)
    assert not renewing.on_trial(bus.config)
    assert bus.in_force == from_pem(bus.files.proven.read_bytes())[0] == new.leaf
    assert renewing.settle(bus.config, lambda: pytest.fail("none is on trial: the broker is not asked"))


def test_it_can_be_put_back_until_the_broker_has_let_it_in(bus: Bus) -> None:
    before = bus.in_force
    with pytest.raises(EnrolmentFailed):
        renewing.put_back(bus.config)
    renewing.take(bus.config, bus.answered(renewing.ask(bus.config)))
    renewing.put_back(bus.config)
    assert bus.in_force == before
    assert renewing.rests(bus.config)
    assert not renewing.settle(bus.config, lambda: pytest.fail("it rests: nobody can say that it was let in"))
    renewing.try_again(bus.config)
    assert bus.in_force == bus.given[0] != before, "it was not given up"
    renewing.put_back(bus.config)
    renewing.take(bus.config, bus.answered(renewing.ask(bus.config)))
    assert renewing.settle(bus.config, lambda: True)
    assert bus.in_force == bus.given[0] != before


def test_one_that_was_never_let_in_is_not_kept_in_place_of_one_that_was(bus: Bus) -> None:
    first = bus.in_force
    renewing.take(bus.config, bus.answered(renewing.ask(bus.config)))
    later = DUE + timedelta(days=LEAF_VALID_DAYS)
    renewing.take(bus.config, bus.answered(renewing.ask(bus.config), later))
    assert from_pem(bus.files.proven.read_bytes())[0] == first
    assert len(bus.given) == 2  # the first has ended


def test_the_same_request_is_answered_by_the_same_certificate(bus: Bus) -> None:
    """The answer was lost, or the office's machine died behind it: asked again, nothing is doubled."""
    request = renewing.ask(bus.config)
    answer = bus.answered(request)
    assert renewing.ask(bus.config) == request
    nobody = lambda *_: pytest.fail("it was agreed to before")  # noqa: E731
    assert bus.answered(request, DUE + timedelta(days=3), nobody) == answer
    renewing.take(bus.config, answer)
    assert renewing.take(bus.config, answer).leaf == bus.in_force  # again
    assert len(bus.given) == 2


def test_the_first_approval_made_again_takes_no_newer_certificate_back(tmp_path: Path) -> None:
    root = plain_city(tmp_path / "city")
    own, request = box(tmp_path / "door", claim(root))
    finish(own, approved(root, request.raw, tmp_path / "answer"))
    config = load_config(own.root / "validator.toml")
    asked = renewing.ask(config)
    renew_device(root, asked, now=DUE, randomness=os.urandom, confirm=lambda *_: None)
    before = content(root)
    approved(root, request.raw, tmp_path / "answer")
    assert content(root) == before


def test_what_was_followed_long_ago_is_not_followed_again(bus: Bus) -> None:
    """A request that was copied on its way, or the card's image of two years ago."""
    old = renewing.ask(bus.config)
    bus.renew()
    bus.renew(DUE + timedelta(days=LEAF_VALID_DAYS - 30))
    before = content(bus.root)
    with pytest.raises(RenewalRefused):
        bus.answered(old, DUE + timedelta(days=LEAF_VALID_DAYS))
    assert content(bus.root) == before


def test_one_that_is_still_good_is_not_followed_twice(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the office keeps it, to be able to revoke it."""
    monkeypatch.setattr(renewals, "_WINDOW_MS", 1 << 50)
    old = renewing.ask(bus.config)
    for days in (1, 2):
        bus.renew(NOW + timedelta(days=days))
    assert len(bus.given) == 3
    before = content(bus.root)
    with pytest.raises(RenewalRefused):
        bus.answered(old, NOW + timedelta(days=3))
    assert content(bus.root) == before


def test_an_older_answer_takes_nothing_back(bus: Bus) -> None:
    first = bus.answered(renewing.ask(bus.config))
    renewing.take(bus.config, first)
    renewing.settle(bus.config, lambda: True)
    bus.renew(DUE + timedelta(days=LEAF_VALID_DAYS - 30))
    newest = bus.in_force
    with pytest.raises(RolledBack):
        renewing.take(bus.config, first)
    assert bus.in_force == newest


def test_not_before_its_window_and_behind_its_end_all_the_same(bus: Bus) -> None:
    opens = NOW + timedelta(days=LEAF_VALID_DAYS - RENEWAL_WINDOW_DAYS)
    with pytest.raises(RenewalRefused) as early:
        bus.answered(renewing.ask(bus.config), opens - timedelta(seconds=1))
    assert early.value.data["days"] == 1
    with pytest.raises(RenewalRefused) as early:
        bus.answered(renewing.ask(bus.config), NOW)
    assert early.value.data["days"] == LEAF_VALID_DAYS - RENEWAL_WINDOW_DAYS
    ended = NOW + timedelta(days=LEAF_VALID_DAYS + 120)
    bus.renew(ended)
    assert len(bus.given) == 2
    assert renewals.days_left(_chain_of(bus), int(ended.timestamp() * 1000)) == LEAF_VALID_DAYS


def _chain_of(bus: Bus) -> Any:
    return renewing._held(renewing.files_of(bus.config).in_force, bus.config)[0]


def test_who_gets_none(bus: Bus, tmp_path: Path) -> None:
    request, before = renewing.ask(bus.config), content(bus.root)

    def refused(data: bytes, error: type[SavarError], confirm: Any = lambda *_: None) -> None:
        with pytest.raises(error):
            bus.answered(data, confirm=confirm)
        assert content(bus.root) == before
        assert not (bus.folder / "renewed").exists()

    def never(*_: object) -> None:
        raise NotConfirmed("no")

    refused(request, NotConfirmed, never)
    for data in (b"", request[:-1], request + b"\0", bytes(20_000), _signed_by(bus, SigningKey.from_secret(bytes(32)))):
        refused(data, RenewalRefused)
    other = Bus(tmp_path / "elsewhere")
    refused(renewing.ask(other.config), RenewalRefused)  # of another city's authority, by another's key
    revoke_device(
        bus.root, ONE, reason=Reason.STOLEN, by="parisa", now=DUE, tell=print, shut_out=lambda *_, **_more: None
    )
    before = content(bus.root)
    refused(request, RenewalRefused)
    (bus.root / "backend" / "registry" / f"{ONE}.json").unlink()
    before = content(bus.root)
    refused(request, UnknownDevice)


def _signed_by(bus: Bus, key: SigningKey) -> bytes:
    return encode_renewal(_chain_of(bus), key, city="isfahan", device=ONE)


def test_a_device_of_before_there_was_a_record_is_renewed_too(bus: Bus) -> None:
    """Its certificate is proven by the authority; from now on the office keeps what it gives."""
    (bus.root / "issued" / f"{ONE}.crt.pem").unlink()
    before = bus.in_force
    bus.renew()
    assert bus.given == [bus.in_force, before]


def test_a_device_whose_keys_came_from_the_office_is_renewed_too(bus: Bus) -> None:
    folder = add_device(
        bus.root, device=TWO, vehicle="bus-0002", door=1, cameras=[("f", "v4l2:0")], now=NOW, randomness=os.urandom
    )
    config = load_config(folder / "validator.toml")
    renewing.take(config, bus.answered(renewing.ask(config)))
    use_password_broker(bus.root, port=1883, randomness=os.urandom)
    with pytest.raises(EnrolmentFailed, match="no certificate"):
        renewing.ask(load_config(folder / "validator.toml"))


def test_a_certificate_that_is_not_its_own_is_not_asked_for(bus: Bus) -> None:
    (bus.own.keys / "tls.crt.pem").write_text("rubbish")
    with pytest.raises(EnrolmentFailed):
        renewing.ask(bus.config)


def test_the_office_cut_at_any_write_comes_to_the_same_end(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    request = renewing.ask(bus.config)
    for writes in range(3):
        with monkeypatch.context() as patch:
            cut_after(patch, [(files, "replace")], writes)
            try:
                bus.answered(request)
            except Cut:
                assert writes < 2
            else:
                assert writes == 2
        assert len(bus.given) == (1 if writes == 0 else 2)
    renewing.take(bus.config, bus.answered(request))


def test_a_device_cut_at_any_write_has_the_old_one_or_the_new_one(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    old, answer = bus.in_force, bus.answered(renewing.ask(bus.config))
    with monkeypatch.context() as patch:
        cut_after(patch, [(renewing, "replace_whole")], 0)
        with pytest.raises(Cut):
            renewing.take(bus.config, answer)
    assert bus.in_force == old
    new = renewing.take(bus.config, answer)
    assert bus.in_force == new.leaf
    assert from_pem(bus.files.proven.read_bytes())[0] == old
    with monkeypatch.context() as patch:
        cut_after(patch, [(renewing, "rename")], 0)
        with pytest.raises(Cut):
            renewing.settle(bus.config, lambda: True)
    assert bus.in_force == new.leaf
    renewing.put_back(bus.config)
    with monkeypatch.context() as patch:
        cut_after(patch, [(renewing, "remove")], 0)
        with pytest.raises(Cut):
            renewing.take(bus.config, answer)
    assert bus.in_force == old
    renewing.take(bus.config, answer)
    assert bus.in_force == new.leaf


def test_nothing_is_written_beside_the_keys(bus: Bus) -> None:
    """There the unit of a validator lets it write nothing (deploy/pi)."""
    before = {path: path.stat() for path in bus.own.keys.iterdir()}
    bus.own.keys.chmod(0o500)
    bus.renew()
    renewing.take(bus.config, bus.answered(renewing.ask(bus.config), DUE + timedelta(days=LEAF_VALID_DAYS - 30)))
    renewing.put_back(bus.config)
    renewing.try_again(bus.config)
    assert renewing.settle(bus.config, lambda: True)
    assert {path: path.stat() for path in bus.own.keys.iterdir()} == before
    assert bus.files.folder.parent == bus.config.data_dir


def test_the_commands_renew(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before the window they say so; a person who does not agree ends it; without a broker both are kept."""
    config, request, answer = str(bus.own.root / "validator.toml"), bus.folder / "request", bus.folder / "answer"
    run(enrol, ["renew", "--config", config, "--out", str(request)])
    given = ["renew", str(bus.root), str(request), "--out", str(answer)]
    assert isinstance(CliRunner().invoke(provision, given).exception, RenewalRefused)
    monkeypatch.setattr(renewals, "_WINDOW_MS", 1 << 50)
    assert isinstance(CliRunner().invoke(provision, given, input="n\n").exception, NotConfirmed)
    assert not answer.exists()
    assert "days left" in run(provision, given, "y")
    assert "the same as before" in run(provision, given)
    monkeypatch.setattr("cli.enrol.LET_IN_S", 0.05)
    assert "is kept" in run(enrol, ["renewed", "--config", config, str(answer)])
    new = bus.in_force
    assert "in force again" in run(enrol, ["settle", "--config", config, "--back"])
    assert bus.in_force != new
