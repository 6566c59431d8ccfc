"""The link's rules one by one, against a model of the board."""

from dataclasses import replace

import pytest

from firmware_bridge.core.declaration import COMMANDS, COUNTS, DESCRIBE, HINT, IDLE, SHOW, Answer, Field, Size
from firmware_bridge.core.errors import BoardBusy, BoardGone, CommandUnknown
from firmware_bridge.core.frames import Kind, Splitter
from firmware_bridge.core.limits import (
    BEAT_MS,
    BOARD_SILENT_MS,
    GREET_AGAIN_MS,
    GREET_EVERY_MS,
    GREETINGS_KEPT,
    GREETINGS_MAX,
    HOST_SILENT_MS,
    RETRY_MAX_MS,
    RETRY_MIN_MS,
    SESSION_JUMP,
    TRIES,
    UNASKED_MS,
    WAITING_MAX,
)
from firmware_bridge.core.link import Done, Gone, Happened, Inputs, Link, Lost, Ready, Refused, State
from tests.firmware_bridge.model_board import ModelBoard


class Line:
    """Link and board with a line between that loses nothing unless it is `cut`."""

    def __init__(self, board: ModelBoard | None = None) -> None:
        self.board = board or ModelBoard()
        self.link = Link(session=7)
        self.cut = False
        self.now = 1_000
        self.seen: list[Happened] = []
        self.link.opened(self.now)

    def turn(self) -> list[Happened]:
        """Until nothing is on the line; what happened."""
        happened: list[Happened] = []
        while True:
            self.link.step(self.now)
            happened += self.link.happened()
            data = self.link.outgoing()
            if not data:
                self.seen += happened
                return happened
            if not self.cut:
                self.link.received(self.board.feed(data), self.now)

    def wait(self, ms: int, *, status: bool = True) -> list[Happened]:
        """So long, a step whenever one is due; the board's heartbeat goes on meanwhile."""
        happened = self.turn()
        until, told = self.now + ms, self.now
        while self.now < until:
            due = self.link.next_ms()
            self.now = min(until, max(self.now + 1, until if due is None else due), told + BEAT_MS)
            if self.now - told >= BEAT_MS:
                told = self.now
                if status and not self.cut:
                    self.link.received(self.board.status(), self.now)
            happened += self.turn()
        return happened


@pytest.fixture
def line() -> Line:
    made = Line()
    assert made.turn() == [Ready()]
    return made


def test_a_session_begins_with_a_greeting_and_a_beat(line: Line) -> None:
    assert (line.link.state, line.board.session, line.board.beats) == (State.OPEN, 8, 1)
    assert line.board.last is not None
    assert line.board.last[0] == 1, "nothing was asked but the greeting"


def test_a_board_that_is_not_there_yet_is_greeted_ten_times_a_second() -> None:
    line = Line()
    line.cut = True
    assert line.wait(1_000) == []
    assert line.link.next_ms() == line.now + GREET_EVERY_MS
    line.cut = False
    assert line.wait(GREET_EVERY_MS)[0] == Ready()


def test_commands_are_carried_out_in_order_and_answered(line: Line) -> None:
    tickets = [line.link.ask(SHOW, verdict, 0) for verdict in (1, 2, 3)]
    done = [it for it in line.turn() if isinstance(it, Done)]
    assert [(it.ticket, it.answer, it.values) for it in done] == [(ticket, Answer.DONE, ()) for ticket in tickets]
    assert line.board.executed == [("show", b"\1\0"), ("show", b"\2\0"), ("show", b"\3\0")]
    line.link.ask(COUNTS)
    assert [it.values for it in line.turn() if isinstance(it, Done)] == [(0, 0)]


def test_one_is_on_its_way_at_a_time_and_sent_again_at_growing_waits(line: Line) -> None:
    line.cut = True
    line.link.ask(SHOW, 1, 0)
    line.link.ask(SHOW, 2, 0)
    line.link.step(line.now)
    sent, waits, before = [line.link.outgoing()], [], line.now
    while line.link.statistics.sent_again < TRIES - 1:
        line.now = line.now + 1
        line.link.step(line.now)
        again = line.link.statistics.sent_again
        if again == len(sent):
            sent.append(line.link.outgoing())
            waits.append(line.now - before)
            before = line.now
        line.link.received(line.board.status(), line.now)
    assert waits[:3] == [RETRY_MIN_MS, 2 * RETRY_MIN_MS, 4 * RETRY_MIN_MS]
    assert max(waits) == RETRY_MAX_MS
    assert sum(waits) + RETRY_MAX_MS <= HOST_SILENT_MS / 2
    frames = [it for it in Splitter().feed(b"".join(sent)) if it.kind is Kind.COMMAND]
    assert len(frames) == TRIES
    assert set(frames) == {frames[0]}


