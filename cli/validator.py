"""`savar validator --config FILE`: run the validator of one door until a signal ends it."""

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.stopping import stop_on_signals
from edge.adapters.allocator import one_heap
from edge.adapters.console_panel import ConsolePanel
from edge.adapters.service_manager import ServiceManager
from edge.app.config import ValidatorConfig, load_config
from edge.app.panels import Panels, open_panels
from edge.app.power_fails import PowerFails, wait_for_supply
from edge.app.starting import TrialWatch, rest_of, watch_of
from edge.app.supervise import supervise
from edge.app.validator import Validator

if TYPE_CHECKING:
    from edge.app.served_terminal import ServedTerminal

SUPPLY_WAIT_S = 1.5  # a board that was just plugged in is greeted, and speaks, within a second


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The device's validator.toml, as `savar provision device` wrote it.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="No panel on the console.")
def command(path: Path, *, quiet: bool) -> None:
    """Run the validator of one door. Ctrl-C or SIGTERM ends it cleanly; a power cut loses nothing either."""
    logging.basicConfig(
        level=logging.WARNING if quiet else logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    one_heap()
    config = load_config(path)
    ends = threading.Event()
    stop = stop_on_signals(ends)
    console = None if quiet else ConsolePanel(f"{config.vehicle}/{config.door}" if config.serves else config.device)
    manager = ServiceManager.of(os.environ)
    power = PowerFails(ends)
    with open_panels(config.panel, console, on_power_fails=power.fails) as panels:
        panels.hear_supply(SUPPLY_WAIT_S)
        try:
            if not ends.is_set():
                _serve(config, panels, power, manager, ends)
            if power.failed:
                wait_for_supply(panels.vehicle.supply_fails, lambda: panels.problem is None, manager.alive, stop)
                manager.stopping()
        finally:
            manager.close()


def _serve(
    config: ValidatorConfig, panels: Panels, power: PowerFails, manager: ServiceManager, ends: threading.Event
) -> None:
    """Take taps until it ends."""
    validator, terminal = _wire(config, panels)
    watch, rest = watch_of(config, os.environ, _mono_ms()), rest_of(config, _mono_ms())
    power.guards(validator.boarding.shut)
    validator.start()
    if terminal is not None:
        terminal.start()
    click.echo(f"validator {config.device} looks for codes; Ctrl-C ends it", err=True)

    def also() -> BaseException | None:
        if validator.assigning.begins_anew or (rest is not None and rest.look(_mono_ms(), panels.shown)):
            ends.set()
        return panels.failure or (None if terminal is None else terminal.failure) or _tried(watch, validator)

    try:
        supervise(validator, manager, ends, _mono_ms, also=also)
    finally:
        if not power.failed:  # else it is not the end: the door waits for its supply
            manager.stopping()
        if terminal is not None:
            terminal.stop()
        validator.stop()


def _tried(watch: TrialWatch | None, validator: Validator) -> BaseException | None:
    """A release that is tried, and took too long to take taps."""
    return None if watch is None else watch.look(_mono_ms(), lambda: validator.condition().reads)


def _mono_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _wire(config: ValidatorConfig, panels: Panels) -> "tuple[Validator, ServedTerminal | None]":
    """The validator, with the driver's terminal beside it where one is configured."""
    if config.terminal is None:
        return Validator(config, panel=panels, vehicle=panels.vehicle, panel_problem=lambda: panels.problem), None
    from edge.app.served_terminal import beside  # a validator without one needs no HTTP server

    return beside(config, config.terminal, panels, vehicle=panels.vehicle, panel_problem=lambda: panels.problem)
