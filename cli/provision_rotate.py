"""`savar provision rotate …`: issuer and receipt keys change while the old ones are still believed."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.output import json_option, write_json
from protocol.jalali import day_text
from protocol.localtime import service_day
from provisioning.app import rotating
from provisioning.app.issuers import add_issuer
from provisioning.core.key_log import Kind

_ROOT = click.argument("root", type=click.Path(path_type=Path, exists=True, file_okay=False))
_KIND = click.argument("kind", type=click.Choice([Kind.ISSUER.value, Kind.RECEIPT.value]))
_ANYWAY = click.option("--anyway", is_flag=True, help="Now, although riders or buses are refused by it.")


@click.group()
def rotate() -> None:
    """Change the city's issuer and receipt keys: a new one beside the old, then in its place, then the old one goes."""


@rotate.command()
@_ROOT
@json_option("the same")
def show(*, root: Path, out: str | None) -> None:
    """List every issuer, receipt and bundle key of the city in ROOT, and what it does."""
    found = rotating.standing(root)
    if out:
        write_json(out, {"keys": [_told(it) for it in found]})
        return
    for it in found:
        told = _told(it)
        click.echo(
            f"{told['kind']:8} {told['name']:16} {told['state']:18} added {told['added'] or 'with the city'}"
            + (f", stopped {told['stopped']}" if told["stopped"] else "")
        )


def _told(it: rotating.Standing) -> dict[str, str]:
    state = "signs now" if it.signs else "may sign" if it.key.stopped_ms is None else "stopped"
    if not it.believed:
        state = "withdrawn" if it.key.stopped_ms is not None else "not in the bundle"
    days = {"added": it.key.added_ms, "stopped": it.key.stopped_ms}
    return {"kind": it.key.kind.value, "name": it.key.name, "public": it.key.public.hex(), "state": state} | {
        name: day_text(service_day(at)) if at else "" for name, at in days.items()
    }


@rotate.command()
@_ROOT
@_KIND
@click.argument("name", required=False)
def add(*, root: Path, kind: str, name: str | None) -> None:
    """Put a new key beside those there are; NAME is an issuer's. The bundle gets the next number."""
    now = datetime.now(UTC)
    if Kind(kind) is Kind.ISSUER:
        if name is None:
            raise click.UsageError("an issuer needs a name")
        number = add_issuer(root, name, now=now, randomness=os.urandom).bundle_number
    else:
        if name is not None:
            raise click.UsageError("a receipt key is named by its own id")
        known, made = rotating.add_receipt_key(root, now=now, randomness=os.urandom)
        name, number = known.name, made.bundle.number
    click.echo(f"{kind} {name} is in bundle {number}; the backend announces it, or a depot carries it")
    click.echo(f"next: when the buses have bundle {number}: savar provision rotate use {root} {kind} {name}")


@rotate.command()
@_ROOT
@_KIND
@click.argument("name")
@_ANYWAY
def use(*, root: Path, kind: str, name: str, anyway: bool) -> None:
    """Let the backend sign by the key NAME; the one before it signs nothing more."""
    old = rotating.use_key(root, Kind(kind), name, now=datetime.now(UTC), anyway=anyway)
    click.echo(f"the backend signs by {kind} {name} from its next start; {old.name} has stopped")
    click.echo("next: restart the backend; then wait until what the old key signed has run out, and")
    click.echo(f"  savar provision rotate withdraw {root} {kind} {old.name}")


@rotate.command()
@_ROOT
@_KIND
@click.argument("name")
@click.option("--riders", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="All rows of a new table of riders, without those of an issuer that goes.")  # fmt: skip
@_ANYWAY
def withdraw(*, root: Path, kind: str, name: str, riders: Path | None, anyway: bool) -> None:
    """Take the key NAME out of the bundle: nothing that it signed is believed on a bus any more."""
    made = rotating.withdraw_key(
        root, Kind(kind), name, now=datetime.now(UTC), riders=None if riders is None else riders.read_bytes(),
        anyway=anyway,
    )  # fmt: skip
    click.echo(f"bundle {made.bundle.number} does not name {kind} {name}; the log of keys keeps it, for audits")
