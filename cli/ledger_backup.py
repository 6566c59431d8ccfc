"""`savar ledger backup|restore`: a ledger into one file while its backend writes, and back as a new incarnation."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from backend.app.backend import wall_ms
from backend.app.backups import back_up
from backend.app.backups import restore as put_back
from backend.app.config import load_config
from cli.backend_config import backend_config
from cli.output import json_option, write_json
from cli.progress import progress


@click.command()
@backend_config
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option("what the backup says of itself")
def backup(path: Path, file: Path, out: str | None) -> None:
    """Copy the ledger into FILE, checked; the backend may run. Riders are in it: keep it as you keep the ledger."""
    config = load_config(path)
    with progress("looking at the ledger", 1) as tick:
        label = back_up(config, file, at_ms=wall_ms(), tick=tick)
    if out is not None:
        write_json(out, asdict(label))
        return
    ledger = label.ledger
    click.echo(
        f"{file}: {ledger.city}, {label.database}, incarnation {ledger.incarnation}, {ledger.records:,} records,"
        f" {ledger.transfers:,} transfers, head {ledger.head[:16]}…, {_when(label.made_ms)}"
    )
    click.echo("bring it to another machine, and try `savar ledger restore` there now and then", err=True)


@click.command()
@backend_config
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Set the ledger that is there aside; without it one is refused.")
@json_option("the ledger that was put back")
def restore(path: Path, file: Path, replace: bool, out: str | None) -> None:  # noqa: FBT001 - click's
    """Put the ledger of FILE back, with the backend stopped. It is a new incarnation: buses send what it lacks."""
    config = load_config(path)
    with progress("looking at the backup", 1) as tick:
        restored = put_back(config, file, replace=replace, at_ms=wall_ms(), tick=tick)
    if out is not None:
        write_json(out, asdict(restored))
        return
    ledger = restored.ledger
    click.echo(
        f"{ledger.city}: {ledger.records:,} records and {ledger.transfers:,} transfers are back, as incarnation"
        f" {ledger.incarnation}"
    )
    if restored.aside:
        click.echo(f"the ledger that was there is kept: {restored.aside}")
    click.echo(
        "next: start the backend; buses then send again what this ledger lacks, in a city with a recovery key once"
        f" `savar provision restored CITY {ledger.incarnation}` is announced. Riders who registered and top-ups that"
        " were paid since the backup do not come back by themselves: docs/DEPLOY.md, Backup and restore",
        err=True,
    )


def _when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
