"""`savar ledger forget --before DAY`: travel is destroyed, and the money stays."""

from dataclasses import asdict
from pathlib import Path

import click

from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.forgetting import Forgetting
from backend.app.ledgers import open_ledger
from cli.days import ServiceDay
from cli.output import json_option, write_json
from cli.progress import progress
from cli.whoami import account
from protocol.jalali import day_text
from protocol.plurals import counted


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="backend.toml, as `savar provision city` wrote it.")  # fmt: skip
@click.option("--before", "before", required=True, type=ServiceDay(), help="First day to remember, e.g. 1405/01/01.")
@json_option("what was forgotten")
def forget(path: Path, before: int, out: str | None) -> None:
    """Destroy day keys and riders' rides of whole weeks before DAY. It cannot be undone; the backend may run."""
    config = load_config(path)
    store = open_ledger(config)
    try:
        with progress("looking at day keys", 1) as tick:
            found = Forgetting(store, wall_ms, config.privacy.travel_days).forget(
                before, lambda what, done: tick(what, done, max(done, 1)), by=account()
            )
    finally:
        store.close()
    if out is not None:
        write_json(out, asdict(found) | {"day": day_text(found.day)})
        return
    click.echo(
        f"travel before {day_text(found.day)} is gone: {counted(found.keys, 'day key')},"
        f" {counted(found.claims, 'ride')}, {counted(found.tickets, 'ride')} of cards; the money is as it was"
    )
    if found.kept:
        click.echo(f"{counted(found.kept, 'ride')} stay until their cases are decided: `savar ledger held`", err=True)
    click.echo("a running backend has unwrapped keys until its next start; destroy backups of before, too", err=True)
