"""The PDF of cards: sizes in millimetres, black vectors on white, every code readable, in a sheet and by itself."""

import re
import zlib
from random import Random

import numpy as np
import pytest
import zxingcpp

from backend.adapters.paper.card_pdf import CARD_MM, CODE_AT_MM, CODE_MM, Paper, cards_pdf
from backend.core.cards.card import Card
from backend.core.cards.kinds import SHAPES, CardKind, Terms
from backend.core.cards.ports import Printed
from backend.core.cards.words import face_of
from protocol.wire.codes import write_code
from protocol.wire.tickets import issue_ticket
from tests.backend.bus import ISSUER, NOON_MS
from tests.backend.cards.office import TODAY
from tests.backend.cards.paper import PX_PER_MM, pages, sizes_mm


def card(kind: CardKind, number: int = 1) -> Printed:
    """One of each kind's first class."""
    shape = SHAPES[kind]
    terms = Terms(kind, int(min(shape.classes)), TODAY, TODAY + 364, min(shape.rides_a_day, 4))
    ticket_id = Random(f"{kind} {number}").randbytes(8)
    raw = issue_ticket(
        ISSUER, ticket_id=ticket_id, form=shape.form, rider_class=terms.rider_class, product=0,
        first_day=terms.first_day, last_day=terms.last_day, rides_a_day=terms.rides_a_day,
    )  # fmt: skip
    return Printed(Card(ticket_id, "x", terms, ISSUER.public, NOON_MS), write_code(raw))


def read(page: np.ndarray) -> list[str]:
    return sorted(it.text for it in zxingcpp.read_barcodes(page))


@pytest.mark.parametrize("kind", CardKind)
def test_a_card_of_every_kind_has_its_size_and_its_code(kind: CardKind) -> None:
    it = card(kind)
    document = cards_pdf([it], Paper.CARD, "isfahan")
    assert sizes_mm(document) == [CARD_MM]
    (page,) = pages(document)
    assert read(page) == [it.code]


def test_ten_cards_lie_on_a_sheet_and_the_eleventh_on_the_next() -> None:
    cards = [card(CardKind.SENIOR, number) for number in range(11)]
    document = cards_pdf(cards, Paper.SHEET, "isfahan")
    assert sizes_mm(document) == [(210.0, 297.0)] * 2
    first, second = pages(document, 8)
    assert (read(first), read(second)) == (sorted(it.code for it in cards[:10]), [cards[10].code])


def test_the_code_is_as_large_as_it_is_said_and_nothing_comes_near_it() -> None:
    """Its quiet zone is white, and so is the card's edge: a cutter that is off by two millimetres cuts no module."""
    (page,) = pages(cards_pdf([card(CardKind.CONCESSION)], Paper.CARD, "isfahan"))
    quiet = CODE_MM * 4 / 53
    dark = page < 128
    left, top, far = (round(it * PX_PER_MM) for it in (*CODE_AT_MM, CODE_MM))
    zone = dark[top : top + far, left : left + far]
    edge = round(quiet * PX_PER_MM) - 1
    inner = zone[edge:-edge, edge:-edge]
    assert zone.sum() == inner.sum()
    rows, columns = np.flatnonzero(inner.any(1)), np.flatnonzero(inner.any(0))
    for found in (rows, columns):
        assert abs((found[-1] - found[0] + 1) / PX_PER_MM - (CODE_MM - 2 * quiet)) < 0.2
    margin = round(2 * PX_PER_MM)
    assert not dark[:margin].any()
    assert not dark[-margin:].any()
    assert not dark[:, :margin].any()
    assert not dark[:, -margin:].any()


def test_the_kind_is_large_enough_for_who_cannot_read_small_print() -> None:
    """A third of the height of what a camera reads; letters of 5 mm and more."""
    (page,) = pages(cards_pdf([card(CardKind.SENIOR)], Paper.CARD, "isfahan"))
    beside = page[:, round((CODE_AT_MM[0] + CODE_MM) * PX_PER_MM) :] < 128
    rows = beside.any(1)
    first = int(np.argmax(rows))
    high = int(np.argmin(rows[first:]))
    assert high / PX_PER_MM >= 5


def test_it_is_black_on_white_in_vectors_with_no_picture() -> None:
    document = cards_pdf([card(CardKind.SENIOR)], Paper.CARD, "isfahan")
    assert b"/Subtype /Image" not in document
    packed = re.findall(rb"/FlateDecode[^>]*>>\s*stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL)
    drawn = b"\n".join(it for it in map(zlib.decompress, packed) if b" re f" in it)
    assert drawn
    assert not re.search(rb" rg\b| RG\b| k\b", drawn)  # no colour: nothing prints in three inks that lie apart
    (page,) = pages(document)
    assert np.mean((page > 40) & (page < 215)) < 0.05


def test_a_card_says_what_it_is_in_both_languages() -> None:
    face = face_of(card(CardKind.SCHOOL).card)
    assert face.kind == ("مدرسه", "School card")
    assert face.until == ("تا ۱۴۰۶/۰۶/۲۹", "until 1406/06/29")
    assert face.who is not None
    assert face.rides[1] == "4 rides a day on each bus"
    assert face.number[1].replace(" ", "") == card(CardKind.SCHOOL).card.number


def test_the_same_cards_are_the_same_bytes() -> None:
    cards = [card(CardKind.STRIP, number) for number in range(3)]
    assert cards_pdf(cards, Paper.SHEET, "isfahan") == cards_pdf(cards, Paper.SHEET, "isfahan")
