"""Bundle keys and incarnations change by the recovery key and the bundle key together, from the office to the card (P12)."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backend.adapters.keys import bundle_keys
from cli import authority as cli_authority
from cli.main import cli
from edge.adapters.keys import load_keys, read_in_force
from edge.app.bundle_tools import take_bundle
from protocol.errors import UnknownKey
from protocol.fares.tariff import Tariff
from protocol.wire.authority import Trust
from protocol.wire.bundles import Bundle
from protocol.wire.keys import SigningKey, VerifyingKey
from provisioning.adapters import files
from provisioning.app import ceremony, recovering
from provisioning.app.bundles import make_bundle
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.core.bundle_changes import Changes
from provisioning.core.errors import BadPassphrase, BadSetting, FileFailed, NotConfirmed, NotItsAuthority, StillInUse
from provisioning.core.layout import AuthorityFolder, RootFolder
from transport.bundle_folder import BundleFolder

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PASSPHRASE = "saffron ladder ice nine"
DEVICE = "bus-0001-d1"


def later(days: int) -> datetime:
    return NOW + timedelta(days=days)


class Town:
    """A city under a ceremony's root, one device, and the recovery key where it belongs: elsewhere."""

    def __init__(self, tmp_path: Path) -> None:
        self.vault, self.root = tmp_path / "vault", tmp_path / "city"
        root = ceremony.make_root(
            RootFolder(self.vault), city="isfahan", passphrase=PASSPHRASE, now=NOW, randomness=os.urandom,
            confirm=lambda _: None,
        )  # fmt: skip
        self.recovery = ceremony.open_recovery(RootFolder(self.vault), PASSPHRASE)
        given = AuthorityFolder(tmp_path / "out")
        ceremony.make_intermediates(
            given, root, recovery=RootFolder(self.vault).recovery_public.read_bytes(), now=NOW, randomness=os.urandom,
            confirm=lambda _: None,
        )  # fmt: skip
        create_city(
            self.root, name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom, authority=given
        )
        self.enrol(DEVICE)

    def enrol(self, device: str) -> None:
        add_device(self.root, device=device, vehicle=device[:8], door=1, cameras=[("f", "v4l2:0")], now=NOW,
                   randomness=os.urandom)  # fmt: skip

    def read(self, device: str = DEVICE) -> tuple[Bundle, Trust]:
        """As the validator reads its own folder."""
        folder = self.root / "devices" / device
        keys = load_keys(folder / "keys")
        assert keys.recovery is not None
        _, bundle, trust = read_in_force(
            BundleFolder(folder / "bundle"), keys.bundle, city="isfahan", recovery=keys.recovery
        )
        return bundle, trust

    def believed(self, device: str = DEVICE) -> set[str]:
        return {key.id.hex() for key in self.read(device)[1].keys}

    def signs(self) -> str:
        return SigningKey.from_pem((self.root / "bundle" / "bundle.key.pem").read_bytes()).id.hex()

    def say(self, asked: recovering.Asked, now: datetime = NOW) -> None:
        recovering.take_statement(self.root, recovering.sign_asked(asked, self.recovery), now=now)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_the_bundle_key_is_changed_with_overlap_from_the_office_to_the_card(town: Town) -> None:
    old = town.signs()
    asked, new = recovering.ask_for_new_key(town.root, randomness=os.urandom)
    assert town.believed() == {old}  # asking changes nothing
    town.say(asked)
    assert town.believed() == {old, new}
    assert town.signs() == old
    with pytest.raises(StillInUse, match="not have heard"):
        recovering.use_bundle_key(town.root, new, now=later(1))
    recovering.use_bundle_key(town.root, new, now=later(36))
    assert (town.signs(), town.read()[0].number) == (new, 3)
    with pytest.raises(StillInUse, match="in circulation"):
        recovering.ask_without_key(town.root, old, now=later(36 + 119))
    town.say(recovering.ask_without_key(town.root, old, now=later(36 + 120)), later(156))
    assert town.believed() == {new}
    assert [key.id.hex() for key in bundle_keys(town.root / "backend" / "keys")] == [new]
    make_bundle(town.root, Changes(flat_fare_rials=1), now=later(157))  # and the city goes on
    assert town.read()[0].tariff.flat_fare_rials == 1
    town.enrol("bus-0002-d1")
    assert town.believed("bus-0002-d1") == {new}


def test_the_key_that_signs_and_the_only_one_are_never_withdrawn(town: Town) -> None:
    with pytest.raises(StillInUse, match="only"):
        recovering.ask_without_key(town.root, town.signs(), now=later(999), anyway=True)
    asked, new = recovering.ask_for_new_key(town.root, randomness=os.urandom)
    town.say(asked)
    with pytest.raises(StillInUse, match="may still sign"):
        recovering.ask_without_key(town.root, town.signs(), now=later(999), anyway=True)
    sneaky = recovering.Asked("isfahan", 2, 1, tuple(key for key in asked.bundle_keys if key_id(key) == new))
    with pytest.raises(StillInUse, match="signed by a key that it withdraws"):
        town.say(sneaky)


def key_id(public: bytes) -> str:
    return VerifyingKey.load(public).id.hex()


def test_a_word_of_anybody_else_is_not_taken(town: Town) -> None:
    """Attack: signed by the bundle key alone, by another recovery key, or an old one again."""
    asked, new = recovering.ask_for_new_key(town.root, randomness=os.urandom)
    bundle_key = SigningKey.from_pem((town.root / "bundle" / "bundle.key.pem").read_bytes())
    for forger in (bundle_key, SigningKey.from_secret(b"f" * 32)):
        with pytest.raises(NotItsAuthority, match="UnknownKey"):
            recovering.take_statement(town.root, recovering.sign_asked(asked, forger), now=NOW)
    town.say(asked)
    recovering.use_bundle_key(town.root, new, now=NOW, anyway=True)
    with pytest.raises(NotItsAuthority, match=r"NumberReused|RolledBack"):
        town.say(recovering.Asked("isfahan", 1, 1, asked.bundle_keys[:1]))
    assert town.believed() == {key_id(key) for key in asked.bundle_keys}


