"""`savar ledger held`: what is held for owners, and each tap of it with its reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.core.explaining.explain import told_as
from backend.core.held_ports import HeldStore
from backend.core.holding import HeldTap
from backend.core.limits import HELD_PAGE
from cli.output import json_option, write_json
from protocol.plurals import counted


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="backend.toml, as `savar provision city` wrote it.")  # fmt: skip
@click.option("--taps", is_flag=True, help="Each tap, too: its place in its journal, its reason, its rials.")
@json_option("the sums, and with --taps every tap")
def held(path: Path, taps: bool, out: str | None) -> None:  # noqa: FBT001 - click's
    """Say what is held for each vehicle's owner and why; each tap of it is a case. The backend may run."""
    store = open_ledger(load_config(path))
    try:
        sums = store.held_sums()
        each = list(all_held(store)) if taps else []
    finally:
        store.close()
    if out is not None:
        write_json(out, _json(sums, each, taps=taps))
        return
    for it in sums:
        click.echo(f"{it.vehicle}  {it.why.value}: {counted(it.taps, 'tap')}, {it.rials:,} rials")
    for one in each:
        click.echo(f"{told_as(one.tap)}  {one.vehicle}  {one.why.value}  {one.rials:,} rials")
    total = sum(it.rials for it in sums)
    click.echo(
        f"{counted(sum(it.taps for it in sums), 'case')}, {total:,} rials held; `savar explain` says of each tap why",
        err=True,
    )


def all_held(store: HeldStore) -> Iterator[HeldTap]:
    """Every tap, a page at a time."""
    page = store.held(None, HELD_PAGE)
    while page:
        yield from page
        page = store.held(page[-1].tap, HELD_PAGE)


def _json(sums: Any, each: list[HeldTap], *, taps: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "held": [
            {"vehicle": it.vehicle, "why": it.why.value, "taps": it.taps, "rials": it.rials, "oldest_ms": it.oldest_ms}
            for it in sums
        ]
    }
    if taps:
        found["taps"] = [
            {
                "tap": told_as(it.tap),
                "vehicle": it.vehicle,
                "wall_ms": it.wall_ms,
                "why": it.why.value,
                "rials": it.rials,
            }
            for it in each
        ]
    return found
