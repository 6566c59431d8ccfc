"""Issuing badges: what is printed opens by the bundle that was made with it, a lost one is denied, nothing is said."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from cli.badges import command
from cli.bundle import command as bundle_command
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from protocol.wire.badges import open_badge
from protocol.wire.codes import read_code
from protocol.wire.keys import SigningKey
from protocol.wire.staff import StaffRow, knows, make_row
from provisioning.app.badges import BadgesMade, make_badges
from provisioning.app.bundles import bundle_in_force, make_bundle
from provisioning.app.city import changing_city, create_city
from provisioning.app.makers import load_key
from provisioning.core.bundle_changes import Changes
from provisioning.core.errors import BadSetting

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(4, 60_000), now=NOW, randomness=Random(3).randbytes)
    drivers = {number: make_row(number, "1234", bytes(16)) for number in ("4021", "5007")}
    make_bundle(tmp_path / "city", Changes(drivers=drivers), now=NOW)
    return tmp_path / "city"


def staff(root: Path) -> dict[str, StaffRow]:
    with changing_city(root) as city:
        return {row.number: row for row in bundle_in_force(city, load_key(city.folder.bundle_key)).bundle.staff}


def issue(root: Path, *numbers: str) -> BadgesMade:
    return make_badges(
        root, numbers, last_day=20_800, issuer="main", now=NOW, randomness=os.urandom, draw=lambda _: "<svg/>"
    )


def test_a_badge_whose_last_day_is_over_takes_no_others_place(root: Path) -> None:
    """Who types a year wrong would leave the driver without any."""
    over = service_day(int(NOW.timestamp() * 1000)) - 1
    with pytest.raises(BadSetting, match="is over"):
        make_badges(root, ["4021"], last_day=over, issuer="main", now=NOW, randomness=os.urandom, draw=str)
    assert not staff(root)["4021"].badge


def test_what_is_printed_is_what_the_list_names(root: Path) -> None:
    made = issue(root, "4021", "5007")
    issuer = SigningKey.from_pem((root / "issuers" / "main.key.pem").read_bytes())
    rows = staff(root)
    for number, page in made.pages.items():
        badge = open_badge(read_code((page.parent / "code.txt").read_bytes()), [issuer.verifying])
        assert (badge.number, badge.badge_id, badge.last_day) == (number, rows[number].badge, 20_800)
        sheet = page.read_text("utf-8")
        assert "<svg/>" in sheet
        assert "کارت راننده" in sheet
        assert [stat.S_IMODE(it.stat().st_mode) for it in (page, page.parent / "code.txt", page.parent, page.parents[1])] == [0o600, 0o600, 0o700, 0o700]  # fmt: skip
    assert rows["4021"].badge != rows["5007"].badge


def test_a_new_badge_denies_the_one_before_and_leaves_it_where_it_lies(root: Path) -> None:
    lost = issue(root, "4021").pages["4021"]
    before = lost.read_bytes()
    first = staff(root)["4021"].badge
    issue(root, "4021")
    assert staff(root)["4021"].badge not in (None, first)
    assert staff(root)["5007"].badge is None
    assert lost.read_bytes() == before


def test_a_lost_badge_opens_nothing_and_a_new_pin_leaves_the_badge(root: Path) -> None:
    issue(root, "4021")
    badge = staff(root)["4021"].badge
    make_bundle(root, Changes(drivers={"4021": make_row("4021", "9876", bytes(16))}, both={"4021": True}), now=NOW)
    row = staff(root)["4021"]
    assert (row.badge, row.both, knows([row], "4021", "9876")) == (badge, True, True)
    args = ["make", str(root), "--badge-gone", "4021", "--badge-or-pin", "4021", "--badge-and-pin", "5007"]
    done = CliRunner().invoke(bundle_command, args, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    rows = staff(root)
    assert [(rows[number].badge, rows[number].both) for number in ("4021", "5007")] == [(None, False), (None, True)]


@pytest.mark.parametrize("numbers", [("9999",), ("4021", "9999"), (), ("4021",) * 501, ("A1",)])
def test_what_cannot_be_issued_leaves_nothing(root: Path, numbers: tuple[str, ...]) -> None:
    before = staff(root)
    with pytest.raises(BadSetting):
        issue(root, *numbers)
    assert staff(root) == before
    assert not list(root.glob("badges/*"))


def test_the_command_says_no_code(root: Path) -> None:
    done = CliRunner().invoke(command, ["make", str(root), "4021", "--until", "1406/06/31"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (code,) = root.glob("badges/4021-*/code.txt")
    assert code.read_text() not in done.output
    assert str(code.parent / "badge.html") in done.output
    assert "<svg" in (code.parent / "badge.html").read_text("utf-8")
