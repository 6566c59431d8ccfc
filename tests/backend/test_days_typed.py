"""A service day is typed as people here write it, with either line between, or as abroad: it is the same day."""

import click
import pytest

from cli.days import ServiceDay


@pytest.mark.parametrize("text", ["1405/09/08", "1405-09-08", "1405/9/8", "2026-11-29", "2026/11/29"])
def test_a_day_is_read_however_it_is_written(text: str) -> None:
    assert ServiceDay().convert(text, None, None) == 20_786


@pytest.mark.parametrize("text", ["1405/13/01", "2026-02-30", "1405", "1699/1/40", "x/y/z", "", "1405/09/08/1"])
def test_what_is_no_day_says_how_one_is_written(text: str) -> None:
    with pytest.raises(click.BadParameter, match="1405/09/08 or 2026-11-29"):
        ServiceDay().convert(text, None, None)
