"""The board in use over a real pty, with the firmware built for this machine at its other end."""

import errno
import logging
import os
import select
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from firmware_bridge.adapters.serial_port import SerialPort, find_port
from firmware_bridge.app.board import SILENT, Board
from firmware_bridge.core.declaration import BOARD, GREET, IDLE, SHOW, Answer, Input, digest, pack
from firmware_bridge.core.errors import BoardGone, BoardRefused
from firmware_bridge.core.frames import Frame, Kind, Splitter, encode_frame
from firmware_bridge.core.limits import PROTOCOL_VERSION
from firmware_bridge.core.link import Done, Inputs, Lost
from firmware_bridge.tables import FIRMWARE_VERSION
from tests.firmware_bridge.cable import Cable, until


class Seen:
    """What the board's thread told."""

    def __init__(self, open_port: Callable[[str], SerialPort] = SerialPort, where: str = "") -> None:
        self.inputs: list[Inputs] = []
        self.done: list[Done] = []
        self.lost: list[Lost] = []
        self.ready = 0
        self.board = Board(
            where, session=3, on_inputs=self.inputs.append, on_done=self.done.append, on_ready=self._count,
            on_lost=self.lost.append, open_port=open_port,
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
    assert seen.done[-1].values[:2] == (FIRMWARE_VERSION, 1)
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
    with pytest.raises(BoardGone, match="no serial adapter has the number A1B2; there: "):
        find_port("A1B2")


def test_the_adapters_that_are_there_are_named_and_a_device_without_its_folder_is_understood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other, nameless = ListPortInfo("/dev/ttyUSB0"), ListPortInfo("/dev/ttyUSB1")
    other.serial_number, nameless.vid = "A10LXYZ", 0x1A86
    monkeypatch.setattr(list_ports, "comports", lambda: [ListPortInfo("/dev/ttyS0"), other, nameless])
    there = "there: A10LXYZ on /dev/ttyUSB0, no number on /dev/ttyUSB1"
    with pytest.raises(BoardGone, match=f"has the number A1B2; {there}"):
        find_port("A1B2")
    with pytest.raises(BoardGone, match=f"does not open: No such file or directory; adapters {there}"):
        SerialPort("/dev/ttyUSB7")
    with pytest.raises(BoardGone, match="pts/0 is no port — a path begins with /dev/"):
        find_port("pts/0")
    assert find_port("A10LXYZ") == "/dev/ttyUSB0"
    with pytest.raises(BoardGone, match='write port = "/dev/ttyUSB0"'):
        find_port("ttyUSB0")


def test_a_line_that_another_process_has_is_no_matter_of_cables(cable: Cable) -> None:
    first = SerialPort(cable.path)
    with pytest.raises(BoardGone, match="does not open: Resource temporarily unavailable — something else has it open"):
        SerialPort(cable.path)
    first.close()


def test_what_is_no_serial_line_is_said_so() -> None:
    with pytest.raises(BoardGone, match="that is no serial line"):
        SerialPort("/dev/null")


def test_a_line_that_this_user_may_not_open_is_said_so(monkeypatch: pytest.MonkeyPatch, cable: Cable) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(BoardGone, match="does not open: Permission denied — let this user open it"):
        SerialPort(cable.path)


def test_a_board_that_is_silent_from_the_start_is_said_once_and_an_end_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, cable: Cable
) -> None:
    monkeypatch.setattr("firmware_bridge.app.board.SILENT_SAID_MS", 50)
    cable.deaf = True
    seen = Seen(where=cable.path)
    seen.board.start()
    until(lambda: "the board has not answered — look whether it has power" in caplog.text)
    cable.deaf = False
    until(lambda: seen.ready == 1)
    seen.board.ask(IDLE)
    seen.board.stop()
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == [str(SILENT)], (
        "said once; that it was stopped is no fault"
    )
    assert "closed" in str(seen.board.problem)


