"""A statement on paper: looked at by people once (docs/pictures), held here to its pages and its bytes."""

import re

from backend.adapters.paper.statement_pdf import statement_pdf
from backend.core.settlement.lines import Line
from backend.core.settlement.parties import Party, Role
from backend.core.settlement.telling import PartyStatement, Row
from backend.core.settlement.words import rials_text

DAY = 20786


def made(rows: int, role: Role = Role.OPERATOR) -> PartyStatement:
    row = Row(DAY, "bus-1", Line.PROXIES, None, -70_000, 50_000, 20_000)
    return PartyStatement(Party(role, "metro"), DAY, bytes(32), (row,) * rows)


def pages(document: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", document))


def test_the_same_statement_is_the_same_bytes_and_each_language_its_own() -> None:
    first, again, english = (statement_pdf(made(3), "مترو", language) for language in ("fa", "fa", "en"))
    assert first == again
    assert first.startswith(b"%PDF-")
    assert b"/Lang (fa)" in first
    assert b"/Lang (en)" in english


def test_many_rows_take_pages_and_none_take_one() -> None:
    assert [pages(statement_pdf(made(rows), "مترو", "fa")) for rows in (0, 1, 60)] == [1, 1, 2]


def test_rials_are_written_as_people_here_read_them() -> None:
    assert rials_text(1_234_567, "fa") == "۱٬۲۳۴٬۵۶۷"
    assert rials_text(-1_234, "fa") == "\u200e−۱٬۲۳۴"  # else the minus would stand behind it
    assert rials_text(-1_234, "en") == "-1,234"
