"""The board lights and sounds what `edge.core.signals` does, millisecond by millisecond, and its own rules B1 and B2."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.signals import Signals
from firmware_bridge.core.declaration import COUNTS, GREET, HINT, IDLE, SERVE, SHOW, Input
from firmware_bridge.core.frames import Kind, Splitter
from firmware_bridge.core.limits import (
    HOST_SILENT_MS,
    POWER_FAIL_DARK_MS,
    POWER_FAIL_LOWS,
    POWER_FAIL_OF,
    POWER_GOOD_MS,
    PROTOCOL_VERSION,
    SETTLE_MS,
)
from protocol.fares.hints import Hint
from protocol.fares.lights import BUTTON_HOLD_MS, BUTTON_REPEAT_MS, LAMP_HOLD_MS, PANEL_TEST, PANEL_TEST_STEP_MS
from protocol.fares.verdicts import BY_REASON, TABLE, Lamp, Reason, Verdict, row_for
from tests.firmware_bridge.host_board import HostBoard, asked, beat, bits

GREEN = 2
ALL = [*((verdict, Reason.NONE) for verdict in TABLE), *BY_REASON]


class Served:
    """A board with a host that beats, from the end of its greeting's tune on."""

    def __init__(self) -> None:
        self.board = HostBoard()
        self.number = 0
        self.ask(GREET.code, PROTOCOL_VERSION, 1)
        self.wait(3_000)
        self.board.levels()

    def ask(self, code: int, *payload: int) -> None:
        self.number += 1
        self.board.feed(asked(1, self.number, code, *payload))

    def wait(self, ms: int, *, beats: bool = True) -> None:
        until = self.board.now + ms
        while self.board.now < until:
            if beats:
                self.board.feed(beat(1))
            self.board.run(min(until, self.board.now + 400))
            self.board.take()


@pytest.mark.parametrize(("verdict", "reason"), ALL)
def test_every_verdict_looks_and_sounds_as_the_pins_of_a_pi_do(verdict: Verdict, reason: Reason) -> None:
    same([("show", verdict, reason, LAMP_HOLD_MS + 500)])


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("show"), st.sampled_from(ALL), st.integers(1, 2_600)),
        st.tuples(st.sampled_from(["hint", "no hint", "idle", "press", "release"]), st.none(), st.integers(1, 3_600)),
    ),
    max_size=12,
)


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_whatever_is_told_in_whatever_order_it_does_what_the_rules_say(steps: list) -> None:
    same([("show", *it[1], it[2]) if it[0] == "show" else (it[0], it[2]) for it in steps])


def same(steps: list) -> None:
    """Board and `Signals` told the same: whole histories, compared."""
    served, signals = Served(), Signals()
    board, start, expected, down = served.board, served.board.now, [], False
    level = (0, 0)
    for step in steps:
        at = board.now
        match step:
            case ("show", verdict, reason, _):
                served.ask(SHOW.code, verdict, reason)
                signals.show(row_for(verdict, reason), at)
            case ("hint", _):
                served.ask(HINT.code, 1)
                signals.hint(Hint.CLOSER)
            case ("no hint", _):
                served.ask(HINT.code, 0)
                signals.hint(None)
            case ("idle", _):
                served.ask(IDLE.code)
                signals.idle()
            case (_, _) if (step[0] == "press") is not down:
                down = not down
                board.set(Input.BUTTON_RIDER, on=down)
                board.run(at + SETTLE_MS + 1)  # the contact settles: only then it is pressed
                expected += play(signals, at, board.now, level)
                level = expected[-1][1:] if expected else level
                (signals.pressed if down else signals.released)(board.now)
        before = board.now
        served.wait(step[-1])
        expected += play(signals, before, board.now + 1, level)
        level = expected[-1][1:] if expected else level
    found = [(at, lamps, hz) for at, lamps, hz in board.levels() if at >= start]
    assert changes(found) == changes(expected)


def play(signals: Signals, start: int, end: int, level: tuple[int, int]) -> list[tuple[int, int, int]]:
    out = []
    for now in range(start, end):
        it = signals.step(now)
        new = (bits(it.lamp), 0 if it.pitch is None else int(it.pitch))
        if new != level:
            out.append((now, *new))
            level = new
    return out


