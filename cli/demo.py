"""`savar demo`: a city in one process, and an audit of what is on the disk after it."""

import json
import logging
import shlex
import subprocess
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from benchmarks.figures import percentile
from cli.output import json_option, write_json
from cli.stopping import stop_on_signals
from edge.adapters.console_panel import SHAPE, STYLE, SilentPanel
from simulators.board.door import BoardDoor, Pins, colour
from simulators.city import BRISK, CALM, City, Tally

REFRESH_HZ = 4
APP = Path(__file__).parents[1] / "build" / "web" / "passenger"
FIRST_DOOR = "bus-0001-d1"
MUST_BE_ZERO = ("lost", "doubled", "overcharged", "ledger_sum", "broken")  # of the audit


@click.command()
@click.option("--buses", default=3, show_default=True, type=click.IntRange(1, 12), help="How many buses.")
@click.option("--doors", default=1, show_default=True, type=click.IntRange(1, 2), help="How many doors a bus has.")
@click.option("--for", "seconds", type=click.FloatRange(1), help="Seconds to run; without it, until Ctrl-C.")
@click.option("--seed", default=7, show_default=True, help="Keys, riders and script come from it.")
@click.option(
    "--cut-network", "cut_s", default=0.0, type=click.FloatRange(0), help="Cut the network for so long in the middle."
)
@click.option("--board", is_flag=True, help="The first door's lamps hang on a panel board: its firmware, under QEMU.")
@click.option(
    "--run", "root", type=click.Path(path_type=Path, file_okay=False), help="Folder of this run; must be new."
)
@json_option("the result")
def command(
    *, buses: int, doors: int, seconds: float | None, seed: int, cut_s: float, board: bool, root: Path | None,
    out: str | None,
) -> None:  # fmt: skip
    """Three buses whose riders hold phones before cameras, a broker, a backend, a status page; then an audit.

    Frames go through the validator's own decode loop. Everything listens on 127.0.0.1.
    """
    if cut_s and (seconds is None or cut_s >= seconds):
        raise click.UsageError("--cut-network needs a longer --for")
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(message)s")
    console = Console(stderr=True)
    root = root or Path("run") / f"demo-{datetime.now():%Y%m%d-%H%M%S}"  # noqa: DTZ005 - a folder's name
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="savar-board-") as scratch:
        door = BoardDoor(Path(scratch)) if board else None
        city = City(
            root, buses=buses, doors=doors, seed=seed, rhythm=CALM if seconds is None else BRISK,
            say=lambda text: console.print(f"[bold]·[/] {text}", highlight=False),
            panel_of=lambda device: door if door is not None and device == FIRST_DOOR else SilentPanel(),
            app=APP if APP.is_dir() else None,
        )  # fmt: skip
        stop = stop_on_signals()
        if door is not None:
            console.print("[bold]·[/] the panel board starts under QEMU", highlight=False)
            door.start()
        try:
            drained = _run(city, console, stop, seconds=seconds, cut_s=cut_s, door=door)
        finally:
            if door is not None:
                door.stop()
    result = _audit(root)
    ordered = list(city.tally.decision_ms) or [0.0]
    result["decision_ms"] = {f"p{at}": round(percentile(ordered, at), 1) for at in (50, 95, 99)}
    result["drained"] = drained
    if door is not None:
        result["board"] = _pins(door.pins)
    _say_result(console, root, result)
    if out:
        write_json(out, result)
    wrong = door is not None and bool(door.pins.wrong)
    sys.exit(not drained or wrong or any(result[name] for name in MUST_BE_ZERO))


def _pins(pins: Pins) -> dict[str, Any]:
    """What the board's pins did: ms from the verdict to the first that moved, and whether the colours were right."""
    lags = list(pins.lag_ms) or [0.0]
    return {
        "verdicts": len(pins.lag_ms), "to_pin_ms": {f"p{at}": round(percentile(lags, at), 1) for at in (50, 95, 99)},
        "right": pins.right, "wrong": pins.wrong,
    }  # fmt: skip


def _run(
    city: City, console: Console, stop: threading.Event, *, seconds: float | None, cut_s: float, door: BoardDoor | None
) -> bool:
    """Set up, play, drain, stop → whether all was drained."""
    try:
        city.prepare()
        city.start()
        console.print(f"[bold green]·[/] status page: [link={city.url}]{city.url}[/link]   Ctrl-C ends it cleanly")
        if APP.is_dir():
            app = f"{city.url.rstrip('/')}/passenger/"
            console.print(f"[bold green]·[/] passengers' app: [link={app}]{app}[/link]")
        else:
            console.print("[bold]·[/] no passengers' app here: `make web` builds it", highlight=False)
        with Live(console=console, get_renderable=lambda: _picture(city, door), refresh_per_second=REFRESH_HZ):
            city.play(seconds, stop, cut_s=cut_s)
        failure = city.failure()
        if failure is not None:
            raise failure
        drained = city.drain()
        console.print(f"[bold]·[/] top-ups against the provider's statement: {city.statement()}", highlight=False)
        return drained
    finally:
        city.stop()


def _picture(city: City, door: BoardDoor | None) -> Text:
    """One line a door: its lamp and words now; the board's pins; then the counts."""
    tally: Tally = city.tally
    text = Text(no_wrap=True, overflow="ellipsis")
    with tally.lock:
        for name, showing in sorted(tally.last.items()):
            row = showing.row
            text.append(f"  {name}  ")
            text.append(f"{SHAPE[row.lamp]} {row.rider_fa}", STYLE.get(row.lamp, ""))
            text.append(f"  {row.rider_en}\n", "dim")
    if door is not None:
        lamp = colour(door.lit)
        names = ", ".join(sorted(door.lit)) or "dark"
        text.append(f"  board        {SHAPE[lamp]} pins: {names}\n", STYLE.get(lamp, ""))
    text.append(f"  {tally.boarded} boarded, {tally.refused} not, {city.backlog} waiting to be sent\n")
    return text


def _audit(root: Path) -> dict[str, Any]:
    """The separate audit, another process, over what is on the disk."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "cli.main", "audit", "--run", str(root), "--json", "-"],
        check=False, stdout=subprocess.PIPE,
    )  # fmt: skip
    if not done.stdout:
        raise click.ClickException("the audit found nothing to read; its own words are above")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _say_result(console: Console, root: Path, result: dict[str, Any]) -> None:
    good = not any(result[name] for name in MUST_BE_ZERO)
    console.print(
        f"[bold]audit[/] {result['presented']} presented, {result['accepted']} accepted, {result['posted']} posted, "
        f"{result['lost']} lost, {result['doubled']} doubled, ledger sum {result['ledger_sum']}",
        style="green" if good else "bold red", highlight=False, soft_wrap=True,
    )  # fmt: skip
    if "board" in result:
        pins = result["board"]
        console.print(
            f"[bold]board[/] {pins['verdicts']} verdicts on its pins, {pins['right']} colours right, "
            f"{len(pins['wrong'])} wrong, {pins['to_pin_ms']['p99']} ms to the pin (p99)",
            style="bold red" if pins["wrong"] else "green", highlight=False, soft_wrap=True,
        )  # fmt: skip
    click.secho(
        f"the run is in {root}; again: {shlex.join(['savar', 'audit', '--run', str(root)])}", dim=True, err=True
    )
