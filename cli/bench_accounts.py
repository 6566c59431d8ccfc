"""`savar bench accounts`: a city's accounts asked over HTTP."""

from pathlib import Path

import click

from cli.bench_report import folder_option, report
from cli.output import json_option
from cli.progress import progress


@click.command()
@click.option("--db", "database", required=True, type=click.Choice(["sqlite", "postgresql"]), help="Which ledger.")
@click.option("--accounts", default=810_000, show_default=True, type=click.IntRange(1_000), help="In the ledger.")
@click.option("--seconds", default=15.0, show_default=True, type=click.FloatRange(1), help="Of each phase of a round.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Their medians are told.")
@folder_option
@json_option("the figures")
def accounts(*, database: str, accounts: int, seconds: float, rounds: int, folder: Path, out: str | None) -> None:
    """Passes, balances and receipts over HTTP at 200 requests a second, of a full ledger beside a small one.

    Ten minutes, most of it for making 810,000 accounts. Needs two processors that are free: look at `load`.
    """
    from benchmarks import accounts as bench

    with progress("accounts", accounts) as tick:
        figures = bench.run(
            database=database, accounts=accounts, seconds=seconds, rounds=rounds, folder=folder, tick=tick
        )
    report(figures, out)
