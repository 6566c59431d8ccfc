"""`savar backend denied`: who may not ride for what he owes, for the next bundle's deny list."""

from pathlib import Path
from typing import Any

import click

from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.payments.denied import DenyLine, deny_lines
from cli.output import json_option, write_json, write_text
from protocol.plurals import counted


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="backend.toml, as `savar provision city` wrote it.")  # fmt: skip
@click.option("--deny-file", type=click.Path(path_type=Path, dir_okay=False),
              help="File for who is denied, for `savar bundle make --deny-file`.")  # fmt: skip
@json_option("who is denied, and who has paid")
def denied(path: Path, deny_file: Path | None, out: str | None) -> None:
    """Say who is denied because banks took top-ups back, and who has paid since; the backend may run.

    Who has paid leaves the list by `savar bundle make --allow ID`; that takes no two people.
    """
    store = open_ledger(load_config(path))
    try:
        now, paid = deny_lines(store)
    finally:
        store.close()
    if deny_file is not None:
        write_text(str(deny_file), "".join(f"{_text(it)}\n" for it in now))
    if out is not None:
        write_json(out, {"denied": [_json(it) for it in now], "paid": [_json(it) for it in paid]})
        return
    for it in now:
        click.echo(f"{_text(it)}  {it.denial.reason}")
    for it in paid:
        click.echo(f"--allow {it.denial.credential_id.hex()}  has paid")
    click.echo(f"{counted(len(now), 'rider')} denied, {len(paid)} have paid since", err=True)


def _text(it: DenyLine) -> str:
    """As a deny file has it."""
    return f"{it.denial.credential_id.hex()}={it.version}"


def _json(it: DenyLine) -> dict[str, Any]:
    denial = it.denial
    return {
        "credential_id": denial.credential_id.hex(), "version": it.version, "reason": denial.reason,
        "since_ms": denial.since_ms, "ended_ms": denial.ended_ms,
    }  # fmt: skip