def test_an_incarnation_is_announced_and_never_goes_back(town: Town) -> None:
    assert town.read()[0].incarnation == 1
    town.say(recovering.ask_for_incarnation(town.root, 1_796_000_000_000))
    assert town.read()[0].incarnation == 1_796_000_000_000
    with pytest.raises(BadSetting, match="already"):
        recovering.ask_for_incarnation(town.root, 1_796_000_000_000)
    with pytest.raises(NotItsAuthority, match="RolledBack"):
        town.say(recovering.Asked("isfahan", 2, 5, (SigningKey.from_pem(
            (town.root / "bundle" / "bundle.key.pem").read_bytes()).public,)))  # fmt: skip


def test_a_bus_that_was_away_is_led_over_the_kept_bridge(town: Town, tmp_path: Path) -> None:
    away = tmp_path / "away"
    (town.root / "devices" / DEVICE).rename(away)
    old = town.signs()
    asked, new = recovering.ask_for_new_key(town.root, randomness=os.urandom)
    town.say(asked)
    recovering.use_bundle_key(town.root, new, now=later(36))
    town.say(recovering.ask_without_key(town.root, old, now=later(999)), later(999))
    keys = load_keys(away / "keys")

    def take(depot: Path) -> int:
        found, _ = take_bundle(away / "bundle", depot, keys.bundle, city="isfahan", recovery=keys.recovery)
        return found.number

    with pytest.raises(UnknownKey):
        take(town.root / "backend" / "bundle")
    (bridge,) = (town.root / "bundle" / "bridges").iterdir()
    assert take(bridge) == 2
    assert take(town.root / "backend" / "bundle") == 4


def test_a_word_that_was_interrupted_is_taken_by_calling_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, new = recovering.ask_for_new_key(town.root, randomness=os.urandom)
    write, at = files.replace, 0

    def failing(path: Path, *more: Any, **named: Any) -> None:
        nonlocal at
        at -= 1
        if at < 0:
            raise FileFailed("no more room")
        write(path, *more, **named)

    for count in range(40):
        at = count
        monkeypatch.setattr(files, "replace", failing)
        try:
            town.say(asked)
        except FileFailed:
            monkeypatch.undo()
            assert town.signs() in town.believed()  # whatever is interrupted, the card reads what it has
            continue
        monkeypatch.undo()
        break
    else:
        pytest.fail("it was never done")
    assert count > 5
    bridge = max((town.root / "bundle" / "bridges").iterdir(), key=lambda path: int(path.name))
    newest = (town.root / "backend" / "bundle" / "manifest.cose").read_bytes()
    assert (bridge / "manifest.cose").read_bytes() == newest
    assert town.believed() == {town.signs(), new}


def test_a_city_without_a_ceremony_has_no_recovery_key_and_says_so(tmp_path: Path) -> None:
    root = tmp_path / "city"
    create_city(root, name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom)
    with pytest.raises(FileFailed, match="without a ceremony"):
        recovering.ask_for_new_key(root, randomness=os.urandom)


def test_the_whole_by_its_commands(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen: list[str] = []
    echo = cli_authority.click.echo
    monkeypatch.setattr(cli_authority.click, "echo", lambda text="", **more: (screen.append(str(text)), echo(text)))
    answers: dict[str, str] = {"Passphrase": PASSPHRASE}

    def prompt(asked: str, **_more: object) -> str:
        digest = [line for line in screen if line.startswith("digest")][-1]
        return answers.get(asked.split(maxsplit=1)[0], digest[-4:])

    monkeypatch.setattr(cli_authority.click, "prompt", prompt)

    def run(*words: object) -> None:
        done = CliRunner().invoke(cli, list(map(str, words)))
        assert done.exit_code == 0, (done.output, done.exception)

    old = town.signs()
    run("provision", "bundle-key", "add", town.root, "--ask", tmp_path / "ask.json")
    run("authority", "announce", town.vault, tmp_path / "ask.json", tmp_path / "said.cose")
    run("provision", "announce", town.root, tmp_path / "said.cose")
    (new,) = town.believed() - {old}
    run("provision", "bundle-key", "use", town.root, new, "--anyway")
    run("provision", "bundle-key", "withdraw", town.root, old, "--ask", tmp_path / "ask-2.json", "--anyway")
    run("provision", "restored", town.root, "1796000000000", "--ask", tmp_path / "ask-3.json")
    run("authority", "announce", town.vault, tmp_path / "ask-3.json", tmp_path / "said-3.cose")
    run("provision", "announce", town.root, tmp_path / "said-3.cose")
    assert town.read()[0].incarnation == 1_796_000_000_000
    answers["Compared?"] = "zzzz"
    done = CliRunner().invoke(
        cli_authority.command, ["announce", *map(str, (town.vault, tmp_path / "ask-2.json", tmp_path / "no"))]
    )
    assert isinstance(done.exception, NotConfirmed)
    answers |= {"Passphrase": "wrong"}
    answers.pop("Compared?")
    done = CliRunner().invoke(
        cli_authority.command, ["announce", *map(str, (town.vault, tmp_path / "ask-2.json", tmp_path / "no"))]
    )
    assert isinstance(done.exception, BadPassphrase)
    assert not (tmp_path / "no").exists()
