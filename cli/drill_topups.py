"""`savar drill topups`: top-ups against providers that misbehave, with the backend killed, and what must stand then."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from cli.output import STDOUT, json_option, write_json
from cli.progress import progress

SHOWN_MAX = 20
SETTLE_S = 600.0  # of a whole drill on a busy machine: it took 232 s
WEAK_SETTLE_S = 20.0  # nothing more comes of waiting for what is planted


@click.command()
@click.option("--db", "database", required=True, type=click.Choice(["sqlite", "postgresql"]), help="Of the ledger.")
@click.option("--topups", default=10_000, show_default=True, type=click.IntRange(1), help="That reach a pay page.")
@click.option("--riders", default=200, show_default=True, type=click.IntRange(2), help="Every second owes already.")
@click.option("--kills", default=30, show_default=True, type=click.IntRange(0), help="SIGKILL of the backend.")
@click.option("--seed", default=1, show_default=True, help="Of what goes wrong, and of the moments of the kills.")
@click.option("--weak", default="", type=click.Choice(["", "no-sweeper", "callback-word"]),
              help="Plant a weakness, to see that it is found.")  # fmt: skip
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path("build"),
              show_default=True, help="The city, its ledger and its log come below it, and go.")  # fmt: skip
@json_option("the figures and differences")
def topups(  # noqa: PLR0917 - click's
    database: str, topups: int, riders: int, kills: int, seed: int, weak: str, folder: Path, out: str | None
) -> None:
    """10,000 top-ups with both providers misbehaving and the backend killed at random: wallets = providers' truth.

    What must stand: every rider's wallet less debt is what the providers hold verified, less his rides; every payment
    is credited once, or has gone back; who owes too much is denied.
    """
    from simulators.payments.drill import Terms, run

    terms = Terms(topups, riders, kills, seed, database, WEAK_SETTLE_S if weak else SETTLE_S, weak)
    with tempfile.TemporaryDirectory(dir=folder, prefix="drill-") as made, progress("city", topups) as tick:
        figures = run(terms, Path(made), tick)
    if out is not None:
        write_json(out, figures)
    if out != STDOUT:
        _tell(figures)
    sys.exit(bool(figures["differences"]))


def _tell(figures: dict[str, Any]) -> None:
    wrong = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(figures["misbehaved"].items()))
    click.echo(
        f"{figures['db']}: {figures['topups']:,} top-ups of {figures['riders']} riders in {figures['seconds']} s,"
        f" {figures['kills']} kills, settled {figures['settled_after_s']} s after the last; {wrong};"
        f" {figures['denied']} riders denied"
    )
    for it in figures["differences"][:SHOWN_MAX]:
        click.echo(f"difference: {it}", err=True)
    click.echo(f"{len(figures['differences'])} differences from the providers' truth")
