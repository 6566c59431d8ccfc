"""Cards as a PDF to print: vectors, black on white; each on a page of its own size, or ten on a sheet of A4 to cut.

Sizes are of ISO/IEC 7810 ID-1, what purses are made for. The code takes what the height leaves, 48 mm, and there error
correction Q, version 7: a fold or a scratch costs a card modules, and a photocopier's ink, which spreads by tenths of a
millimetre at each copy, wants them large. Measured: docs/CARDS.md. On screens L is better (docs/PROTOCOL.md).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from itertools import groupby
from typing import Final

import segno
from fpdf import FPDF
from fpdf.enums import TextDirection

from backend.adapters.paper.fonts import WEIGHTS, font_file
from backend.core.cards.ports import Printed
from backend.core.cards.words import Face, face_of

CARD_MM: Final = (85.6, 54.0)
CODE_MM: Final = 48.0  # with its quiet zone of four modules
CODE_AT_MM: Final = (3.0, 3.0)  # of its quiet zone, from the card's upper left corner
QUIET_MODULES: Final = 4
_CORRECTION: Final = "q"
_SHEET_MM: Final = (210.0, 297.0)
_COLUMNS, _ROWS = 2, 5
_TEXT_AT_MM: Final = CODE_AT_MM[0] + CODE_MM + 1.0
_TEXT_MM: Final = CARD_MM[0] - _TEXT_AT_MM - 3.0
_OVERLAP_MM: Final = 0.02  # of rows of modules, so that no printer draws a hair between them
_FONT: Final = "Vazirmatn"
_LEAST_PT: Final = 6.0


class Paper(Enum):
    """What it is printed on."""

    CARD = "card"  # a page a card, for a printer of plastic cards
    SHEET = "sheet"  # A4 with lines to cut along


def cards_pdf(cards: Sequence[Printed], paper: Paper, city: str) -> bytes:
    """The PDF: as good as the cards themselves. `city`: printed below, as the configuration names it."""
    page = _page(CARD_MM if paper is Paper.CARD else _SHEET_MM)
    page.set_creation_date(datetime.fromtimestamp(max(it.card.made_ms for it in cards) / 1000, UTC))
    for number, it in enumerate(cards):
        if paper is Paper.CARD:
            page.add_page()
            at = (0.0, 0.0)
        else:
            place = number % (_COLUMNS * _ROWS)
            if place == 0:
                page.add_page()
                _cut_lines(page)
            at = _place(place)
        _draw(page, at, it, city)
    return bytes(page.output())


def _page(size_mm: tuple[float, float]) -> FPDF:
    page = FPDF(unit="mm", format=size_mm)
    for style in WEIGHTS:
        page.add_font(_FONT, style, font_file(style))
    page.set_auto_page_break(auto=False)
    page.set_margin(0)
    page.set_lang("fa")
    page.set_title("Savar")
    return page


def _place(place: int) -> tuple[float, float]:
    """Where on a sheet a card lies, by columns and rows."""
    left, top = ((_SHEET_MM[axis] - (_COLUMNS, _ROWS)[axis] * CARD_MM[axis]) / 2 for axis in (0, 1))
    return left + place % _COLUMNS * CARD_MM[0], top + place // _COLUMNS * CARD_MM[1]


def _cut_lines(page: FPDF) -> None:
    page.set_line_width(0.1)
    left, top = _place(0)
    for column in range(_COLUMNS + 1):
        x = left + column * CARD_MM[0]
        page.line(x, top, x, top + _ROWS * CARD_MM[1])
    for row in range(_ROWS + 1):
        y = top + row * CARD_MM[1]
        page.line(left, y, left + _COLUMNS * CARD_MM[0], y)


def _draw(page: FPDF, at: tuple[float, float], it: Printed, city: str) -> None:
    left, top = at
    _draw_code(page, left + CODE_AT_MM[0], top + CODE_AT_MM[1], it.code)
    face = face_of(it.card)
    down = top + CODE_AT_MM[1]
    for text, size, bold, rtl in _lines(face, city):
        down += _say(page, (left + _TEXT_AT_MM, down), text, size, bold=bold, rtl=rtl)


def _lines(face: Face, city: str) -> list[tuple[str, float, bool, bool]]:
    """Text, points, whether bold, whether from the right; the kind can be read by who cannot read small print."""
    (kind_fa, kind_en), who = face.kind, face.who
    return [
        (kind_fa, 26, True, True), (kind_en, 9, False, False),
        *([(who[0], 12, True, True), (who[1], 7, False, False)] if who else []),
        (face.until[0], 13, True, True), (face.until[1], 8, False, False),
        (face.rides[0], 9, False, True), (face.rides[1], 7, False, False),
        (face.number[0], 11, True, False), (f"{face.number[1]}  {city}", 6.5, False, False),
    ]  # fmt: skip


def _say(page: FPDF, at: tuple[float, float], text: str, size: float, *, bold: bool, rtl: bool) -> float:
    """One line in the text's column, smaller where it would not fit → how far down the next one is, mm."""
    direction = TextDirection.RTL if rtl else TextDirection.LTR
    page.set_text_shaping(use_shaping_engine=True, direction=direction)
    page.set_font(_FONT, "B" if bold else "", size)
    while size > _LEAST_PT and page.get_string_width(text) > _TEXT_MM - 1:
        size -= 0.5
        page.set_font_size(size)
    high = size * 0.46
    page.set_xy(*at)
    page.cell(_TEXT_MM, high, text, align="R")
    return high


def _draw_code(page: FPDF, left: float, top: float, code: str) -> None:
    """Its modules, as rows of rectangles."""
    rows = segno.make(code, error=_CORRECTION, micro=False).matrix
    module = CODE_MM / (len(rows) + 2 * QUIET_MODULES)
    page.set_fill_color(0)
    for down, row in enumerate(rows):
        across = 0
        for dark, run in groupby(row):
            wide = len(list(run))
            if dark:
                page.rect(
                    left + (QUIET_MODULES + across) * module, top + (QUIET_MODULES + down) * module, wide * module,
                    module + _OVERLAP_MM, style="F",
                )  # fmt: skip
            across += wide
