"""The window of paid boardings, by itself: in doubt a boarding is young, and what is past keeping is gone."""

import pytest

from edge.core.accepted import UNKNOWN_MS, Accepted, RecordId
from edge.core.window import Earlier, Window
from protocol.wire.passes import Presentation
from protocol.wire.records import ClockQuality, Instant
from tests.edge.door import paid

NOW_MS, MONO_MS = 1_790_000_000_000, 5_000_000
RIDER = b"rider---"


def now(after_ms: int = 0, quality: ClockQuality = ClockQuality.TRUSTED) -> Instant:
    return Instant(NOW_MS + after_ms, MONO_MS + after_ms, quality, 1)


def boarding(wall_ms: int, number: int = 1) -> Accepted:
    return paid(Presentation(RIDER, 1_790_000_000, number), wall_ms=wall_ms)


def record(sequence: int) -> RecordId:
    return RecordId(12, sequence)


@pytest.mark.parametrize(
    ("wall_ms", "quality", "age_ms"),
    [
        (NOW_MS - 7_000, ClockQuality.TRUSTED, 7_000),
        (NOW_MS - 7_000, ClockQuality.UNTRUSTED, 0),
        (UNKNOWN_MS, ClockQuality.TRUSTED, 0),
        (UNKNOWN_MS, ClockQuality.UNTRUSTED, 0),
        (NOW_MS + 9_000, ClockQuality.TRUSTED, 0),
    ],
)
def test_a_boarding_whose_age_no_clock_tells_is_young_after_a_restart(
    wall_ms: int, quality: ClockQuality, age_ms: int
) -> None:
    """P7, P10: an age taken from a clock that is not sure would open the window."""
    window = Window(180)
    assert window.load([(4, boarding(wall_ms))], now(quality=quality), epoch=11) == [
        (MONO_MS - age_ms, 4, boarding(wall_ms))
    ]
    earlier = window.of_credential(RIDER, now(1_000))[0]
    assert earlier.age_ms == age_ms + 1_000
    assert list(window.entries(now())) == [(RecordId(11, 4), Earlier(boarding(wall_ms), age_ms, RecordId(11, 4)))]


def test_boardings_are_taken_up_oldest_first_and_those_of_one_age_in_their_order() -> None:
    window = Window(180)
    stored = [(7, boarding(UNKNOWN_MS, 3)), (5, boarding(NOW_MS - 50, 1)), (6, boarding(UNKNOWN_MS, 2))]
    assert [sequence for _, sequence, _ in window.load(stored, now(), epoch=11)] == [5, 6, 7]


def test_what_is_past_keeping_is_forgotten_by_code_and_by_rider() -> None:
    """Plain ids stay for minutes, and no longer."""
    window = Window(180)
    window.told(boarding(NOW_MS), record(1), now(), window.keep_ms)
    assert len(window) == 1
    window.told(boarding(NOW_MS, 2), record(2), now(), window.keep_ms + 1)
    assert len(window) == 1, "older than anything is kept"
    window.note(paid(Presentation(b"another-", 1, 1)), record(3), now(1))
    assert len(window) == 1
    assert window.of_credential(RIDER, now(1)) == []
    assert window.of_presentation(boarding(NOW_MS).presentation, now(1)) is None


def test_of_two_boardings_of_one_moment_the_last_told_counts() -> None:
    window = Window(180)
    for number in (1, 2):
        window.note(boarding(NOW_MS, number), record(number), now())
    earlier = window.of_credential(RIDER, now())[0]
    assert earlier.accepted == boarding(NOW_MS, 2)


def test_a_record_that_a_rolled_back_journal_gave_out_twice_names_two_boardings() -> None:
    """P10, P11: the other door tells of the first, the card has the second in its place; both riders have paid."""
    window = Window(180)
    window.note(boarding(NOW_MS, 1), record(5), now())
    assert window.told(paid(Presentation(b"another-", 1, 1)), record(5), now(), 10)
    assert len(window.of_credential(RIDER, now())) == len(window.of_credential(b"another-", now())) == 1
    window.forget(now(window.keep_ms + 1))
    assert (len(window), list(window.entries(now()))) == (0, [])