def test_a_firmware_that_does_not_fit_is_refused_by_name(cable: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_bridge.core.link.PROTOCOL_VERSION", 9)
    seen = Seen(where=cable.path)
    seen.board.start()
    until(lambda: isinstance(seen.board.problem, BoardRefused))
    assert "version 1, not 9" in str(seen.board.problem)
    seen.board.stop()


def test_a_board_that_does_not_hear_is_a_problem_though_it_speaks_and_is_there_again(cable: Cable) -> None:
    seen = Seen(where=cable.path)
    seen.board.start()
    until(lambda: seen.ready == 1)
    cable.deaf = True
    until(lambda: isinstance(seen.board.problem, BoardGone))
    cable.deaf = False
    until(lambda: seen.ready == 2 and seen.board.problem is None)
    seen.board.stop()


def test_a_port_that_is_torn_out_while_it_is_opened_is_looked_for_again(
    cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyserial lets termios' own error through, which is no OSError."""

    def torn(*_: object) -> None:
        raise termios.error(5, "Input/output error")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(termios, "tcflush", torn)
        seen = Seen(where=cable.path)
        seen.board.start()
        until(lambda: "does not open" in str(seen.board.problem))
    until(lambda: seen.ready == 1)
    seen.board.stop()
    assert seen.board.failure is None


class Closing(SerialPort):
    """One that says when it is closed that it was not there any more."""

    def close(self) -> None:
        super().close()
        raise BoardGone("the board's port does not close")


def test_a_port_that_does_not_close_is_no_reason_to_end(cable: Cable, caplog: pytest.LogCaptureFixture) -> None:
    cables = [cable]
    seen = Seen(lambda _: Closing(cables[-1].path))
    seen.board.start()
    until(lambda: seen.ready == 1)
    cables[-1].pull()
    until(lambda: isinstance(seen.board.problem, BoardGone))
    cables.append(Cable())
    until(lambda: seen.ready == 2)
    seen.board.stop()
    assert seen.board.failure is None
    assert "does not close" in caplog.text
    cables[-1].pull()


def test_after_its_end_nothing_is_asked_and_no_number_of_a_file_is_used(cable: Cable) -> None:
    """Files have numbers that are given out again: what was the board's is somebody else's."""
    seen = Seen(where=cable.path)
    seen.board.start()
    until(lambda: seen.ready == 1)
    seen.board.stop()
    read, write = os.pipe()  # the numbers that the board gave back
    with pytest.raises(BoardGone):
        seen.board.ask(IDLE)
    seen.board.stop()
    os.write(write, b"x")
    assert os.read(read, 10) == b"x"
    for end in (read, write):
        os.close(end)


def test_what_is_not_answered_when_it_ends_is_told_as_lost(cable: Cable) -> None:
    """L3, whatever ends it."""
    seen = Seen(where=cable.path)
    seen.board.start()
    until(lambda: seen.ready == 1)
    cable.deaf = True
    tickets = [seen.board.ask(IDLE) for _ in range(20)]
    seen.board.stop()
    assert [it.ticket for it in seen.lost] == tickets
    assert seen.board.statistics.lost == 20
    assert isinstance(seen.board.problem, BoardGone)


class Restarting:
    """A port of which one read has both: the answer to a greeting, and that the board has restarted since."""

    opened = 0

    def __init__(self, _: str) -> None:
        Restarting.opened += 1
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        self._greeted = 0

    def wait(self, also: int, timeout_s: float) -> None:
        select.select([self._read, also], [], [], timeout_s)

    def read(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self._read, 4_096)
        return b""

    def write(self, data: bytes) -> None:
        for frame in Splitter().feed(data):
            if frame.code == GREET.code and frame.kind is Kind.COMMAND:
                said = pack(GREET.gives, (PROTOCOL_VERSION, digest()), GREET.name)
                answer = encode_frame(Frame(Kind.ANSWER, frame.session, frame.number, Answer.DONE, said))
                restarted = b"".join(encode_frame(Frame(Kind.STATUS, 0, number, 0, bytes(6))) for number in (1, 2))
                self._greeted += 1
                os.write(self._write, answer + restarted * (self._greeted == 1))

    def close(self) -> None:
        for end in (self._read, self._write):
            os.close(end)


def test_a_callback_that_asks_a_board_that_is_gone_again_costs_no_event_and_no_port() -> None:
    Restarting.opened = 0
    told: list[str] = []
    asked: list[int] = []
    boards: list[Board] = []

    def ready() -> None:
        told.append("ready")
        asked.append(boards[0].ask(IDLE))

    boards.append(Board("", session=1, on_ready=ready, open_port=Restarting))
    boards[0].start()
    until(lambda: len(asked) == 1)  # the first time it was gone before it was told
    assert told == ["ready", "ready"]
    assert (Restarting.opened, boards[0].problem, boards[0].failure) == (1, None, None)
    boards[0].stop()


def test_a_line_that_was_hung_up_is_gone_and_no_endless_nothing() -> None:
    """A tty without its other end is always ready, and has nothing: taken for silence it would be asked without end."""
    master, slave = os.openpty()
    tty.setraw(slave)
    port = SerialPort(os.ttyname(slave))
    read, write = os.pipe()
    port.wait(read, 0)
    assert port.read() == b""
    os.close(master)
    port.wait(read, 10)
    with pytest.raises(BoardGone):
        port.read()
    port.close()
    for end in (slave, read, write):
        os.close(end)