def deaf(line: Line, ms: int) -> list[Happened]:
    """So long the wire to the board is broken: its heartbeat is heard, and it hears nothing; what happened."""
    line.cut, until, began = True, line.now + ms, len(line.seen)
    while line.now < until:
        line.now += 1
        if line.now % BEAT_MS == 0:
            line.link.received(line.board.status(), line.now)
        line.turn()
    line.cut = False
    return [it for it in line.seen[began:] if not isinstance(it, Inputs)]


def test_a_board_that_leaves_a_command_unanswered_is_gone_however_much_it_says(line: Line) -> None:
    """L5. All that was asked is told as lost; what is asked when it hears again is done."""
    first, second = line.link.ask(SHOW, 1, 0), line.link.ask(SHOW, 2, 0)
    happened = deaf(line, HOST_SILENT_MS // 2)
    assert [type(it) for it in happened] == [Lost, Lost, Gone]
    assert [it.ticket for it in happened if isinstance(it, Lost)] == [first, second]
    with pytest.raises(BoardGone):
        line.link.ask(SHOW, 3, 0)
    assert line.wait(GREET_EVERY_MS)[0] == Ready()
    line.link.ask(SHOW, 4, 0)
    line.turn()
    assert line.board.executed == [("show", b"\4\0")]


def test_a_board_that_does_not_hear_is_noticed_while_nobody_asks_anything(line: Line) -> None:
    """The link asks by itself, as soon as the board itself would say that nobody is there; and tells nobody of that."""
    assert [type(it) for it in deaf(line, HOST_SILENT_MS)] == [Gone]
    assert (line.link.statistics.asked, line.link.statistics.lost) == (0, 0)
    line.wait(GREET_EVERY_MS)
    sent = line.link.statistics.sent_again
    assert {type(it) for it in line.wait(10 * UNASKED_MS)} == {Inputs}
    assert (line.link.statistics.answered, line.link.statistics.sent_again, line.board.executed) == (0, sent, [])


def test_the_link_asks_by_itself_when_it_had_no_answer_for_so_long_and_no_sooner(line: Line) -> None:
    opened = line.now
    for line.now in (opened + BEAT_MS, opened + 2 * BEAT_MS):
        line.link.received(line.board.status(), line.now)
        line.turn()
    assert line.link.next_ms() == opened + UNASKED_MS
    line.link.step(opened + UNASKED_MS - 1)
    assert line.link.outgoing() == b""
    line.link.step(opened + UNASKED_MS)
    (asked,) = Splitter().feed(line.link.outgoing())
    assert (asked.kind, asked.code) == (Kind.COMMAND, DESCRIBE.code)


def test_an_answer_of_anybodys_puts_that_off(line: Line) -> None:
    line.now += UNASKED_MS - 1
    line.link.received(line.board.status(), line.now)
    line.link.ask(IDLE)
    line.turn()
    answered = line.now
    line.link.step(answered + BEAT_MS)
    line.link.outgoing()
    line.link.step(answered + UNASKED_MS - 1)
    assert not [it for it in Splitter().feed(line.link.outgoing()) if it.kind is Kind.COMMAND]


def test_whatever_session_the_board_had_before_a_new_host_is_answered_in_time() -> None:
    """L1: the numbers that a board takes for late ones are left behind at once."""
    assert SESSION_JUMP > GREETINGS_KEPT
    for before in range(1, GREETINGS_KEPT + 1):
        line = Line()
        for _ in range(GREETINGS_KEPT):
            line.turn()
            line.link.closed("unplugged")
            line.link.opened(line.now)
        line.turn()
        line.link = Link(session=line.board.session - before)
        line.link.opened(line.now)
        # The newest is answered: it is the session that the board is in. Any other waits for one session's greetings.
        assert line.wait(GREETINGS_MAX * GREET_EVERY_MS)[0] == Ready()


def test_an_answer_that_is_lost_does_nothing_twice(line: Line) -> None:
    line.link.ask(SHOW, 1, 0)
    line.link.step(line.now)
    line.board.feed(line.link.outgoing())
    line.now += RETRY_MIN_MS
    assert [type(it) for it in line.turn() if not isinstance(it, Inputs)] == [Done]
    assert line.board.executed == [("show", b"\1\0")]


def test_an_older_command_that_comes_late_is_not_done_and_an_old_session_neither(line: Line) -> None:
    line.link.ask(SHOW, 1, 0)
    line.link.step(line.now)
    old = line.link.outgoing()
    line.link.received(line.board.feed(old), line.now)
    line.link.ask(SHOW, 2, 0)
    line.turn()
    assert line.board.feed(old) == b""
    line.link.closed("unplugged")
    line.link.opened(line.now)
    line.turn()
    line.link.received(line.board.feed(old), line.now)
    assert line.turn() == []
    assert [name for name, _ in line.board.executed] == ["show", "show"]


def test_a_restart_is_noticed_told_and_greeted_and_nothing_is_done_twice(line: Line) -> None:
    line.link.ask(SHOW, 1, 0)
    line.link.step(line.now)
    line.board.feed(line.link.outgoing())  # done, but its answer …
    line.board.restart()  # … went with the board
    line.now += RETRY_MIN_MS
    happened = [it for it in line.turn() if not isinstance(it, Inputs)]
    assert [type(it) for it in happened] == [Lost, Gone, Ready]
    assert line.board.executed == [("show", b"\1\0")]
    line.board.restart()
    assert [type(it) for it in line.wait(2 * BEAT_MS) if not isinstance(it, Inputs)] == [Gone, Ready]


def test_a_restart_is_noticed_though_the_line_kept_a_greeting_that_was_sent_again() -> None:
    """L1: a busy machine greeted five times, the board began anew and took the third: nobody knew."""
    line = Line()
    line.link.step(line.now)
    first = line.link.outgoing()
    line.now += GREET_EVERY_MS
    line.link.step(line.now)
    kept = line.link.outgoing()
    line.link.received(line.board.feed(first), line.now)
    assert line.turn() == [Ready()]
    line.board.restart()
    line.board.feed(kept)
    assert [type(it) for it in line.wait(2 * BEAT_MS) if not isinstance(it, Inputs)] == [Gone, Ready]


def test_a_slow_board_is_greeted_ever_more_patiently_until_one_greeting_is_enough() -> None:
    line = Line()
    late, greeted = 3 * GREET_EVERY_MS, 0
    coming: list[tuple[int, bytes]] = []
    while line.link.state is State.GREETING and line.now < 10_000:
        line.link.step(line.now)
        if out := line.link.outgoing():
            greeted += 1
            coming.append((line.now + late, out))
        line.now += 1
        while coming and coming[0][0] <= line.now:
            line.link.received(line.board.feed(coming.pop(0)[1]), line.now)
    assert line.link.happened() == [Ready()]
    assert greeted <= 3 + 2 + 1


def test_one_late_word_of_a_board_without_a_session_is_no_restart(line: Line) -> None:
    late = ModelBoard().status()
    for _ in range(3):
        line.link.received(late, line.now)
        line.link.received(line.board.status(), line.now)
    assert all(isinstance(it, Inputs) for it in line.turn())


def test_a_board_that_says_nothing_is_gone_in_time(line: Line) -> None:
    line.cut = True
    assert line.wait(BOARD_SILENT_MS - 1) == []
    assert [type(it) for it in line.wait(2)] == [Gone]
    with pytest.raises(BoardGone, match="greeting"):
        line.link.ask(IDLE)
    line.cut = False
    assert line.wait(GREET_EVERY_MS)[0] == Ready()


def test_a_pulled_cable_is_told_with_all_that_waited(line: Line) -> None:
    tickets = [line.link.ask(SHOW, 1, 0), line.link.ask(SHOW, 2, 0)]
    line.link.step(line.now)
    line.link.closed("unplugged")
    assert line.link.happened() == [*(Lost(it, "unplugged") for it in tickets), Gone("unplugged")]
    assert line.link.next_ms() is None
    line.link.received(line.board.status(), line.now)
    assert line.turn() == []


def test_another_version_or_lacking_commands_are_refused_by_name_and_tried_again() -> None:
    line = Line(ModelBoard(version=9))
    assert line.turn() == [Refused(("the link is of version 9, not 1",))]
    line.board = ModelBoard(commands=tuple(it for it in COMMANDS if it is not HINT))
    assert line.wait(GREET_AGAIN_MS) == [Refused(("hint is missing",))]
    assert (line.board.beats, line.link.state) == (0, State.REFUSED)
    line.board = ModelBoard()
    assert line.wait(GREET_AGAIN_MS)[0] == Ready()


def test_a_board_that_can_more_is_used() -> None:
    line = Line(ModelBoard(commands=(*COMMANDS, replace(IDLE, code=77, name="sing", takes=(Field("key", Size.U16),)))))
    assert line.turn() == [Ready()]


def test_beats_come_in_time_while_it_is_open(line: Line) -> None:
    line.wait(10 * BEAT_MS)
    assert line.board.beats == 11


def test_inputs_are_told_and_an_older_word_says_nothing(line: Line) -> None:
    old, new = line.board.status(1), line.board.status(3)
    for data in (new, old, new):
        line.link.received(data, line.now)
    assert [it.inputs for it in line.turn() if isinstance(it, Inputs)] == [3]


def test_what_cannot_be_asked_is_said_at_once(line: Line) -> None:
    for values in ((), (256, 0), (1, 2, 3)):
        with pytest.raises(CommandUnknown):
            line.link.ask(SHOW, *values)
    for _ in range(WAITING_MAX):
        line.link.ask(IDLE)
    with pytest.raises(BoardBusy):
        line.link.ask(IDLE)
