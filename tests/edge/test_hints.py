"""The rider is told within a second what would help, and nothing when a code is read or nothing is there."""

from dataclasses import replace

import pytest

from edge.core.hints import TRANSITIONS, Event, Hints, State, reason
from edge.core.limits import CODE_SIDE_MIN_PX, HINT_AFTER_MS, HINT_GONE_MS, HINT_MOST_MS, HINT_QUIET_MS, HINT_STAYS_MS
from edge.core.places import Box
from edge.core.view import Sight, View
from protocol.fares.hints import HINTS, Hint
from protocol.fares.verdicts import TABLE, Lamp

GOOD = Sight(Box(400, 200, 600, 400), 190, 20, 400, 380)
SEEN = View(80, 0, GOOD, read=False)
READ = replace(SEEN, read=True)
EMPTY = View(80, 0, None, read=False)


def play(hints: Hints, view: View, start_ms: int, length_ms: int, every_ms: int = 33) -> list[tuple[int, Hint | None]]:
    """Looks at one unchanging view → what changed, and when."""
    return [
        (now_ms, hints.shown) for now_ms in range(start_ms, start_ms + length_ms, every_ms) if hints.step(view, now_ms)
    ]


@pytest.mark.parametrize("every_ms", [33, 66, 200])
def test_a_code_that_is_not_read_gets_its_hint_within_a_second(every_ms: int) -> None:
    hints = Hints()
    changes = play(hints, SEEN, 5_000, 5_000, every_ms)
    assert [hint for _, hint in changes] == [Hint.HOLD_STILL]
    assert HINT_AFTER_MS <= changes[0][0] - 5_000 < 1_000


def test_a_code_that_is_read_in_time_gets_none() -> None:
    hints = Hints()
    assert play(hints, SEEN, 0, HINT_AFTER_MS - 40) == []
    assert play(hints, READ, HINT_AFTER_MS - 40, 500) == []
    assert play(hints, SEEN, HINT_AFTER_MS + 460, HINT_QUIET_MS - 100) == [], "the verdict's lamp"


def test_the_hint_ends_with_the_read_and_with_the_code() -> None:
    for end, at_once in ((READ, True), (EMPTY, False)):
        hints = Hints()
        play(hints, SEEN, 0, 1_000)
        assert hints.shown is Hint.HOLD_STILL
        changes = play(hints, end, 1_000, 2_000)
        assert [hint for _, hint in changes] == [None]
        assert (changes[0][0] == 1_000) == at_once
        assert changes[0][0] - 1_000 <= HINT_GONE_MS + 33


def test_the_next_rider_gets_a_hint_although_the_one_before_was_read() -> None:
    hints = Hints()
    play(hints, READ, 0, 100)
    play(hints, EMPTY, 100, 600)
    changes = play(hints, SEEN, 700, 2_000)
    assert len(changes) == 1
    assert changes[0][0] - 700 < 1_000


def test_whoever_stays_unread_after_a_read_gets_a_hint_in_the_end() -> None:
    hints = Hints()
    play(hints, READ, 0, 100)
    changes = play(hints, SEEN, 100, 5_000)
    assert [hint for _, hint in changes] == [Hint.HOLD_STILL]
    assert changes[0][0] >= HINT_QUIET_MS


def test_a_hand_that_shakes_is_one_showing() -> None:
    hints = Hints()
    for now_ms in range(0, 1_000, 100):
        hints.step(SEEN if now_ms % 200 == 0 else EMPTY, now_ms)
    assert hints.shown is Hint.HOLD_STILL


def test_a_hint_can_be_read_before_the_next_comes() -> None:
    hints = Hints()
    changes = play(hints, SEEN, 0, 700)
    dim = replace(SEEN, sight=replace(GOOD, white=60))
    changes += play(hints, dim, 700, 3_000)
    assert [hint for _, hint in changes] == [Hint.HOLD_STILL, Hint.BRIGHTER]
    assert changes[1][0] - changes[0][0] >= HINT_STAYS_MS


def test_a_part_of_a_cracked_screen_is_not_told_to_come_closer() -> None:
    part = replace(SEEN, sight=replace(GOOD, box=Box(400, 200, 448, 248)))
    hints = Hints()
    for n in range(40):
        hints.step(SEEN if n == 10 else part, 33 * n)
    assert hints.shown is Hint.HOLD_STILL
    play(hints, EMPTY, 2_000, 1_000)
    play(hints, part, 3_000, 1_000)
    assert hints.shown is Hint.CLOSER, "the next code is another"


def test_what_does_not_help_is_not_said_for_ever() -> None:
    hints = Hints()
    changes = play(hints, SEEN, 0, 60_000)
    assert [hint for _, hint in changes] == [Hint.HOLD_STILL, None]
    assert changes[1][0] - changes[0][0] == pytest.approx(HINT_MOST_MS, abs=40)
    play(hints, EMPTY, 60_000, 1_000)
    assert len(play(hints, SEEN, 61_000, 2_000)) == 1


@pytest.mark.parametrize(
    ("sight", "hint"),
    [
        (replace(GOOD, box=Box(400, 200, 399 + CODE_SIDE_MIN_PX, 260), white=60), Hint.CLOSER),
        (replace(GOOD, white=60), Hint.BRIGHTER),
        (replace(GOOD, black=150), Hint.BRIGHTER),
        (GOOD, Hint.HOLD_STILL),
    ],
)
def test_the_reason_is_what_can_be_seen(sight: Sight, hint: Hint) -> None:
    assert reason(sight, sight.box.side) is hint


def test_the_table_leads_everywhere_and_a_read_leads_to_quiet() -> None:
    assert set(TRANSITIONS.values()) == set(State)
    assert all(TRANSITIONS[state, Event.READ] is State.QUIET for state in State)


def test_every_hint_has_words_in_two_languages_and_the_lamp_that_no_verdict_has() -> None:
    assert set(HINTS) == set(Hint)
    for row in HINTS.values():
        assert row.lamp is Lamp.WHITE
        assert any("\u0600" <= letter <= "\u06ff" for letter in row.rider_fa)
        assert row.rider_en.isascii()
    assert all(row.lamp is not Lamp.WHITE for row in TABLE.values())
