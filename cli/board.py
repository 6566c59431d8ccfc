"""`savar board`: what hangs on a panel board, wire by wire, as it changes; for who has just wired it."""

import logging
import secrets
import threading
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from cli.stopping import stop_on_signals
from edge.app.config import load_config
from firmware_bridge.app.board import Board
from firmware_bridge.core.link import Inputs
from firmware_bridge.core.wires import Told, Watch
from protocol.plurals import counted

_REFRESH_S = 0.2


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False),
              help="The device's validator.toml, for its [panel.board].")  # fmt: skip
@click.option("--port", help="/dev/… or the serial adapter's number, where there is no validator.toml yet.")
@click.option("--metres", type=click.FloatRange(1),
              help="How far you will drive while it watches: at its end it says mm_per_pulse.")  # fmt: skip
def command(*, path: Path | None, port: str | None, metres: float | None) -> None:
    """Watch the wires of a panel board: open a door, press a button, turn the ignition, and see it here.

    Stop the validator first: a serial line belongs to one process. The board stays dark meanwhile, and says "out of
    service" by itself two seconds after Ctrl-C.
    """
    if (path is None) is (port is None):
        raise click.UsageError("give either --config FILE or --port PORT")
    if path is not None:
        board = load_config(path).panel.board
        if board is None:
            raise click.UsageError(f"{path.name} has no [panel.board]; give --port PORT to look at one all the same")
        port = board.port
    logging.basicConfig(level=logging.CRITICAL)  # what is wrong stands in the picture
    watching = Watching(str(port))
    watching.run(Console(stderr=True), stop_on_signals())
    if metres is not None:
        mm = watching.watch.mm_per_pulse(metres)
        if mm is None:
            raise click.ClickException("the odometer gave no pulse — look at its wire on PG0, then drive again")
        click.echo(f"{counted(watching.watch.pulses, 'pulse')} in {metres:g} m: mm_per_pulse = {mm}")


class Watching:
    """One board at `port`. Its words come on the board's thread, the picture is drawn on ours."""

    def __init__(self, port: str) -> None:
        self.watch = Watch()
        self._lock = threading.Lock()
        self._changed: list[Told] = []
        self._board = Board(port, session=secrets.randbits(8), on_inputs=self._heard, on_ready=self._ready)

    def _heard(self, inputs: Inputs) -> None:
        with self._lock:
            self._changed += self.watch.heard(inputs)

    def _ready(self) -> None:
        with self._lock:
            self.watch.began_anew()

    def run(self, console: Console, stop: threading.Event) -> None:
        """A picture that follows the wires in a terminal, else a line for each change, until `stop`."""
        self._board.start()
        said: object = None
        try:
            with ExitStack() as stack:
                live = stack.enter_context(Live(console=console, auto_refresh=False)) if console.is_terminal else None
                while not stop.wait(_REFRESH_S) and self._board.failure is None:
                    problem = self._board.problem
                    with self._lock:
                        changed, self._changed = self._changed, []
                        picture = self._picture()
                    if live is not None:
                        live.update(picture if problem is None else f"{problem}", refresh=True)
                        continue
                    if said != (said := str(problem)) and problem is not None:
                        console.print(said, markup=False, highlight=False)
                    for told in changed:
                        console.print(f"{told.wire.pin} {told.wire.name}: {told.state}", markup=False, highlight=False)
        finally:
            self._board.stop()
        if self._board.failure is not None:
            raise self._board.failure

    def _picture(self) -> Table:
        """Holding the lock."""
        table = Table("pin", "wire", "now", "changes", box=None, header_style="dim")
        for told in self.watch.told():
            table.add_row(told.wire.pin, told.wire.name, told.state, str(told.changes or ""))
        if (supply_mv := self.watch.supply_mv) is not None:
            table.add_row("ADC0", "supply's voltage", f"{supply_mv / 1000:.1f} V", "")
            table.add_row("PG0", "odometer", counted(self.watch.pulses, "pulse"), "")
        return table
