"""`savar validator --config FILE`: run the validator of one door until a signal ends it."""

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.stopping import stop_on_signals
from edge.adapters.console_panel import ConsolePanel
from edge.adapters.service_manager import ServiceManager
from edge.app.config import ValidatorConfig, load_config
from edge.app.panels import Panels, open_panels
from edge.app.power_fails import PowerFails
from edge.app.supervise import supervise
from edge.app.validator import Validator

if TYPE_CHECKING:
    from edge.app.served_terminal import ServedTerminal


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
    stop = stop_on_signals()
    console = None if quiet else ConsolePanel(f"{config.vehicle}/{config.door}")
    manager = ServiceManager.of(os.environ)
    power = PowerFails(stop)
    with open_panels(config.panel, console, on_power_fails=power.fails) as panels:
        validator, terminal = _wire(config, panels)
        power.guards(validator.boarding.shut)
        validator.start()
        if terminal is not None:
            terminal.start()
        click.echo(f"validator {config.device} looks for codes; Ctrl-C ends it", err=True)
        try:
            supervise(
                validator, manager, stop, lambda: time.monotonic_ns() // 1_000_000,
                also=lambda: panels.failure or (None if terminal is None else terminal.failure),
            )  # fmt: skip
        finally:
            manager.stopping()
            if terminal is not None:
                terminal.stop()
            validator.stop()
            manager.close()


def _wire(config: ValidatorConfig, panels: Panels) -> "tuple[Validator, ServedTerminal | None]":
    """The validator, with the driver's terminal beside it where one is configured."""
    if config.terminal is None:
        return Validator(config, panel=panels, vehicle=panels.vehicle, panel_problem=lambda: panels.problem), None
    from edge.app.served_terminal import beside  # a validator without one needs no HTTP server

    return beside(config, config.terminal, panels, vehicle=panels.vehicle, panel_problem=lambda: panels.problem)
