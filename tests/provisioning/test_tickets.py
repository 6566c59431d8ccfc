"""Issuing bearer tickets: what is printed is what a reader takes, what is listed rides nowhere, nothing is overwritten."""

import csv
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from click.testing import CliRunner

from backend.adapters.issued_tickets import IssuedTickets
from cli.tickets import command
from protocol.fares.tariff import RiderClass, Tariff
from protocol.localtime import service_day
from protocol.wire.codes import read_code
from protocol.wire.keys import SigningKey
from protocol.wire.tickets import TicketForm, open_ticket
from provisioning.app.city import create_city
from provisioning.app.tickets import Terms, TicketsMade, make_tickets
from provisioning.core.errors import BadSetting, TicketsExist

NOW = datetime(2026, 9, 1, tzinfo=UTC)
CARD = Terms(TicketForm.CARD, RiderClass.SENIOR, 0, 20_719, 20_748, 4)
SINGLE = Terms(TicketForm.SINGLE, RiderClass.ADULT, 0, 20_719, 20_719, 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(4, 60_000), now=NOW, randomness=Random(3).randbytes)
    return tmp_path / "city"


def issue(root: Path, name: str, terms: Terms = SINGLE, *, count: int = 3, issuer: str = "main") -> TicketsMade:
    return make_tickets(
        root,
        name,
        terms,
        count=count,
        issuer=issuer,
        now=NOW,
        randomness=Random(name).randbytes,
        draw=lambda _: "<svg/>",
    )


def issuer_of(root: Path) -> SigningKey:
    return SigningKey.from_pem((root / "issuers" / "main.key.pem").read_bytes())


def codes(made: TicketsMade) -> dict[str, str]:
    return {row["id"]: row["code"] for row in csv.DictReader(made.codes.read_text().splitlines())}


def test_what_is_printed_is_what_a_reader_takes(root: Path) -> None:
    made = issue(root, "seniors-1", CARD)
    opened = {
        ident: open_ticket(read_code(code.encode()), [issuer_of(root).verifying]) for ident, code in codes(made).items()
    }
    assert len(opened) == made.count == 3
    for ident, ticket in opened.items():
        assert ticket.ticket_id.hex() == ident
        assert Terms(ticket.form, RiderClass(ticket.rider_class), ticket.product, ticket.first_day, ticket.last_day, ticket.rides_a_day) == CARD  # fmt: skip


def test_the_list_names_every_ticket_and_nothing_that_could_be_ridden(root: Path) -> None:
    made = issue(root, "seniors-1", CARD)
    text = made.listed.read_text()
    listed = json.loads(text)
    assert listed["ids"] == list(codes(made))
    assert (listed["issuer"], listed["rides_a_day"], listed["days"]) == (
        issuer_of(root).public.hex(), 4, "1405/07/01 - 1405/07/30",
    )  # fmt: skip
    for code in codes(made).values():
        assert code not in text
        assert read_code(code.encode())[16:].hex() not in text  # the issuer's signature


@pytest.mark.parametrize("terms", [SINGLE, CARD, Terms(TicketForm.STRIP, RiderClass.CHILD, 0, 20_719, 20_730, 0)])
def test_the_list_is_what_the_office_reads(root: Path, terms: Terms) -> None:
    """Name, issuer and every term: else the office takes what was sold for a case."""
    made = issue(root, "issue-1", terms)
    office = IssuedTickets(made.listed.parent)
    for code in codes(made).values():
        ticket = open_ticket(read_code(code.encode()), [issuer_of(root).verifying])
        found = office.find(ticket.ticket_id)
        assert found is not None
        assert (found.name, found.issuer, found.names(ticket)) == ("issue-1", issuer_of(root).verifying, True)


def test_tickets_whose_last_day_is_over_are_not_printed(root: Path) -> None:
    """A year that was mistyped: a sheet as good as cash, that nobody can ride by."""
    with pytest.raises(BadSetting, match="is over") as caught:
        issue(root, "late", replace(SINGLE, first_day=20_000, last_day=service_day(int(NOW.timestamp() * 1000)) - 1))
    assert "year" in caught.value.fix
    assert not (root / "backend" / "tickets" / "late.json").exists()