def changes(levels: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Without those that change nothing, and the last of a millisecond."""
    out, before = [], (0, 0)
    for at, level in {at: (lamps, hz) for at, lamps, hz in levels}.items():
        if level != before:
            out.append((at, *level))
        before = level
    return out


def test_without_a_host_it_says_so_by_itself_and_is_never_green() -> None:
    """B1, B2: the issue's dead-host rule."""
    served = Served()
    served.ask(SHOW.code, Verdict.ACCEPTED, 0)
    start = served.board.now
    served.wait(10_000, beats=False)
    levels = served.board.levels()
    assert levels[0][1:] == (GREEN, 1976)
    dead = [(at, lamps) for at, lamps, _ in levels if at >= start + HOST_SILENT_MS]
    assert dead[0][0] == start + HOST_SILENT_MS
    assert {lamps for _, lamps in dead} == {0, bits(Lamp.RED)}
    assert dead[-1][0] > start + 9_000  # without end
    served.ask(SHOW.code, Verdict.ACCEPTED, 0)  # the host's word: it is there again
    served.wait(100)
    assert served.board.levels()[-1][1] == GREEN


def test_a_failing_supply_ends_green_in_time_and_lets_none_come() -> None:
    served = Served()
    served.ask(SHOW.code, Verdict.ACCEPTED, 0)
    served.wait(100)
    fell = served.board.now
    served.board.set(Input.POWER_FAIL, on=True)
    served.wait(20)
    served.ask(SHOW.code, Verdict.ACCEPTED_CONCESSION, 0)
    served.wait(3_000)
    later = [lamps for at, lamps, _ in served.board.levels() if at > fell + POWER_FAIL_DARK_MS]
    assert GREEN not in later
    assert later
    served.board.set(Input.POWER_FAIL, on=False)
    served.wait(POWER_GOOD_MS + 100)
    assert served.board.levels()[-1][1] == 0


@pytest.mark.parametrize(("low_ms", "good_ms"), [(2, 1), (2, 2), (1, 1), (3, 1), (1, 13)])
def test_a_supply_that_chatters_is_one_that_fails(low_ms: int, good_ms: int) -> None:
    """A contactor that flutters: low often, never for long. Good in between is no reason for green."""
    served = Served()
    served.ask(SHOW.code, Verdict.ACCEPTED, 0)
    served.wait(100)
    began, told = served.board.now, False
    while served.board.now < began + 1_000:
        for on, ms in ((True, low_ms), (False, good_ms)):
            served.board.set(Input.POWER_FAIL, on=on)
            served.board.run(served.board.now + ms)
        said = served.board.feed(beat(1))
        told |= any(it.payload[0] >> Input.POWER_FAIL & 1 for it in Splitter().feed(said) if it.kind is Kind.STATUS)
        if told:
            served.ask(SHOW.code, Verdict.ACCEPTED, 0)
    assert told
    assert GREEN not in [lamps for at, lamps, _ in served.board.levels() if at > began + POWER_FAIL_DARK_MS]


def test_one_spike_is_no_failure() -> None:
    served = Served()
    for _ in range(20):
        served.board.set(Input.POWER_FAIL, on=True)
        served.board.run(served.board.now + 1)
        served.board.set(Input.POWER_FAIL, on=False)
        served.wait(POWER_FAIL_OF)
    served.ask(SHOW.code, Verdict.ACCEPTED, 0)
    served.wait(10)
    assert {lamps for _, lamps, _ in served.board.levels()} == {GREEN}


def test_a_supply_is_good_again_only_when_it_stays() -> None:
    served = Served()
    served.board.set(Input.POWER_FAIL, on=True)
    served.wait(POWER_FAIL_LOWS)
    served.board.set(Input.POWER_FAIL, on=False)
    rose = served.board.now
    for after in range(50, POWER_GOOD_MS + 101, 50):
        served.ask(SHOW.code, Verdict.ACCEPTED, 0)
        served.wait(rose + after - served.board.now)
    green = [at for at, lamps, _ in served.board.levels() if lamps == GREEN]
    assert rose + POWER_GOOD_MS <= green[0] <= rose + POWER_GOOD_MS + 100


@pytest.mark.parametrize(
    "what", [asked(1, 3, COUNTS.code), asked(9, 3, IDLE.code), b"\1\0"], ids=["counts", "strange", "noise"]
)
def test_a_flood_of_frames_keeps_nothing_from_being_done_in_time(what: bytes) -> None:
    """Answers that are longer than their questions: the program is never done with what has come."""
    served = Served()
    served.ask(SHOW.code, Verdict.ACCEPTED, 0)
    served.wait(100)
    fell = served.board.now
    served.board.set(Input.POWER_FAIL, on=True)
    silence = served.board.flood(what, 1_000)
    levels = served.board.levels()
    assert levels[0][1] == GREEN
    assert fell < next(at for at, lamps, _ in levels[1:] if lamps != GREEN) <= fell + POWER_FAIL_DARK_MS
    assert GREEN not in [lamps for at, lamps, _ in levels if at > fell + POWER_FAIL_DARK_MS]
    assert silence <= 20  # the watchdog waits for 450


def test_when_the_clock_has_gone_round_nothing_sounds_again() -> None:
    """After 49.7 days in one state: what was over long ago is not begun anew."""
    board = HostBoard()
    began = board.now
    board.run(began + 5_000)
    assert any(hz for _, _, hz in board.levels())
    board.jump((began - 50) % (1 << 32))
    board.run((began + 5_000) % (1 << 32))
    assert not [hz for _, _, hz in board.levels() if hz]


def test_when_the_clock_has_gone_round_no_button_repeats_a_refusal_of_back_then() -> None:
    served = Served()
    served.ask(SHOW.code, Verdict.CODE_EXPIRED, 0)
    served.wait(BUTTON_REPEAT_MS + 100)
    served.board.jump((served.board.now + (1 << 32) - BUTTON_REPEAT_MS) % (1 << 32))
    served.wait(100)
    served.board.levels()
    for on in (True, False):
        served.board.set(Input.BUTTON_RIDER, on=on)
        served.wait(SETTLE_MS + 10)
    served.wait(100)
    assert bits(Lamp.RED) not in [lamps for _, lamps, _ in served.board.levels()]


def test_the_host_can_take_it_out_of_service_and_back() -> None:
    served = Served()
    served.ask(SERVE.code, 0)
    served.wait(1_000)
    served.ask(SHOW.code, Verdict.ACCEPTED, 0)
    served.wait(1_000)
    assert {lamps for _, lamps, _ in served.board.levels()} == {0, bits(Lamp.RED)}
    served.ask(SERVE.code, 1)
    served.ask(SHOW.code, Verdict.ACCEPTED, 0)
    served.wait(100)
    assert served.board.levels()[-1][1] == GREEN


def test_the_test_is_as_it_is_on_a_pi() -> None:
    same([("press", BUTTON_HOLD_MS + 10), ("release", PANEL_TEST_STEP_MS * len(PANEL_TEST) + 100)])
