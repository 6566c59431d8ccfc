"""Lamp and tone in time: whole histories, compared step by step (rules S1 to S5)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.core.signals import Level, Signals
from protocol.fares.hints import Hint
from protocol.fares.lights import BUTTON_HOLD_MS, BUTTON_REPEAT_MS, LAMP_DARK_MS, LAMP_HOLD_MS, PANEL_TEST_STEP_MS
from protocol.fares.tones import GAP_MS, LONG_MS, SHORT_MS, TUNES, Pitch, length_ms
from protocol.fares.verdicts import BY_REASON, FLASHES, TABLE, Lamp, Reason, Row, Verdict, row_for

ROWS: dict[str, Row] = {verdict.name: row for verdict, row in TABLE.items()} | {
    f"{verdict.name}, {reason.name}": row for (verdict, reason), row in BY_REASON.items()
}
OFF = Level()
History = list[tuple[int, Level]]


class Played:
    """Signals, followed by their own `next_ms` as a panel's thread does; `history` is each change and its time."""

    def __init__(self) -> None:
        self.signals = Signals()
        self.now_ms = 0
        self.history: History = []
        self._look()

    def _look(self) -> None:
        level = self.signals.step(self.now_ms)
        if not self.history or self.history[-1][1] != level:
            self.history.append((self.now_ms, level))

    def to(self, until_ms: int) -> "Played":
        self._look()
        while (at_ms := self.signals.next_ms(self.now_ms)) is not None and at_ms <= until_ms:
            assert at_ms > self.now_ms
            self.now_ms = at_ms
            self._look()
        self.now_ms = until_ms
        return self

    def end(self) -> History:
        """Until nothing more changes; without the rest before."""
        self._look()
        while (at_ms := self.signals.next_ms(self.now_ms)) is not None:
            self.to(at_ms)
        return self.history[1:]


def shown(verdict: Verdict, reason: Reason = Reason.NONE) -> Played:
    played = Played()
    played.signals.show(row_for(verdict, reason), 0)
    played.history.clear()
    played.history.append((0, OFF))
    return played


def test_accepted_is_one_short_high_note_and_a_steady_green() -> None:
    assert shown(Verdict.ACCEPTED).end() == [
        (0, Level(Lamp.GREEN, Pitch.HIGH)),
        (80, Level(Lamp.GREEN)),
        (2_000, OFF),
    ]


def test_already_paid_is_amber_and_calls_the_driver() -> None:
    assert shown(Verdict.ALREADY_PAID, Reason.SAME_DOOR).end() == [
        (0, Level(Lamp.AMBER, Pitch.MIDDLE)),
        (80, Level(Lamp.AMBER)),
        (140, Level(Lamp.AMBER, Pitch.MIDDLE)),
        (380, Level(Lamp.AMBER)),
        (440, Level(Lamp.AMBER, Pitch.LOW)),
        (680, Level(Lamp.AMBER)),
        (700, OFF),
        (1_000, Level(Lamp.AMBER)),
        (1_700, OFF),
    ]


def test_at_the_other_door_it_is_red() -> None:
    history = shown(Verdict.ALREADY_PAID, Reason.OTHER_DOOR).end()
    assert next((at, level.lamp) for at, level in history if level.lamp is not Lamp.OFF) == (0, Lamp.RED)
    assert (250, Level(Lamp.OFF)) in history  # red's dark half, in the pause after the first note
    assert history[-1] == (1_750, OFF)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_verdict_sounds_its_whole_tune_and_is_lit_as_its_lamp_does(row: Row) -> None:
    """P17, and that one is not taken for another: what comes out is the table's, from the first to the last ms."""
    played = Played()
    played.signals.show(row, 0)
    levels = [played.signals.step(now_ms) for now_ms in range(LAMP_HOLD_MS + 500)]
    sounds: list[Pitch | None] = []
    for note in TUNES[row.tone]:
        sounds += [note.pitch] * note.ms + [None] * GAP_MS
    sounds += [None] * (len(levels) - len(sounds))
    assert [level.pitch for level in levels] == sounds
    on_ms, off_ms = FLASHES.get(row.lamp, (LAMP_HOLD_MS, 0))
    lit = [now % (on_ms + off_ms) < on_ms and now < LAMP_HOLD_MS for now in range(len(levels))]
    assert [level.lamp for level in levels] == [row.lamp if on else Lamp.OFF for on in lit]


