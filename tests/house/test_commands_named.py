"""A command that code or a page names to a person is there, with the options that are named."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from cli.main import cli
from tests.house.tidy import ROOMS

ROOT = Path(__file__).parents[2]
_QUOTED = re.compile(r"`savar ([^`]+)`")
_LINE = re.compile(r"^ {4}(?:sudo )?savar (.+)$", re.MULTILINE)


def faults(line: str) -> Iterator[str]:
    """What of a command line is not there. Words that only stand for something (FILE, …, a|b) end a command's name."""
    here: click.Command = cli
    words = line.split("#", maxsplit=1)[0].replace("[", " ").replace("]", " ").split()
    for word in words:
        if word.startswith("-"):
            break
        if not isinstance(here, click.Group):
            break
        for name in word.split("|"):
            if not re.fullmatch(r"[a-z][a-z-]*", name):
                return  # stands for any of them
            found = here.get_command(click.Context(here), name)
            if found is None:
                yield f"there is no `{name}` in `savar {line}`"
                return
        here = found
    options = {option for it in here.params for option in it.opts} | {"--help", "-h", "--version"}
    for word in words:
        if re.match(r"--[a-z]", word) and word.split("=")[0].rstrip("…,;:.") not in options:
            yield f"there is no {word} in `savar {line}`"


def test_every_command_that_is_named_is_there() -> None:
    texts = {path: path.read_text("utf-8") for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    texts |= {path: path.read_text("utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
    named = [(path, line) for path, text in texts.items() for line in (*_QUOTED.findall(text), *(
        _LINE.findall(text) if path.suffix == ".md" else ()))]  # fmt: skip
    assert len(named) > 100
    assert [f"{path.relative_to(ROOT)}: {fault}" for path, line in named for fault in faults(line)] == []


def test_it_would_be_noticed() -> None:
    assert list(faults("journal check FILE"))
    assert list(faults("bundle make CITY --fares 1"))
    assert not list(faults("journal inspect|verify FILE --json -"))
