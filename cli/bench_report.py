"""How a benchmark is told, and on which disk it is done: what all of them have."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cli.output import STDOUT, write_json

folder_option = click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path(), show_default="here",
    help="Measure on this folder's disk.",
)  # fmt: skip


def report(figures: dict[str, Any], out: str | None) -> None:
    """A line a figure, or JSON."""
    if out != STDOUT:  # whatever becomes of the file
        for name, value in figures.items():
            for line in _lines(name, value):
                click.echo(line)
    if out:
        write_json(out, figures)


def _lines(name: str, value: object) -> Iterator[str]:
    """A figure; a table of figures as a line each."""
    if not (isinstance(value, dict) and value and all(isinstance(row, dict) for row in value.values())):
        yield f"{name:20} {json.dumps(value, ensure_ascii=False)}"
        return
    yield name
    for of, row in value.items():
        yield f"  {of:28} {', '.join(f'{key} {_said(one)}' for key, one in row.items())}"


def _said(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
