"""The declaration: codes and names are one each, and two sides that differ say in what."""

from dataclasses import replace

import pytest

from firmware_bridge.core.declaration import (
    COMMANDS,
    SHOW,
    STATUS_FIELDS,
    Cause,
    Field,
    Size,
    differences,
    digest,
    pack,
    text,
    unpack,
    width,
)
from firmware_bridge.core.errors import CommandUnknown
from firmware_bridge.core.limits import DECLARATION_MAX_CHARS, PAYLOAD_MAX_BYTES
from protocol.wire.health import BoardCause


def test_health_tells_why_the_board_started_in_the_boards_own_numbers() -> None:
    """Two tables, since the contract knows no board: a number that only one of them has would be told as another."""
    assert {it.name: int(it) for it in BoardCause} == {it.name: int(it) for it in Cause}


def test_codes_and_names_are_one_each_and_all_fits() -> None:
    assert len({command.code for command in COMMANDS}) == len({command.name for command in COMMANDS}) == len(COMMANDS)
    assert width(STATUS_FIELDS) <= PAYLOAD_MAX_BYTES
    assert len(text()) * 3 // 2 < DECLARATION_MAX_CHARS
    assert "\0" not in text()


def test_a_command_that_does_not_fit_a_frame_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="show does not fit"):
        replace(SHOW, takes=(Field("a", Size.U32), Field("b", Size.U32)))


def test_differences_are_told_by_name_and_more_is_none() -> None:
    changed = tuple(replace(it, takes=(Field("row", Size.U16),)) if it is SHOW else it for it in COMMANDS[:-1])
    assert differences(text()) == ()
    assert differences(text((*COMMANDS, replace(SHOW, code=99, name="sing")))) == ()
    assert differences(text(changed)) == (
        "show is another: 3 show(row:2), not 3 show(verdict:1,reason:1)", "board is missing",
    )  # fmt: skip
    redder = text().replace("verdict 4.0 amber", "verdict 4.0 red").replace("times(2000", "times(1")
    assert [it[:24] for it in differences(redder)] == ["verdict 4.0 is another: ", "times is another: 0 time"]
    assert digest(changed) != digest()
    assert differences("rubbish\n\n")[: len(COMMANDS)] == tuple(f"{command.name} is missing" for command in COMMANDS)


def test_values_have_their_fields_width() -> None:
    fields = (Field("a"), Field("b", Size.U16), Field("c", Size.U32))
    assert unpack(fields[:2], pack(fields[:2], (255, 65_535), "x")) == (255, 65_535)
    assert unpack(fields[:2], b"\1\2") is None
    for values in ((1,), (256, 0), (-1, 0)):
        with pytest.raises(CommandUnknown):
            pack(fields[:2], values, "x")
