"""One boarding in the words of the two doors of a bus, and as each of them remembers it. Pure."""

from edge.core.accepted import Accepted, RecordId
from edge.core.window import Earlier
from protocol.wire.records import Tap
from protocol.wire.sister import FreshBoarding


def accepted_there(b: FreshBoarding) -> Accepted:
    """What the other door tells → what is remembered of it here."""
    return Accepted(
        b.presentation, b.wall_ms, b.party, b.door, b.adult_rials, b.permille, b.cap_permille, b.fare_rials, b.verdict,
        b.reason, b.tariff_version, b.annulled, b.along, None if b.closes is None else RecordId(*b.closes),
    )  # fmt: skip


def as_told(record: RecordId, earlier: Earlier) -> FreshBoarding:
    """What is remembered → what the other door is told of it."""
    it = earlier.accepted
    return FreshBoarding(
        *record, it.presentation, it.party, it.door, it.wall_ms, earlier.age_ms, *it.share, it.fare_rials, it.verdict,
        it.reason, it.tariff_version, it.annulled, it.along, it.closes,
    )  # fmt: skip


def says_the_same(tap: Tap, told: Accepted) -> bool:
    """Whether a boarding that was told is the one of this record, as far as a record shows without its seal."""
    of_record = (tap.verdict, tap.reason, tap.fare_rials, tap.party, tap.tariff_version, tap.closes)
    said = (told.verdict, told.reason, told.fare_rials, told.party, told.tariff_version, told.closes)
    place = told.along is None or (told.along.line, told.along.metres) == (tap.fare_line, tap.metres)
    return of_record == said and place
