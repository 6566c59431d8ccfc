"""An issue of cards as two people decide it: nobody prints himself a card. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from backend.core.cards.kinds import CardKind, Terms, require_count
from backend.core.staff.errors import Unfit
from backend.core.staff.two_people import require_words
from protocol.fares.tariff import RiderClass
from protocol.jalali import day_text
from protocol.wire import cbor


@dataclass(frozen=True, slots=True)
class CardIssue:
    """So many cards of these terms. `document`: where the office keeps who gets them, or what was shown; no copy of it.

    Raises Unfit.
    """

    kind: str
    rider_class: int
    first_day: int
    last_day: int
    rides_a_day: int
    count: int
    document: str

    def __post_init__(self) -> None:
        require_words("document", self.document)
        require_count(self.count)
        _ = self.terms  # raises for what no card can be

    @property
    def terms(self) -> Terms:
        """What all of them have in common. Raises Unfit."""
        try:
            kind = CardKind(self.kind)
        except ValueError as error:
            raise Unfit("there are no cards of this kind", fix=", ".join(it.value for it in CardKind)) from error
        return Terms(kind, self.rider_class, self.first_day, self.last_day, self.rides_a_day)

    @property
    def subject(self) -> str:
        """It is found by its proposal alone."""
        return ""

    @property
    def content(self) -> bytes:
        """Canonical."""
        return cbor.encode([
            self.kind, self.rider_class, self.first_day, self.last_day, self.rides_a_day, self.count, self.document
        ])  # fmt: skip

    def words(self) -> Mapping[str, str | int]:
        """For who reads it."""
        return {
            "card_kind": self.kind, "rider_class": self.rider_class, "class_name": RiderClass(self.rider_class).word,
            "from": day_text(self.first_day), "until": day_text(self.last_day), "rides_a_day": self.rides_a_day,
            "count": self.count, "document": self.document,
        }  # fmt: skip
