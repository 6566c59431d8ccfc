"""The panel on a board, with the board's own firmware at the other end of a pty: what a rider sees of each verdict."""

import time
from collections.abc import Iterator

import pytest

from edge.adapters.board_panel import BoardPanel
from edge.core.errors import PanelFailed
from edge.core.ports import Showing
from firmware_bridge.core.declaration import Input
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
