"""`savar opendata make FOLDER --month 1405-08`: how many boarded where and when, so that nobody is found in it."""

import re
import shutil
from pathlib import Path

import click

from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.opendata import OpenData
from cli.backend_config import backend_config
from cli.progress import progress
from protocol.jalali import month_text

_MONTH = re.compile(r"(1[0-9]{3})[-/](0?[1-9]|1[0-2])")


class _Month(click.ParamType[int]):
    """1405-08 → months since the calendar began."""

    name = "MONTH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Text, held to a Jalali month."""
        found = _MONTH.fullmatch(str(value))
        if found is None:
            self.fail(f"{value} is no Jalali month; write 1405-08", param, ctx)
        return int(found[1]) * 12 + int(found[2]) - 1


@click.group()
def command() -> None:
    """What the city publishes of its boardings (docs/OPENDATA.md)."""


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@backend_config
@click.option("--month", "month", required=True, type=_Month(), help="A Jalali month, e.g. 1405-08.")
def make(folder: Path, path: Path, month: int) -> None:
    """Write a month's release into FOLDER/MONTH: a table, its dictionary, its method. The backend may run."""
    to = folder / month_text(month)
    if to.exists():
        raise click.ClickException(f"{to} is there already: a month is told once; two releases tell who came between")
    config = load_config(path)
    store = open_ledger(config, begins=False)  # of a wrong --config it would publish nobody
    try:
        with progress("counting days", 1) as tick:
            made = OpenData(store, config.city, wall_ms).make(month, lambda done, of: tick("counting days", done, of))
    finally:
        store.close()
    part = folder / f".{to.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name, content in made.items():
        (part / name).write_bytes(content)
    part.rename(to)  # all of it, or nothing
    click.echo(f"{to}: {', '.join(made)}; read method.md, then publish them together")
