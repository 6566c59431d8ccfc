"""`savar practice`: the driver's terminal and the riders' panels with a bus that is not there."""

import logging
import os
from pathlib import Path
from random import Random

import click

from cli.stopping import stop_on_signals
from edge.adapters.clock import SystemClock
from simulators.practice import DRIVER, PIN, Practice

PAGES = Path("build/web/onboard")


@click.command()
@click.option(
    "--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="On 127.0.0.1; 0: a free one."
)
@click.option("--pages", default=PAGES, show_default=True, type=click.Path(path_type=Path, file_okay=False),
              help="The built pages; `make web` makes them.")  # fmt: skip
@click.option("--riders/--no-riders", default=True, show_default=True, help="Riders who come by themselves.")
@click.option("--seed", default=7, show_default=True, help="Riders come from it.")
def command(*, port: int, pages: Path, riders: bool, seed: int) -> None:
    """Learn the driver's terminal: real pages and rules, doors of air. Nothing is charged. Ctrl-C ends it."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    stop = stop_on_signals()
    clock = SystemClock(trust="operator", floor_ms=0)
    practice = Practice(clock=clock, randomness=os.urandom, pages=pages, port=port)
    practice.start(riders=Random(seed) if riders else None)  # noqa: S311 - riders, not keys
    url = practice.server.url
    click.echo(f"terminal {url}/  driver {DRIVER}, PIN {PIN}   panels {url}/panel.html?door=1 and 2", err=True)
    try:
        stop.wait()
    finally:
        practice.stop()
