"""`savar cards` at the backend's own machine, from the proposal to the next deny list; no code is ever said."""

import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import zxingcpp
from click.testing import CliRunner, Result

from backend.core.cards.card import number_of
from cli.backend import command as backend
from cli.bundle import command as bundle
from cli.cards import command
from cli.staff import command as staff
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.jalali import day_text
from protocol.wire.codes import read_code
from protocol.wire.keys import VerifyingKey
from protocol.wire.tickets import claimed_ticket_id
from provisioning.app.city import create_city
from tests.backend.cards.door import Door
from tests.backend.cards.paper import pages
from transport.bundle_folder import BundleFolder

TODAY = (datetime.now(UTC).date() - date(1970, 1, 1)) // timedelta(days=1)

FA = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    create_city(
        tmp_path / "city", name="isfahan", tariff=Tariff(4, 60_000), now=datetime.now(UTC),
        randomness=Random(3).randbytes,
    )  # fmt: skip
    found = tmp_path / "city" / "backend" / "backend.toml"
    for name, role in (("sima", "inspector"), ("tara", "operations")):
        done = CliRunner().invoke(staff, [
            "add", name, "--role", role, "--config", str(found), "--out", str(tmp_path / name)
        ])  # fmt: skip
        assert done.exit_code == 0, done.output
    return found


def savar(config: Path, *args: str, by: str = "") -> Result:
    token = ["--token", str(config.parents[2] / by)] if by else []
    return CliRunner().invoke(command, [*args, "--config", str(config), *token], catch_exceptions=False)


def test_a_seniors_card_from_the_proposal_to_the_deny_list(config: Path, tmp_path: Path) -> None:
    days = ["--from", day_text(TODAY), "--until", day_text(TODAY + 300)]
    asked = savar(
        config, "propose", "senior", "--count", "1", *days, "--rides-a-day", "2", "--document", "list 12", "--why",
        "desk", by="sima",
    )  # fmt: skip
    assert asked.exit_code == 0, asked.output
    named = asked.output.split()[-1]
    assert savar(config, "approve", named, by="tara").exit_code == 0
    issue, paper = named.partition(":")[0], tmp_path / "cards.pdf"
    made = savar(config, "print", issue, "--out", str(paper), by="sima")
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(paper.stat().st_mode) == 0o600
    ((sheet),) = pages(paper.read_bytes(), 8)
    (code,) = zxingcpp.read_barcodes(sheet)
    assert code.text not in made.output
    ticket_id = claimed_ticket_id(read_code(code.bytes))
    again = savar(config, "print", issue, "--out", str(paper), by="sima")
    assert (again.exit_code, "name a new file" in again.output) == (1, True)
    listed = savar(config, "list")
    assert "senior" in listed.output
    assert "1 card, 0 blocked" in listed.output
    number = number_of(ticket_id)
    said = " ".join(number[at : at + 4] for at in (0, 4, 8))  # as it is printed
    assert savar(config, "show", said).stdout == savar(config, "show", number).stdout
    assert savar(config, "show", said.translate(FA)).stdout == savar(config, "show", number).stdout
    replaced = savar(config, "replace", number, "--why", "lost", by="sima")
    assert replaced.exit_code == 0, replaced.output
    assert savar(config, "replace", number, "--why", "lost", by="tara").stdout == replaced.stdout
    assert "blocked (lost)" in savar(config, "show", number).output
    denied = tmp_path / "denied"
    done = CliRunner().invoke(backend, ["denied", "--config", str(config), "--deny-file", str(denied)])
    assert done.exit_code == 0, done.output
    assert denied.read_text() == f"{ticket_id.hex()}=255\n"
    assert "card is blocked" in done.output
    root = config.parents[1]
    made = CliRunner().invoke(bundle, ["make", str(root), "--deny-file", str(denied)])
    assert made.exit_code == 0, made.output
    folder = BundleFolder(root / "backend" / "bundle")
    keys = [VerifyingKey.load(bytes.fromhex((root / "backend" / "keys" / "bundle.pub").read_text().split()[0]))]
    _, found = folder.load(keys, city="isfahan")
    door, code_shown = Door(dict(found.deny), found.issuer_keys), code.text.encode()
    assert door.answers(code_shown) == (Verdict.BEARER_DENIED, Reason.DENY_LIST)  # amber: show the driver


def test_who_has_proposed_does_not_approve_and_a_clerk_does_not_at_all(config: Path) -> None:
    days = ["--from", day_text(TODAY), "--until", day_text(TODAY + 9)]
    asked = savar(
        config, "propose", "single", "--count", "2", *days, "--document", "drawer", "--why", "mine", by="tara"
    )  # fmt: skip
    with pytest.raises(Exception, match="who proposed it"):
        savar(config, "approve", asked.output.split()[-1], by="tara")
    with pytest.raises(Exception, match="not for inspector"):
        savar(config, "approve", asked.output.split()[-1], by="sima")
    assert "0 cards" not in savar(config, "list").output


def test_a_class_is_said_where_a_kind_may_be_of_several(config: Path) -> None:
    days = ["--from", day_text(TODAY), "--until", day_text(TODAY + 9)]
    asked = savar(
        config, "propose", "school", "--count", "1", *days, "--rides-a-day", "2", "--document", "class 4", "--why", "a",
        by="sima",
    )  # fmt: skip
    assert (asked.exit_code, "child, student" in asked.output) == (2, True)
