"""docs/FIRMWARE.md against the declaration and the limits that it tells of."""

from pathlib import Path

import pytest

from firmware_bridge.core import limits
from firmware_bridge.core.declaration import COMMANDS, Answer, Command, Input

PAGE = (Path(__file__).parents[2] / "docs" / "FIRMWARE.md").read_text()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_stands_in_its_table(command: Command) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {command.code} | {command.name} |")]
    takes, gives = (cell.strip() for cell in row.split("|")[3:5])
    assert takes == ", ".join(field.name for field in command.takes)
    if command.name != "describe":
        assert gives == ", ".join(field.name for field in command.gives)


def test_answers_and_inputs_are_numbered_as_they_are() -> None:
    assert ", ".join(f"{it.value} {it.name.lower().replace('_', ' ')}" for it in Answer) in PAGE
    assert list(Input) == [0, 1, 2, 3, 4, 6, 7]
    for it, words in ((Input.IGNITION, "ignition"), (Input.POWER_FAIL, "the supply fails"), (Input.TAMPER, "tamper")):
        assert f"{it.value} {words}" in PAGE


def test_its_times_are_those_of_the_limits() -> None:
    waits, wait = [], limits.RETRY_MIN_MS
    while len(waits) < limits.TRIES - 1:
        waits.append(wait)
        wait = min(2 * wait, limits.RETRY_MAX_MS)
    assert f"again after {', '.join(map(str, waits))} ms" in PAGE.replace("\n  ", " ")
    assert f"for {limits.HOST_SILENT_MS // 1000} s it shows" in PAGE
    assert f"nothing for {limits.BOARD_SILENT_MS / 1000} s is gone" in PAGE
    assert f"every {limits.BEAT_MS} ms |" in PAGE
    assert (limits.POWER_FAIL_LOWS, limits.POWER_FAIL_OF) == (2, 16)
    assert "Two low samples of sixteen" in PAGE
    assert f"only {limits.POWER_GOOD_MS} ms without one" in PAGE
    assert f"at most {limits.TURN_MAX_BYTES} bytes are read" in PAGE
    assert limits.UNASKED_MS == 1_000
    assert "a second after the last answer" in PAGE
    assert (limits.GREETINGS_MAX, limits.GREETINGS_MAX * limits.GREET_EVERY_MS) == (5, 500)
    assert "after five\n  such greetings, half a second" in PAGE
    burst = f"{', '.join(map(str, limits.STATUS_BURST_MS[:-1]))} and {limits.STATUS_BURST_MS[-1]} ms after a change"
    assert burst in PAGE
    assert f"At most {limits.FRAME_MAX_BYTES} bytes" in PAGE