def test_a_newer_verdict_ends_the_older_ones_tune_and_light() -> None:
    played = shown(Verdict.CREDENTIAL_EXPIRED).to(100)
    played.signals.show(TABLE[Verdict.ACCEPTED], 100)
    assert played.end() == [
        (0, Level(Lamp.RED, Pitch.LOW)),
        (100, Level(Lamp.GREEN)),  # the note ends before the next begins: two notes, not one that bends
        (100 + GAP_MS, Level(Lamp.GREEN, Pitch.HIGH)),
        (100 + GAP_MS + SHORT_MS, Level(Lamp.GREEN)),
        (100 + LAMP_HOLD_MS, OFF),
    ]


def test_two_riders_in_a_row_are_two_lights_and_two_tones() -> None:
    played = shown(Verdict.ACCEPTED).to(1_000)
    played.signals.show(TABLE[Verdict.ACCEPTED], 1_000)
    assert played.end() == [
        (0, Level(Lamp.GREEN, Pitch.HIGH)),
        (80, Level(Lamp.GREEN)),
        (1_000, Level(Lamp.OFF, Pitch.HIGH)),
        (1_080, OFF),
        (1_000 + LAMP_DARK_MS, Level(Lamp.GREEN)),
        (1_000 + LAMP_DARK_MS + LAMP_HOLD_MS, OFF),
    ]


def test_a_hint_is_white_and_silent_until_it_is_taken_back() -> None:
    played = Played()
    played.signals.hint(Hint.CLOSER)
    played.to(500)
    played.signals.hint(Hint.BRIGHTER)
    played.to(5_000)
    played.signals.hint(None)
    assert played.end() == [(0, Level(Lamp.WHITE)), (5_000, OFF)]


def test_a_verdict_goes_before_a_hint_which_is_lit_when_it_was_shown() -> None:
    played = Played()
    played.signals.hint(Hint.CLOSER)
    played.to(300)
    played.signals.show(TABLE[Verdict.CODE_EXPIRED], 300)
    played.to(600)
    played.signals.hint(Hint.HOLD_STILL)
    played.to(5_000)
    history = played.history[1:]
    assert history[0] == (0, Level(Lamp.WHITE))
    assert all(level.lamp is not Lamp.WHITE for at, level in history if 300 <= at < 300 + LAMP_HOLD_MS)
    assert history[-1] == (300 + LAMP_HOLD_MS, Level(Lamp.WHITE))


def test_a_hint_that_was_taken_back_meanwhile_is_not_lit() -> None:
    played = shown(Verdict.ACCEPTED).to(100)
    played.signals.hint(Hint.CLOSER)
    played.to(900)
    played.signals.hint(None)
    assert played.end()[-1] == (LAMP_HOLD_MS, OFF)
    assert Level(Lamp.WHITE) not in [level for _, level in played.history]


def test_idle_is_dark_and_silent_at_once() -> None:
    played = shown(Verdict.DENIED).to(50)
    played.signals.hint(Hint.CLOSER)
    played.signals.idle()
    assert played.end() == [(0, Level(Lamp.RED, Pitch.MIDDLE)), (50, OFF)]


# --- the button -------------------------------------------------------------------------------------------------------


def pressed(played: Played, at_ms: int, for_ms: int = 100) -> History:
    """What comes of a press, times from it."""
    played.to(at_ms)
    before = len(played.history)
    played.signals.pressed(at_ms)
    played.to(at_ms + for_ms)
    played.signals.released(at_ms + for_ms)
    played.end()
    return [(at - at_ms, level) for at, level in played.history[before:]]


def test_the_button_repeats_a_refusal_as_it_was() -> None:
    first = shown(Verdict.DENIED).end()
    played = shown(Verdict.DENIED)
    assert pressed(played, 4_000) == [(at + 100, level) for at, level in first]
    assert pressed(played, 8_000) == [(at + 100, level) for at, level in first], "twice, too"


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_button_never_shows_that_somebody_boards(row: Row) -> None:
    """Else it would let the next one pass who has not paid."""
    played = Played()
    played.signals.show(row, 0)
    assert bool(pressed(played, 3_000)) == (not row.boards)


def test_the_button_repeats_for_the_rider_it_was_for_only() -> None:
    assert pressed(shown(Verdict.DENIED), BUTTON_REPEAT_MS - 100)
    assert not pressed(shown(Verdict.DENIED), BUTTON_REPEAT_MS)
    assert not pressed(Played(), 500)


