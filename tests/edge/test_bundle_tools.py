"""`savar bundle`: a depot's bundle onto a card, by the commands a technician types (P12)."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from edge.adapters.keys import load_bundle, load_keys
from edge.app.bundle_tools import take_bundle
from edge.core.errors import KeyMissing
from protocol.errors import NumberReused, RolledBack, UnknownKey, WrongHash
from protocol.fares.tariff import Tariff
from protocol.wire.bundles import Bundle
from protocol.wire.keys import VerifyingKey
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from transport.bundle_folder import BundleFolder
from transport.errors import BundleBusy, BundleFailed

DEVICE = "bus-1-d1"


class Yard:
    """A city, one device's card carried away from it, and the commands."""

    def __init__(self, root: Path) -> None:
        now = datetime.now(UTC)
        self.city, self.card, self.depot = root / "city", root / "card", root / "depot"
        create_city(self.city, name="isfahan", tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
        add_device(
            self.city, device=DEVICE, vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=now, randomness=os.urandom
        )
        shutil.move(self.city / "devices" / DEVICE, self.card)

    def make(self, *options: str) -> dict:
        found = run("make", str(self.city), *options)
        shutil.rmtree(self.depot, ignore_errors=True)
        shutil.copytree(self.city / "backend" / "bundle", self.depot)
        return found

    def take(self, depot: Path | None = None) -> dict:
        return run("take", str(depot or self.depot), "--config", str(self.card / "validator.toml"))

    @property
    def key(self) -> VerifyingKey:
        return load_keys(self.card / "keys").bundle

    def bundle(self) -> Bundle:
        return load_bundle(self.card / "bundle", self.key, city="isfahan")

    def take_by_hand(self, depot: Path) -> None:
        take_bundle(self.card / "bundle", depot, self.key, city="isfahan")


def run(*words: str) -> dict:
    result = CliRunner().invoke(cli, ["bundle", *words, "--json", "-"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_the_office_makes_it_the_depot_brings_it_the_card_has_it(yard: Yard) -> None:
    made = yard.make("--fare", "70000", "--deny", "0102030405060708=3")
    assert (made["bundle_number"], made["folder_away"]) == (2, [DEVICE])
    taken = yard.take()
    assert (taken["bundle_number"], taken["new_chunks"]) == (2, 2)  # tariff and deny list; the keys were held
    assert (yard.bundle().tariff.flat_fare_rials, yard.bundle().deny) == (70_000, {bytes(range(1, 9)): 3})
    shown = run("show", "--config", str(yard.card / "validator.toml"))
    assert (shown["bundle_number"], shown["tariffs"][0]["flat_fare_rials"], shown["denied"]) == (2, 70_000, 1)
    read = CliRunner().invoke(cli, ["bundle", "show", "--config", str(yard.card / "validator.toml")])
    assert "70,000 rials" in read.output
    assert "policies         none" in read.output
    assert yard.take()["new_chunks"] == 0


def test_an_older_one_is_not_taken(yard: Yard) -> None:
    yard.make("--fare", "70000")
    old = shutil.copytree(yard.depot, yard.depot.with_name("old"))
    yard.make("--fare", "80000")
    yard.take()
    with pytest.raises(RolledBack):
        yard.take_by_hand(old)
    assert yard.bundle().tariff.flat_fare_rials == 80_000


def test_two_things_under_one_number_are_not_taken(yard: Yard, tmp_path: Path) -> None:
    """An office that was restored from its backup gives numbers out again; that is told, not followed."""
    backup = shutil.copytree(yard.city, tmp_path / "backup")
    yard.make("--fare", "70000")
    yard.take()
    yard.city = backup
    yard.make("--fare", "1")
    with pytest.raises(NumberReused):
        yard.take_by_hand(yard.depot)
    assert yard.bundle().tariff.flat_fare_rials == 70_000


def test_another_citys_is_not_taken(yard: Yard, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    create_city(tmp_path / "other", name="isfahan", tariff=Tariff(1, 1), now=now, randomness=os.urandom)
    with pytest.raises(UnknownKey):
        yard.take_by_hand(tmp_path / "other" / "backend" / "bundle")


@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_a_stick_with_a_bad_chunk_changes_nothing(yard: Yard, damage: str) -> None:
    yard.make("--fare", "70000", "--deny", "0102030405060708=3")
    held = {path.name for path in (yard.card / "bundle" / "chunks").iterdir()}
    bad = next(path for path in (yard.depot / "chunks").iterdir() if path.name not in held)
    data = bytearray(bad.read_bytes())
    data[3] ^= 1
    bad.unlink()
    if damage == "flipped":
        bad.write_bytes(data)
    with pytest.raises(WrongHash if damage == "flipped" else BundleFailed):
        yard.take_by_hand(yard.depot)
    assert yard.bundle().number == 1


def test_a_card_that_lost_a_chunk_gets_it_back_from_the_same_bundle(yard: Yard) -> None:
    yard.make("--fare", "70000")
    yard.take()
    next((yard.card / "bundle" / "chunks").iterdir()).write_bytes(b"rot")
    with pytest.raises(KeyMissing):
        yard.bundle()
    assert yard.take()["new_chunks"] == 1
    assert yard.bundle().number == 2


def test_a_running_validator_is_not_written_under(yard: Yard) -> None:
    yard.make("--fare", "70000")
    running = BundleFolder(yard.card / "bundle")
    running.hold()
    with pytest.raises(BundleBusy):
        yard.take_by_hand(yard.depot)
    running.release()
    yard.take()


@pytest.mark.parametrize(
    "words",
    [("--deny", "01=3"), ("--deny", "0102030405060708"), ("--allow", "xx02030405060708"), ("--class-share", "student")],
)
def test_what_is_mistyped_is_said(yard: Yard, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, ["bundle", "make", str(yard.city), *words])
    assert result.exit_code == 2
    assert "Invalid value" in result.output
