"""The panel on a board, with the board's own firmware at the other end of a pty: what a rider sees of each verdict."""

import time
from collections.abc import Callable, Iterator

import pytest

from edge.adapters.board_panel import BoardPanel
from edge.core.errors import PanelFailed
from edge.core.ports import Showing
from firmware_bridge.core.declaration import Command, Input
from firmware_bridge.core.errors import BoardGone
from firmware_bridge.core.link import Lost
from protocol.fares.hints import Hint
from protocol.fares.verdicts import Lamp, Reason, Verdict, row_for
from protocol.wire.health import BoardCause, BoardState
from tests.firmware_bridge.cable import Cable, until
from tests.firmware_bridge.host_board import bits


def showing(verdict: Verdict, reason: Reason = Reason.NONE) -> Showing:
    return Showing(verdict, reason, row_for(verdict, reason), 0, 0)


class Rig:
    def __init__(self) -> None:
        self.cable = Cable()
        self.power_failed = 0
        self.panel = BoardPanel(self.cable.path, session=5, on_power_fails=self._count)
        self.panel.start()
        until(lambda: self.panel.problem is None)
        self.seen: list[int] = []

    def _count(self) -> None:
        self.power_failed += 1

    def sees(self, lamps: int) -> None:
        """Until that is lit."""

        def lit() -> bool:
            self.seen += [it for _, it, _ in self.cable.levels()]
            return bool(self.seen) and self.seen[-1] == lamps

        until(lit)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.panel.stop()
    made.cable.pull()


def test_a_verdict_reaches_its_lamp_and_idle_ends_it(rig: Rig) -> None:
    rig.panel.show(showing(Verdict.ACCEPTED))
    rig.sees(bits(Lamp.GREEN))
    rig.panel.idle()
    rig.sees(0)
    rig.panel.show(showing(Verdict.ALREADY_PAID, Reason.OTHER_DOOR))  # red, where the verdict alone is amber
    rig.sees(bits(Lamp.RED))
    assert rig.panel.problem is None


def test_a_hint_is_white_and_goes(rig: Rig) -> None:
    rig.panel.hint(Hint.CLOSER)
    rig.sees(bits(Lamp.WHITE))
    rig.panel.hint(None)
    rig.sees(0)


def test_a_failing_supply_is_told_once_and_shows_nothing_green(rig: Rig) -> None:
    rig.cable.set(Input.POWER_FAIL, on=True)
    until(lambda: rig.power_failed == 1)
    rig.sees(bits(Lamp.RED))
    rig.panel.show(showing(Verdict.ACCEPTED))
    time.sleep(0.1)
    assert bits(Lamp.GREEN) not in rig.seen
    assert (rig.power_failed, rig.panel.problem) == (1, None)


def test_without_its_board_a_door_works_on_and_says_so(rig: Rig) -> None:
    rig.cable.pull()
    until(lambda: isinstance(rig.panel.problem, PanelFailed))
    rig.panel.show(showing(Verdict.ACCEPTED))
    assert rig.panel.failure is None


def test_health_hears_what_the_board_is_and_that_it_is_gone(rig: Rig) -> None:
    until(lambda: rig.panel.facts().firmware is not None)
    facts = rig.panel.facts()
    assert (facts.state, facts.starts, facts.cause, facts.sessions) == (BoardState.THERE, 1, BoardCause.POWER, 1)
    rig.cable.pull()
    until(lambda: rig.panel.facts().state is BoardState.GONE)
    assert rig.panel.facts().firmware == facts.firmware, "what it said last"


def test_a_hint_is_told_anew_to_a_board_that_comes_back_and_a_lamp_out_of_date_ends(rig: Rig) -> None:
    """Its host was silent, so the board forgot; or a word for it was lost, so it shows what is no more so."""
    rig.panel.hint(Hint.CLOSER)
    rig.sees(bits(Lamp.WHITE))
    rig.cable.deaf = True
    until(lambda: rig.panel.problem is not None)
    rig.sees(bits(Lamp.RED))  # out of service, by itself
    rig.cable.deaf = False
    until(lambda: rig.panel.problem is None)
    rig.sees(bits(Lamp.WHITE))
    rig.cable.deaf = True
    until(lambda: rig.panel.problem is not None)
    rig.panel.hint(None)
    rig.cable.deaf = False
    rig.sees(0)


class Asked:
    """In place of the board: what it is asked, in order; `gone`: it takes nothing."""

    def __init__(
        self, _: str, *, on_ready: Callable[[], None], on_lost: Callable[[Lost], None], **_rest: object
    ) -> None:
        self.ready, self.lost, self.gone = on_ready, on_lost, False
        self.asked: list[str] = []

    def ask(self, command: Command, *_: int) -> int:
        if self.gone:
            raise BoardGone("gone")
        self.asked.append(command.name)
        return len(self.asked)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> tuple[BoardPanel, Asked]:
    made: list[Asked] = []
    monkeypatch.setattr("edge.adapters.board_panel.Board", lambda *a, **k: made.append(Asked(*a, **k)) or made[-1])
    return BoardPanel("", session=1), made[0]


def test_a_verdict_that_was_lost_is_not_shown_late_but_the_lamp_of_the_one_before_ends(
    asked: tuple[BoardPanel, Asked],
) -> None:
    panel, board = asked
    panel.show(showing(Verdict.ACCEPTED))
    board.ready()  # nothing was lost: the verdict stays
    assert board.asked == ["show", "hint", "board"]
    panel.show(showing(Verdict.CODE_EXPIRED))
    board.lost(Lost(len(board.asked), "no answer"))
    board.ready()
    assert board.asked[4:] == ["idle", "hint", "board"]
    board.gone = True
    panel.show(showing(Verdict.ACCEPTED))
    board.gone = False
    board.ready()
    assert board.asked[7:] == ["idle", "hint", "board"]


def test_a_board_that_is_gone_before_it_is_asked_what_it_is_ends_nothing(asked: tuple[BoardPanel, Asked]) -> None:
    _, board = asked
    board.gone = True
    board.ready()
    assert board.asked == []
