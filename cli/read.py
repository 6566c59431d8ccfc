"""`savar read`: the door's decode loop over pictures, videos and folders, a line per file."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from edge.adapters.readers.choose import make_sight
from edge.app.read_files import FileRead, list_files, read_files


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line on standard output.")
def command(paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Read the first QR code of each picture or video.

    Folders are read in name order, one level deep. The payload is the code's content in hex; ms is the time that the
    readers took. Status 1 if a file is no image or video.
    """
    files = list_files(paths)
    if not files:
        click.echo("savar read: no files there", err=True)
    results = read_files(files, make_sight())
    failed = _print_lines(results) if as_json else _print_table(results, len(files))
    sys.exit(1 if failed else 0)


def _print_lines(results: Iterator[FileRead]) -> int:
    """JSON lines, each as soon as it is known. Returns how many files failed."""
    failed = 0
    for result in results:
        failed += result.error is not None
        click.echo(json.dumps(_line(result)))  # ASCII: a file name need not be UTF-8
    return failed


def _line(result: FileRead) -> dict[str, object]:
    if result.error is not None:
        error = result.error
        return {"file": str(result.file), "error": error.name, "message": str(error), "payload": None}
    payload = None if result.payload is None else result.payload.hex()
    return {"file": str(result.file), "payload": payload, "ms": round(result.ms, 2)}


def _print_table(results: Iterator[FileRead], total: int) -> int:
    """A table for a person, with progress on standard error. Returns how many files failed."""
    table = Table("file", "code", "ms")
    failed = 0
    for result in track(results, total=total, description="reading", console=Console(stderr=True), transient=True):
        failed += result.error is not None
        table.add_row(Text(str(result.file)), Text(_shown(result)), f"{result.ms:.1f}")  # Text: no markup in a code
    Console().print(table)
    return failed


def _shown(result: FileRead) -> str:
    """A code's text as far as it prints, else its hex; or why there is none."""
    if result.error is not None:
        return f"{result.error.name}: {result.error}"
    if result.payload is None:
        return "–"
    text = result.payload.decode("utf-8", "replace")
    return text if text.isprintable() and "�" not in text else result.payload.hex()
