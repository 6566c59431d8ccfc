"""`savar backend run|import|riders|let-through|cases|denied`: the backend of one shard, and what it is asked."""

import gc
import logging
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from backend.adapters.registry import FolderRegistry
from backend.app.backend import Backend, wall_ms
from backend.app.cases import CaseDesk
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.rider_rows import write_riders
from backend.core.conduct import FIX, KeptCase
from cli.backend_config import backend_config
from cli.backend_denied import denied
from cli.output import json_option, write_json
from cli.stopping import stop_on_signals
from protocol.localtime import day_begins_ms
from protocol.plurals import counted

LOOK_S = 1.0  # how often a thread that died is noticed


@click.group()
def command() -> None:
    """Run the backend of one shard, bring it depot files, ask it for cases, riders, and what was let through."""


command.add_command(denied)


@command.command()
@backend_config
def run(path: Path) -> None:
    """Ingest taps, sign receipts, serve the API and the status page. Ctrl-C or SIGTERM ends it cleanly."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request, of which the sweeper makes many
    config = load_config(path)
    stop = stop_on_signals()
    backend = Backend(config)
    backend.start()
    gc.collect()
    gc.freeze()  # what was loaded stays: to look through it for garbage takes 150 ms, in which nobody is answered
    click.echo(f"backend {config.city}/{config.shard}: status page at {backend.url}; Ctrl-C ends it", err=True)
    try:
        while not stop.wait(LOOK_S):
            if backend.failure is not None:
                raise backend.failure
    finally:
        backend.stop()


@command.command("import")
@backend_config
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_files(path: Path, files: tuple[Path, ...]) -> None:
    """Take batch files that a depot carried (`savar journal export`). No file is changed or deleted."""
    backend = Backend(load_config(path))
    refused = 0
    with click.progressbar(sorted(files), label="depot files", file=sys.stderr) as shown:
        lines = [f"{file.name}: {backend.import_batch(file.read_bytes())}" for file in shown]
    backend.close()
    for line in lines:
        refused += "refused" in line
        click.echo(line)
    if refused:
        click.echo("refused: give files of `savar journal export`, whole; export again what is damaged", err=True)
    sys.exit(refused > 0)


@command.command("let-through")
@backend_config
@json_option("the sums, by policy, cause and service day")
def let_through(path: Path, out: str | None) -> None:
    """Say how many rode free or on grace, under which policy, why, and what it cost; the backend may run."""
    config = load_config(path)
    store = open_ledger(config)
    try:
        rows = [asdict(it) | {"reason": it.reason.name} for it in store.let_through()]
    finally:
        store.close()
    if out is not None:
        write_json(out, rows)
        return
    if not rows:
        click.echo("nobody: no record that this ledger holds was let ride free or on grace")
    for row in rows:
        of = f"{row['order']} of policies {row['policies']}" if row["order"] else "no policy"
        click.echo(
            f"{_date(row['day'])}  {row['reason']}, {of}: {counted(row['rides'], 'ride')} of"
            f" {counted(row['persons'], 'person')}, {row['forgone_rials']:,} rials forgone,"
            f" {row['charged_rials']:,} charged"
        )


@command.command()
@backend_config
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File for the rows.")
def riders(path: Path, out: Path) -> None:
    """Write the table of all registered riders, for `savar bundle make --riders`; the backend may run."""
    click.echo(f"{counted(write_riders(load_config(path), out), 'rider')} in {out}")


@command.command()
@backend_config
@click.option("--all", "ended_too", is_flag=True, help="Also those that later records have ended.")
@json_option("the cases with their figures and records")
def cases(path: Path, ended_too: bool, out: str | None) -> None:  # noqa: FBT001 - click's
    """Look for cases now, and list them; the backend may run. A case is a hint for a person, and proves nothing."""
    config = load_config(path)
    store = open_ledger(config)
    try:
        CaseDesk(store, FolderRegistry(config.registry).all, wall_ms).look()
        found, due = store.cases(open_only=not ended_too), [it.day for it in store.days_due()]
    finally:
        store.close()
    if due:
        click.echo(
            f"{len(due)} days wait to be counted again, {_date(due[0])} to {_date(due[-1])}: their cases may be old;"
            " look again, or wait for the backend, which does once an hour",
            err=True,
        )
    if out is not None:
        write_json(out, [_case(it) for it in found])
        return
    for it in found:
        case = it.case
        click.echo(f"{_date(case.day)}  {case.kind.value}  {case.subject}: {case.detail}")
        click.echo(f"    {'ended by later records' if it.ended_ms is not None else FIX[case.kind]}")
    click.echo(f"{counted(len(found), 'case')}; each is a hint for a person", err=True)


def _case(it: KeptCase) -> dict[str, Any]:
    case = it.case
    return {
        "kind": case.kind.value, "subject": case.subject, "day": _date(case.day), "detail": case.detail,
        "figures": dict(case.figures), "fix": FIX[case.kind], "opened_ms": it.opened_ms, "ended_ms": it.ended_ms,
        "records": [{"device": d, "epoch": str(e), "sequence": s} for d, e, s in case.records],
    }  # fmt: skip


def _date(day: int) -> str:
    """A service day as an ISO date: its local noon lies on the same UTC day."""
    return datetime.fromtimestamp(day_begins_ms(day) / 1000 + 43_200, UTC).date().isoformat()
