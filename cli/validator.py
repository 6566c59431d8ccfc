"""`savar validator --config FILE`: run the validator of one door until a signal ends it."""

import logging
import signal
import threading
from pathlib import Path

import click

from edge.adapters.console_panel import ConsolePanel, SilentPanel
from edge.app.config import load_config
from edge.app.validator import Validator

LOOK_S = 1.0  # how often a thread that died is noticed


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The device's validator.toml, as `savar provision device` wrote it.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="No panel on the console.")
def command(path: Path, *, quiet: bool) -> None:
    """Run the validator of one door. Ctrl-C or SIGTERM ends it cleanly; a power cut loses nothing either."""
    logging.basicConfig(
        level=logging.WARNING if quiet else logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    config = load_config(path)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    panel = SilentPanel() if quiet else ConsolePanel(f"{config.vehicle}/{config.door}")
    validator = Validator(config, panel=panel)
    validator.start()
    click.echo(f"validator {config.device} looks for codes; Ctrl-C ends it", err=True)
    try:
        while not stop.wait(LOOK_S):
            if validator.failure is not None:
                raise validator.failure
    finally:
        validator.stop()
