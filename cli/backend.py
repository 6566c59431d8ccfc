"""`savar backend run|import|riders`: the backend of one shard, depot files for it, its riders for the next bundle."""

import logging
import sys
from pathlib import Path

import click

from backend.app.backend import Backend
from backend.app.config import load_config
from backend.app.rider_rows import write_riders
from cli.stopping import stop_on_signals

LOOK_S = 1.0  # how often a thread that died is noticed
_CONFIG = click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
                       help="backend.toml, as `savar provision city` wrote it.")  # fmt: skip


@click.group()
def command() -> None:
    """Run the backend of one shard, or bring it depot files."""


@command.command()
@_CONFIG
def run(path: Path) -> None:
    """Ingest taps, sign receipts, serve the API and the status page. Ctrl-C or SIGTERM ends it cleanly."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    config = load_config(path)
    stop = stop_on_signals()
    backend = Backend(config)
    backend.start()
    click.echo(f"backend {config.city}/{config.shard}: status page at {backend.url}; Ctrl-C ends it", err=True)
    try:
        while not stop.wait(LOOK_S):
            if backend.failure is not None:
                raise backend.failure
    finally:
        backend.stop()


@command.command("import")
@_CONFIG
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_files(path: Path, files: tuple[Path, ...]) -> None:
    """Take batch files that a depot carried (`savar journal export`). No file is changed or deleted."""
    backend = Backend(load_config(path))
    refused = 0
    with click.progressbar(sorted(files), label="depot files", file=sys.stderr) as shown:
        lines = [f"{file.name}: {backend.import_batch(file.read_bytes())}" for file in shown]
    backend.store.close()
    for line in lines:
        refused += "refused" in line
        click.echo(line)
    sys.exit(refused > 0)


@command.command()
@_CONFIG
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File for the rows.")
def riders(path: Path, out: Path) -> None:
    """Write the table of all registered riders, for `savar bundle make --riders`; the backend may run."""
    click.echo(f"{write_riders(load_config(path), out):,} riders in {out}")
