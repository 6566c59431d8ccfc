"""The board in use over a real pty, with the firmware built for this machine at its other end."""

from collections.abc import Callable, Iterator

import pytest

from firmware_bridge.adapters.serial_port import SerialPort, find_port
from firmware_bridge.app.board import Board
from firmware_bridge.core.declaration import BOARD, SHOW, Answer, Input
from firmware_bridge.core.errors import BoardGone, BoardRefused
from firmware_bridge.core.link import Done, Inputs
from tests.firmware_bridge.cable import Cable, until


class Seen:
    """What the board's thread told."""

    def __init__(self, open_port: Callable[[str], SerialPort] = SerialPort, where: str = "") -> None:
        self.inputs: list[Inputs] = []
        self.done: list[Done] = []
        self.ready = 0
        self.board = Board(
            where, session=3, on_inputs=self.inputs.append, on_done=self.done.append, on_ready=self._count,
            open_port=open_port,
        )  # fmt: skip

    def _count(self) -> None:
        self.ready += 1


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable()
    yield made
    made.pull()


def test_it_asks_and_hears(cable: Cable) -> None:
    seen = Seen(where=cable.path)
    assert isinstance(seen.board.problem, BoardGone)
    seen.board.start()
    until(lambda: seen.ready == 1)
    assert seen.board.problem is None
    ticket = seen.board.ask(SHOW, 1, 0)
    until(lambda: any(it.ticket == ticket and it.answer is Answer.DONE for it in seen.done))
    seen.board.ask(BOARD)
    until(lambda: any(it.values for it in seen.done))
    assert seen.done[-1].values[:2] == (1, 1)
    cable.set(Input.DOOR_FRONT_LEAF, on=True)
    until(lambda: any(it.inputs & 1 << Input.DOOR_FRONT_LEAF for it in seen.inputs))
    seen.board.stop()
    assert not seen.board.alive


def test_a_cable_that_is_pulled_and_put_back_is_one_board_again() -> None:
    cables = [Cable()]
    seen = Seen(lambda _: SerialPort(cables[-1].path))
    seen.board.start()
    until(lambda: seen.ready == 1)
    cables[-1].pull()
    until(lambda: isinstance(seen.board.problem, BoardGone))
    with pytest.raises(BoardGone):
        seen.board.ask(SHOW, 1, 0)
    cables.append(Cable())
    until(lambda: seen.ready == 2)
    seen.board.stop()
    assert seen.board.failure is None
    cables[-1].pull()


def test_a_board_that_is_never_there_is_a_problem_and_no_reason_to_stop() -> None:
    seen = Seen(where="/dev/nothing-of-that-name")
    seen.board.start()
    until(lambda: "does not open" in str(seen.board.problem))
    assert seen.board.alive
    seen.board.stop()


def test_an_adapter_is_found_by_its_number_and_one_that_is_not_there_is_named() -> None:
    assert find_port("/dev/ttyACM0") == "/dev/ttyACM0"
    with pytest.raises(BoardGone, match="no serial adapter has the number A1B2") as raised:
        find_port("A1B2")
    assert "seen" in raised.value.data


def test_a_firmware_that_does_not_fit_is_refused_by_name(cable: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_bridge.core.link.PROTOCOL_VERSION", 9)
    seen = Seen(where=cable.path)
    seen.board.start()
    until(lambda: isinstance(seen.board.problem, BoardRefused))
    assert "version 1, not 9" in str(seen.board.problem)
    seen.board.stop()