def test_the_button_held_lights_every_lamp_and_plays_every_pitch_once() -> None:
    start = BUTTON_HOLD_MS
    history = pressed(shown(Verdict.DENIED), 5_000, for_ms=BUTTON_HOLD_MS + 2_500)
    assert history == [
        (start, Level(Lamp.RED, Pitch.LOW)),
        (start + PANEL_TEST_STEP_MS, Level(Lamp.AMBER, Pitch.MIDDLE)),
        (start + 2 * PANEL_TEST_STEP_MS, Level(Lamp.GREEN, Pitch.HIGH)),
        (start + 3 * PANEL_TEST_STEP_MS, Level(Lamp.BLUE, Pitch.MIDDLE)),
        (start + 4 * PANEL_TEST_STEP_MS, Level(Lamp.WHITE, Pitch.LOW)),
        (start + 5 * PANEL_TEST_STEP_MS, OFF),
    ]
    assert {level.lamp for _, level in history} == set(Lamp)
    assert {level.pitch for _, level in history} == {None, *Pitch}


def test_a_verdict_ends_the_test_of_the_lamps() -> None:
    played = Played()
    played.signals.pressed(0)
    played.to(BUTTON_HOLD_MS + 900)
    played.signals.show(TABLE[Verdict.DENIED], played.now_ms)
    played.end()
    after = [level for at, level in played.history if at >= BUTTON_HOLD_MS + 900]
    assert {level.lamp for level in after} == {Lamp.RED, Lamp.OFF}
    assert sum(level.pitch is not None for level in after) >= 2
    assert length_ms(TUNES[TABLE[Verdict.DENIED].tone]) == 2 * LONG_MS + GAP_MS


# Few kinds, so that a press often follows a verdict: each of a lamp's colour, and one that boards without green.
KINDS = ["ACCEPTED", "DENIED", "CODE_EXPIRED", "BOARD_FREE", "pressed", "released", "idle", "no hint", Hint.CLOSER]
steps = st.lists(st.tuples(st.integers(1, 4_000), st.sampled_from(KINDS)), max_size=25)


@example([(1, "pressed"), (BUTTON_HOLD_MS, "pressed"), (BUTTON_HOLD_MS, "ACCEPTED")])  # two tests, one behind the other
@given(steps)
def test_whatever_happens_green_is_a_boarding_of_now_and_all_ends_dark(happens: list[tuple[int, str | Hint]]) -> None:
    """No order of verdicts, hints and presses lights green for somebody who did not board, but the lamp test itself."""
    played, boarded_ms, down_ms = Played(), None, None
    tests_ms: list[int] = []  # when the button had been held for long enough
    for wait_ms, what in happens:
        before = len(played.history)
        played.to(played.now_ms + wait_ms)
        now_ms = played.now_ms
        if down_ms is not None and now_ms >= down_ms + BUTTON_HOLD_MS:
            tests_ms.append(down_ms + BUTTON_HOLD_MS)
            down_ms = None
        for at_ms, level in [*played.history[before:], (now_ms, played.history[-1][1])]:
            if level.lamp is Lamp.GREEN:
                paid = boarded_ms is not None and at_ms < boarded_ms + LAMP_DARK_MS + LAMP_HOLD_MS + 1
                tested = any(0 <= at_ms - began_ms <= 5 * PANEL_TEST_STEP_MS for began_ms in tests_ms)
                assert paid or tested, (at_ms, happens)
        if isinstance(what, Hint):
            played.signals.hint(what)
        elif what in ROWS:
            played.signals.show(ROWS[what], now_ms)
            boarded_ms = now_ms if ROWS[what].boards else None
        elif what == "pressed":
            down_ms = now_ms
            played.signals.pressed(now_ms)
        elif what == "released":
            down_ms = None
            played.signals.released(now_ms)
        elif what == "idle":
            played.signals.idle()
        else:
            played.signals.hint(None)
    played.signals.released(played.now_ms)
    played.signals.hint(None)
    played.end()
    assert played.history[-1][1] == OFF


def test_a_release_without_a_press_is_nothing() -> None:
    played = shown(Verdict.DENIED).to(3_000)
    played.signals.released(3_000)
    assert played.end()[-1][0] < 3_000
