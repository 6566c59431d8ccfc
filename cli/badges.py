"""`savar badges make`: printed badges by which drivers sign in. No code is ever printed to the screen."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.days import ServiceDay
from cli.output import json_option, write_json
from cli.tickets import draw
from provisioning.app.badges import make_badges
from provisioning.app.city import FIRST_ISSUER


@click.group()
def command() -> None:
    """Drivers' badges."""


@command.command()
@click.argument("root", type=click.Path(path_type=Path, file_okay=False))
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
@click.option("--until", "last_day", required=True, type=ServiceDay(), metavar="DAY",
              help="Last day, e.g. 1406/06/31.")  # fmt: skip
@click.option("--issuer", default=FIRST_ISSUER, show_default=True, help="Whose key signs.")
@json_option("what was made")
def make(*, root: Path, numbers: tuple[str, ...], last_day: int, issuer: str, out: str | None) -> None:
    """Print a new badge for each driver NUMBER, and make the next bundle of the city at ROOT, which names them.

    The badge that a driver had opens nothing any more where that bundle is in force.
    """
    made = make_badges(
        root, numbers, last_day=last_day, issuer=issuer, now=datetime.now(UTC), randomness=os.urandom, draw=draw
    )
    if out:
        write_json(out, {"badges": {number: str(page) for number, page in made.pages.items()},
                         "bundle_number": made.bundle.bundle.number})  # fmt: skip
        return
    click.echo(f"bundle           {made.bundle.bundle.number}, in force on a bus once it has it")
    for number, page in made.pages.items():
        click.echo(f"secret           {page} (badge of driver {number}: print it, then delete it)")
