"""`savar drill ledger|topups`: real parts under kills and misbehaviour, and what must stand then."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from cli.drill_topups import topups
from cli.output import STDOUT, json_option, write_json
from cli.progress import progress
from protocol.limits import DAY_S


@click.group()
def command() -> None:
    """Try on the real parts what must hold whatever happens to them. Takes minutes, and leaves nothing running."""


command.add_command(topups)


@command.command()
@click.option("--db", "database", required=True, type=click.Choice(["sqlite", "postgresql"]), help="Of the ledger.")
@click.option("--taps", default=400_000, show_default=True, type=click.IntRange(1), help="A multiple of --buses.")
@click.option("--buses", default=40, show_default=True, type=click.IntRange(1, 200), help="Each with a session.")
@click.option("--riders", default=20_011, show_default=True, type=click.IntRange(2), help="A prime deals them evenly.")
@click.option("--seed", default=1, show_default=True, help="Of the moments of the kills, and of what comes twice.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path("build"),
              show_default=True, help="The city, its ledger and its log come below it, and go.")  # fmt: skip
@json_option("the figures and faults")
def ledger(*, database: str, taps: int, buses: int, riders: int, seed: int, folder: Path, out: str | None) -> None:
    """400,000 taps, a fifth of them twice, three kill -9 of the backend, a restart of the database; then a restoration.

    What must stand: every tap once, every balance the sum of its transfers and what the riders rode, nothing lost that
    was receipted; and the same again, when the ledger was lost and restored from the middle, and the buses have synced.
    """
    from simulators.drill.plan import Plan
    from simulators.drill.run import Terms, run

    if taps % buses:
        raise click.UsageError(f"{taps} taps cannot be dealt to {buses} buses: give a multiple")
    plan = Plan(taps, buses, riders, began_ms=time.time_ns() // 1_000_000 - DAY_S * 500)
    with tempfile.TemporaryDirectory(dir=folder, prefix="drill-") as made, progress("city", 1) as tick:
        figures = run(Terms(database, plan, seed), Path(made), tick)
    if out is not None:
        write_json(out, figures)
    if out != STDOUT:
        _tell(figures)
    sys.exit(bool(figures["faults"]))


def _tell(figures: dict[str, Any]) -> None:
    restore = figures["restore"]
    click.echo(
        f"{figures['db']}: {figures['taps']:,} taps of {figures['buses']} buses in {figures['seconds']} s,"
        f" {figures['doubled_share']:.0%} sent again on purpose; restored with {restore['missing']:,} records missing,"
        f" which the buses sent within {restore['synced_s']} s"
    )
    for fault in figures["faults"]:
        click.echo(f"fault: {fault}", err=True)
    click.echo("every tap is there once, and every balance is right" if not figures["faults"] else "it does not hold")
