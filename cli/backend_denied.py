"""`savar backend denied`: who may not ride for what he owes, lost phones, blocked cards: the next deny list."""

from pathlib import Path
from typing import Any

import click

from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.moved import moved_lines
from backend.app.payments.denied import DenyLine, deny_lines
from backend.core.moving import VERSION_MAX
from cli.output import json_option, write_json, write_text
from protocol.localtime import service_day
from protocol.plurals import counted


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="backend.toml, as `savar provision city` wrote it.")  # fmt: skip
@click.option("--deny-file", type=click.Path(path_type=Path, dir_okay=False),
              help="File for who is denied, for `savar bundle make --deny-file`.")  # fmt: skip
@json_option("who is denied, and who has paid")
def denied(path: Path, deny_file: Path | None, out: str | None) -> None:
    """Say who is denied because banks took top-ups back, who has paid since, whose phone is lost, what card is blocked.

    The backend may run.

    Who has paid leaves the list by `savar bundle make --allow ID`; that takes no two people. Whose phone is lost stays
    on it with the old phone's version. A blocked card is named until its last day, and stays on the list.
    """
    store = open_ledger(load_config(path))
    try:
        now, paid = deny_lines(store)
        moved = moved_lines(store, {it.denial.credential_id for it in now})
        cards = store.blocked_cards(service_day(wall_ms()))
    finally:
        store.close()
    if deny_file is not None:
        lines = [_text(it.denial.credential_id, it.version) for it in now]
        lines += [_text(it.credential_id, it.version) for it in moved]
        lines += [_text(it, VERSION_MAX) for it in cards]
        write_text(str(deny_file), "".join(f"{line}\n" for line in lines))
    paid = [it for it in paid if it.denial.credential_id not in {one.credential_id for one in moved}]
    if out is not None:
        write_json(out, {"denied": [_json(it) for it in now], "paid": [_json(it) for it in paid], "moved": [
            {"credential_id": it.credential_id.hex(), "version": it.version} for it in moved
        ], "cards": [it.hex() for it in cards]})  # fmt: skip
        return
    for it in now:
        click.echo(f"{_text(it.denial.credential_id, it.version)}  {it.denial.reason}")
    for one in moved:
        click.echo(f"{_text(one.credential_id, one.version)}  moved to another phone")
    for card in cards:
        click.echo(f"{_text(card, VERSION_MAX)}  card is blocked")
    for it in paid:
        click.echo(f"--allow {it.denial.credential_id.hex()}  has paid")
    told = f"{counted(len(now), 'rider')} denied, {len(paid)} have paid since, {len(moved)} moved to another phone,"
    told += f" {counted(len(cards), 'card')} blocked"
    click.echo(told, err=True)


def _text(credential_id: bytes, version: int) -> str:
    """As a deny file has it."""
    return f"{credential_id.hex()}={version}"


def _json(it: DenyLine) -> dict[str, Any]:
    denial = it.denial
    return {
        "credential_id": denial.credential_id.hex(), "version": it.version, "reason": denial.reason,
        "since_ms": denial.since_ms, "ended_ms": denial.ended_ms,
    }  # fmt: skip