def test_each_ticket_of_the_sheet_has_its_own_code_id_class_and_days(root: Path) -> None:
    made = make_tickets(
        root,
        "seniors-1",
        CARD,
        count=2,
        issuer="main",
        now=NOW,
        randomness=Random(1).randbytes,
        draw=lambda text: f"<svg>{text}</svg>",
    )
    blocks = made.sheet.read_text(encoding="utf-8").split('<div class="ticket">')[1:]
    assert len(blocks) == 2
    for block, (ident, code) in zip(blocks, codes(made).items(), strict=True):
        for what in (
            ident,
            f"<svg>{code}</svg>",
            "سالمند",
            "senior",
            "۱۴۰۵/۰۷/۰۱",
            "1405/07/01 – 1405/07/30",
            "4 rides a day",
        ):
            assert what in block, what


@pytest.mark.parametrize(
    ("name", "issuer"), [("../up", "main"), ("-x", "main"), ("singles", "../backend/keys/receipt")]
)
def test_no_name_leads_out_of_the_citys_folder(root: Path, name: str, issuer: str) -> None:
    with pytest.raises(BadSetting):
        issue(root, name, issuer=issuer)
    assert not (root / "backend" / "tickets").exists()


def test_codes_are_as_private_as_keys(root: Path) -> None:
    made = issue(root, "singles")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (made.codes, made.sheet)] == [0o600, 0o600]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (made.codes.parent, made.codes.parents[1])] == [0o700, 0o700]


def test_the_sheet_says_in_persian_what_it_is(root: Path) -> None:
    sheet = issue(root, "singles").sheet.read_text(encoding="utf-8")
    assert '<html lang="fa" dir="rtl">' in sheet
    assert sheet.count("بلیت تک‌سفره") == sheet.count("<svg/>") == 3
    assert "از ۱۴۰۵/۰۷/۰۱ تا ۱۴۰۵/۰۷/۰۱" in sheet
    assert "روزی ۴ سفر" in issue(root, "cards", CARD).sheet.read_text(encoding="utf-8")


def test_no_issue_overwrites_another(root: Path) -> None:
    made = issue(root, "singles")
    before = made.codes.read_bytes(), made.listed.read_bytes()
    with pytest.raises(TicketsExist):
        issue(root, "singles", CARD)
    assert (made.codes.read_bytes(), made.listed.read_bytes()) == before


@pytest.mark.parametrize(
    ("terms", "count", "error"),
    [
        (SINGLE, 0, BadSetting), (SINGLE, 2_001, BadSetting),
        (Terms(TicketForm.CARD, RiderClass.SENIOR, 0, 1, 2, 0), 1, BadSetting),
        (Terms(TicketForm.STRIP, RiderClass.ADULT, 0, 1, 2, 1), 1, BadSetting),
        (Terms(TicketForm.SINGLE, RiderClass.ADULT, 0, 2, 1, 0), 1, BadSetting),
    ],
)  # fmt: skip
def test_what_cannot_be_issued_leaves_nothing(root: Path, terms: Terms, count: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        issue(root, "wrong", terms, count=count)
    assert not (root / "tickets").exists()
    assert not (root / "backend" / "tickets").exists()


def test_an_issuer_that_is_not_there(root: Path) -> None:
    with pytest.raises(BadSetting, match=r"nobody \(there is main\)"):
        issue(root, "singles", issuer="nobody")


def test_the_command_draws_codes_that_a_camera_reads_and_says_none(root: Path) -> None:
    what = "--count 2 --form strip --from 1405/07/01 --until 1499/08/30"
    args = ["make", str(root), "strip-1", *what.split()]
    done = CliRunner().invoke(command, args, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    made = root / "tickets" / "strip-1"
    texts = [row["code"] for row in csv.DictReader((made / "codes.csv").read_text().splitlines())]
    sheet = (made / "sheet.html").read_text(encoding="utf-8")
    for text in texts:
        assert text not in done.output
        symbol = segno.make(text, error="l", micro=False)
        assert symbol.version == 5
        assert symbol.svg_inline(border=4, omitsize=True) in sheet  # exactly this drawing was printed …
        modules = np.pad(1 - np.array(symbol.matrix, np.uint8), 4, constant_values=1) * 255
        picture = cv2.resize(modules, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
        assert [found.text for found in zxingcpp.read_barcodes(picture)] == [text]  # … and this is what it says


@pytest.mark.parametrize("day", ["2026-02-30", "1405/13/01", "1404/12/30", "soon"])
def test_days_are_of_a_calendar(root: Path, day: str) -> None:
    args = ["make", str(root), "x", "--count", "1", "--form", "single", "--from", day, "--until", "1405/08/30"]
    done = CliRunner().invoke(command, args)
    assert done.exit_code == 2
    assert f"{day} is no day; write 1405/09/08" in done.output
