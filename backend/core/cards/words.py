"""What is printed on a card, in Persian and English: one table. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from persiantools import digits

from backend.core.cards.card import Card, grouped
from backend.core.cards.kinds import CardKind
from backend.core.explaining.terms import RIDER_CLASSES
from protocol.jalali import day_text
from protocol.plurals import counted

KINDS: Mapping[CardKind, tuple[str, str]] = {
    CardKind.CONCESSION: ("تخفیف", "Concession card"),
    CardKind.SENIOR: ("سالمند", "Senior card"),
    CardKind.SCHOOL: ("مدرسه", "School card"),
    CardKind.SINGLE: ("یک سفر", "Single ride"),
    CardKind.STRIP: ("یک سفر", "One ride of a strip"),
}


@dataclass(frozen=True, slots=True)
class Face:
    """What a card says beside its code, in Persian and in English; its number in the digits of both."""

    kind: tuple[str, str]
    who: tuple[str, str] | None  # the class, where a kind may be of several
    until: tuple[str, str]
    rides: tuple[str, str]
    number: tuple[str, str]


def face_of(card: Card) -> Face:
    """A card's words."""
    terms = card.terms
    day, number = day_text(terms.last_day), grouped(card.number)
    times = terms.rides_a_day
    who = RIDER_CLASSES[terms.rider_class] if len(terms.shape.classes) > 1 else None
    rides = (f"روزی {_fa(str(times))} سفر در هر اتوبوس", f"{counted(times, 'ride')} a day on each bus")
    return Face(
        KINDS[terms.kind], who, (f"تا {_fa(day)}", f"until {day}"),
        rides if times else ("یک بار برای همیشه", "good once"), (_fa(number), number),
    )  # fmt: skip


def _fa(text: str) -> str:
    return str(digits.en_to_fa(text))
