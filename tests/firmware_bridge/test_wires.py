"""What who wires a board sees of it, wire by wire."""

import io
import threading

import pytest
from click.testing import CliRunner
from rich.console import Console

from cli.board import Watching, command
from firmware_bridge.core.declaration import Input
from firmware_bridge.core.errors import MeasuredInVain
from firmware_bridge.core.limits import PULSES_MIN
from firmware_bridge.core.link import Inputs
from firmware_bridge.core.wires import WIRES, Watch
from tests.firmware_bridge.cable import Cable, until


def inputs(*which: Input, odometer: int = 0) -> Inputs:
    return Inputs(sum(1 << one for one in which), 0, odometer, 24_100)


def test_every_wire_of_the_board_is_told_at_first_and_then_what_changes() -> None:
    watch = Watch()
    assert (watch.told(), watch.supply_mv) == ([], None)
    first = watch.heard(inputs(Input.IGNITION))
    assert {told.wire.bit for told in first} == set(Input), "no input of the declaration is left out"
    assert [told.state for told in first] == ["shut", "shut", "on", "good", "shut", "free", "free"]
    assert watch.heard(inputs(Input.IGNITION)) == []
    (opened,) = watch.heard(inputs(Input.IGNITION, Input.DOOR_REAR_LEAF))
    assert (opened.wire.pin, opened.state, opened.changes) == ("PB1", "open", 1)
    both = watch.heard(inputs(Input.POWER_FAIL))
    assert {(told.wire.name, told.state) for told in both} == {
        ("ignition", "off"), ("supply", "fails"), ("door, rear leaf", "shut"),
    }  # fmt: skip
    assert [told.changes for told in watch.told()] == [0, 2, 1, 1, 0, 0, 0]
    assert watch.supply_mv == 24_100


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_a_wire_is_its_own_bit(wire: object) -> None:
    watch = Watch()
    watch.heard(inputs())
    assert [told.wire for told in watch.heard(inputs(wire.bit))] == [wire]  # type: ignore[attr-defined]


def test_pulses_go_on_over_the_end_of_the_counter_and_not_over_a_restart() -> None:
    watch = Watch()
    assert not watch.began_anew(), "the first time is no interruption"
    watch.heard(inputs(odometer=65_000))
    watch.heard(inputs(odometer=464))
    assert (watch.pulses, watch.mm_per_pulse(200)) == (1_000, 200)
    assert watch.began_anew()
    assert (watch.told(), watch.interruptions) == ([], 1)
    watch.heard(inputs(odometer=7))
    watch.heard(inputs(odometer=607))
    assert watch.pulses == 1_600, "what came between is not known"


@pytest.mark.parametrize(
    ("pulses", "interrupted", "why"),
    [
        ((), False, "was never heard"),
        ((0,), False, "gave 0 pulses: too few"),
        ((0, PULSES_MIN - 1), False, "too few to measure by"),
        ((0, 1_000), True, "the line to the board was gone meanwhile"),
    ],
)
def test_what_is_no_measure_is_not_given_as_one(pulses: tuple[int, ...], *, interrupted: bool, why: str) -> None:
    watch = Watch()
    for count in pulses:
        watch.heard(inputs(odometer=count))
    if interrupted:
        watch.began_anew()
    with pytest.raises(MeasuredInVain, match=why) as refused:
        watch.mm_per_pulse(100)
    assert refused.value.fix


def test_a_change_is_a_line_where_nobody_has_a_terminal() -> None:
    cable, said, stop = Cable(), io.StringIO(), threading.Event()
    watching = Watching(cable.path)
    thread = threading.Thread(target=watching.run, args=(Console(file=said, width=200), stop))
    thread.start()
    try:
        until(lambda: "PB2 ignition: off" in said.getvalue())
        cable.set(Input.DOOR_FRONT_LEAF, on=True)
        until(lambda: "PB0 door, front leaf: open" in said.getvalue())
        until(lambda: "ADC0 supply's voltage: 24.0 V; PG0 odometer: 0 pulses" in said.getvalue())
        assert "has not answered" not in said.getvalue(), "it was only looked for"
        cable.deaf = True
        until(lambda: "the board is gone" in said.getvalue())
        cable.deaf = False
        until(lambda: "the board restarted, or its line was gone" in said.getvalue())
    finally:
        stop.set()
        thread.join()
        cable.pull()


def test_a_board_that_is_not_there_is_named_with_what_to_do() -> None:
    said, stop = io.StringIO(), threading.Event()
    thread = threading.Thread(target=Watching("/dev/no-such-line").run, args=(Console(file=said, width=200), stop))
    thread.start()
    try:
        until(lambda: "/dev/no-such-line does not open: No such file or directory; adapters there: " in said.getvalue())
    finally:
        stop.set()
        thread.join()


def test_in_a_terminal_it_is_a_picture_and_what_is_wrong_stands_in_it_as_it_is() -> None:
    """Words in brackets are no markup."""
    for port, words in (("/dev/no-such-line", "adapters there"), ("no-such-number", "[panel.board] of validator.toml")):
        said, stop = io.StringIO(), threading.Event()
        console = Console(file=said, width=200, force_terminal=True)
        thread = threading.Thread(target=Watching(port).run, args=(console, stop))
        thread.start()
        try:
            until(lambda said=said, words=words: words in said.getvalue())  # type: ignore[misc]
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("asked", [[], ["--port", "/dev/x", "--config", "y"]])
def test_it_has_to_be_told_which_board(asked: list[str]) -> None:
    result = CliRunner().invoke(command, asked)
    assert (result.exit_code, "give either --config FILE or --port PORT" in result.output) == (2, True)
