"""The console panel shows verdicts and hints in both languages, each lamp with a shape of its own."""

import io

import pytest
from rich.console import Console

from edge.adapters.console_panel import SHAPE, STYLE, ConsolePanel
from protocol.fares.hints import HINTS, Hint
from protocol.fares.verdicts import Lamp


@pytest.mark.parametrize("hint", list(Hint))
def test_a_hint_is_one_line_with_its_white_shape_and_none_is_none(hint: Hint) -> None:
    out = io.StringIO()
    panel = ConsolePanel("door 0", Console(file=out, width=200))
    panel.hint(None)
    assert out.getvalue() == ""
    panel.hint(hint)
    row = HINTS[hint]
    assert out.getvalue() == f"door 0 {SHAPE[Lamp.WHITE]} {row.rider_fa}  {row.rider_en}\n"


def test_every_lamp_has_a_shape_of_its_own_and_every_lit_one_a_style() -> None:
    assert set(SHAPE) == set(Lamp)
    assert len(set(SHAPE.values())) == len(SHAPE)
    assert set(STYLE) == set(Lamp) - {Lamp.OFF}
