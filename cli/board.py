"""`savar board`: what hangs on a panel board, wire by wire, as it changes; for who has just wired it."""

import logging
import secrets
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.stopping import stop_on_signals
from edge.app.config import load_config
from firmware_bridge.app.board import SILENT, Board
from firmware_bridge.core.limits import SILENT_SAID_MS
from firmware_bridge.core.link import Inputs
from firmware_bridge.core.wires import Watch
from protocol.plurals import counted

_REFRESH_S = 0.2
_MEASURED_S = 2.0  # between two lines of what is measured, where there is no picture
_INTERRUPTED = "the board restarted, or its line was gone"


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
        click.echo(f"{counted(watching.watch.pulses, 'pulse')} in {metres:g} m: mm_per_pulse = {mm}")


class Watching:
    """One board at `port`. Its words come on the board's thread, the picture is drawn on ours."""

    def __init__(self, port: str) -> None:
        self.watch = Watch()
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._changed: list[str] = []
        self._board = Board(port, session=secrets.randbits(8), on_inputs=self._heard, on_ready=self._ready)

    def _heard(self, inputs: Inputs) -> None:
        with self._lock:
            self._changed += [f"{it.wire.pin} {it.wire.name}: {it.state}" for it in self.watch.heard(inputs)]

    def _ready(self) -> None:
        with self._lock:
            if self.watch.began_anew():
                self._changed.append(_INTERRUPTED)

    def run(self, console: Console, stop: threading.Event) -> None:
        """A picture that follows the wires in a terminal, else a line for each change, until `stop`."""
        self._board.start()
        try:
            (self._draw if console.is_terminal else self._tell)(console, stop)
        finally:
            self._board.stop()
        if self._board.failure is not None:
            raise self._board.failure

    def _draw(self, console: Console, stop: threading.Event) -> None:
        with Live(console=console, auto_refresh=False) as live:
            ended = False
            while not ended:
                ended = stop.wait(_REFRESH_S) or self._board.failure is not None
                problem = self._problem()
                with self._lock:
                    live.update(self._picture() if problem is None else Text(problem), refresh=True)

    def _tell(self, console: Console, stop: threading.Event) -> None:
        said: object = None
        measured = ""
        next_s = 0.0
        while not stop.wait(_REFRESH_S) and self._board.failure is None:
            if said != (said := self._problem()):
                console.print(said or "the board is there", markup=False, highlight=False)
            with self._lock:
                changed, self._changed = self._changed, []
                now = self._measured() if time.monotonic() >= next_s else measured
            for line in changed:
                console.print(line, markup=False, highlight=False)
            if now != measured:
                measured, next_s = now, time.monotonic() + _MEASURED_S
                console.print(measured, markup=False, highlight=False)

    def _problem(self) -> str | None:
        """What keeps it from being watched; a board that was just opened may take its time."""
        problem = self._board.problem
        if problem is SILENT and time.monotonic() - self._began < SILENT_SAID_MS / 1000:
            return "looking for the board …"
        return None if problem is None else str(problem)

    def _measured(self) -> str:
        """Holding the lock."""
        return "; ".join(f"{pin} {what}: {now}" for pin, what, now in self._figures())

    def _figures(self) -> Sequence[tuple[str, str, str]]:
        """Holding the lock: pin, what is measured there, and how much; nothing before the first status."""
        if (supply_mv := self.watch.supply_mv) is None:
            return []
        return [
            ("ADC0", "supply's voltage", f"{supply_mv / 1000:.1f} V"),
            ("PG0", "odometer", counted(self.watch.pulses, "pulse")),
        ]

    def _picture(self) -> Table:
        """Holding the lock."""
        table = Table("pin", "wire", "now", "changes", box=None, header_style="dim")
        for told in self.watch.told():
            table.add_row(told.wire.pin, told.wire.name, told.state, str(told.changes or ""))
        for figure in self._figures():
            table.add_row(*figure, "")
        if self.watch.interruptions:
            table.add_row("", _INTERRUPTED, "", str(self.watch.interruptions))
        return table
