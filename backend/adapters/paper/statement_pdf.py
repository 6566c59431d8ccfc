"""A party's statement as a page to print and sign: right to left in Persian, left to right in English.

The same statement gives the same bytes: its date is the settled day's.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from fpdf import FPDF
from fpdf.enums import TextDirection, XPos, YPos

from backend.adapters.paper.fonts import WEIGHTS, font_file
from backend.core.settlement import words
from backend.core.settlement.parties import Role
from backend.core.settlement.telling import PartyStatement, Row
from backend.core.settlement.words import Language, digits_text, rials_text
from protocol.jalali import day_text
from protocol.localtime import day_begins_ms

_FONT: Final = "Vazirmatn"
_MARGIN_MM: Final = 15
_BODY_PT: Final = 9
_ROW_MM: Final = 6
_WIDTHS_MM: Final = (20, 22, 60, 28, 26, 24)  # of OF_DAY, VEHICLE, LINE, INCOME, PART, HELD: what A4 leaves


class _Page(FPDF):
    """A4 with a foot: the statement's hash, and which page it is."""

    def __init__(self, statement: PartyStatement, language: Language) -> None:
        super().__init__(format="A4")
        self._statement, self.language = statement, language
        self.rtl = language == "fa"
        for style in WEIGHTS:
            self.add_font(_FONT, style, font_file(style))
        self.set_font(_FONT, size=_BODY_PT)
        self.set_text_shaping(use_shaping_engine=True, direction=TextDirection.RTL if self.rtl else TextDirection.LTR)
        self.set_margins(_MARGIN_MM, _MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=_MARGIN_MM + 8)
        self.set_creation_date(datetime.fromtimestamp(day_begins_ms(statement.day) / 1000, UTC))
        self.set_title(f"{words.TITLE[language]} {statement.party} {day_text(statement.day)}")
        self.set_lang(language)
        self.alias_nb_pages("{of}")

    def say(self, text: str, size: float = _BODY_PT, style: str = "") -> None:
        """One line, from the side where reading begins."""
        self.set_font(_FONT, style, size)
        self.multi_cell(
            0, size * 0.6, text, align="R" if self.rtl else "L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )  # fmt: skip

    def footer(self) -> None:
        """On every page."""
        self.set_y(-_MARGIN_MM)
        self.set_font(_FONT, size=7)
        with self.local_context():
            self.set_text_shaping(use_shaping_engine=True, direction=TextDirection.LTR)
            self.cell(0, 4, self._statement.hash.hex(), align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        number = digits_text(str(self.page_no()), self.language)
        self.cell(0, 4, f"{words.HASH[self.language]} — {number}", align="C")


def statement_pdf(statement: PartyStatement, title: str, language: Language) -> bytes:
    """The PDF. `title`: the party's name as people write it."""
    page = _Page(statement, language)
    page.add_page()
    page.say(words.TITLE[language], 16, "B")
    page.say(f"{words.ROLES[statement.party.role][language]}: {title}", 12)
    page.say(f"{words.DAY[language]}: {digits_text(day_text(statement.day), language)}", 11)
    page.ln(4)
    if statement.rows:
        _table(page, statement, language)
    else:
        page.say(words.NOTHING[language])
    page.ln(4)
    owes = statement.party.role in (Role.CITY, Role.DRIVER)
    total = (words.TOTAL_OWED if owes else words.TOTAL)[language]
    page.say(
        f"{total}: {rials_text(statement.total_rials, language)} {'ریال' if language == 'fa' else 'rials'}", 12, "B"
    )
    if any(row.held_rials for row in statement.rows):
        page.ln(2)
        page.say(words.HELD_WHY[language], 8)
    return bytes(page.output())


def _table(page: _Page, statement: PartyStatement, language: Language) -> None:
    """Rows of cells; the head again on each page. fpdf2's own tables measure each word twice: pages take seconds."""
    head = [it[language] for it in (words.OF_DAY, words.VEHICLE, words.LINE, words.INCOME, words.PART, words.HELD)]
    _row(page, head, head=True)
    for row in statement.rows:
        if page.will_page_break(_ROW_MM):
            page.add_page()
            _row(page, head, head=True)
        _row(page, _cells(row, statement.day, language), head=False)


def _row(page: _Page, cells: Sequence[str], *, head: bool) -> None:
    page.set_font(_FONT, "B" if head else "", _BODY_PT)
    page.set_fill_color(232, 238, 242)
    begins, ends = ("R", "L") if page.rtl else ("L", "R")
    drawn = [*zip(cells, _WIDTHS_MM, [begins] * 3 + [ends] * 3, strict=True)]
    for text, width, align in drawn[::-1] if page.rtl else drawn:
        page.cell(width, _ROW_MM, text, border="B", align=align, fill=head)
    page.ln(_ROW_MM)


def _cells(row: Row, day: int, language: Language) -> list[str]:
    line = words.LINES[row.line][language]
    if row.payer is not None and row.payer.startswith("city:class:"):
        line += f" {digits_text(row.payer.rpartition(':')[2], language)}"
    if row.of_day < day:
        line += f" ({words.ADJUSTMENT[language]})"
    return [
        digits_text(day_text(row.of_day), language), row.vehicle, line,
        *(rials_text(it, language) for it in (row.rials, row.part_rials, row.held_rials)),
    ]  # fmt: skip
