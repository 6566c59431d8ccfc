"""`savar frames`: what a camera at a bus door sees, drawn from a seed, with the truth beside it."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import click
import cv2

from cli.output import OutFile
from protocol import limits
from protocol.plurals import counted
from simulators.camera import BUSY, KINDS, STILL, Labelled, stream
from simulators.camera.sheet import draw_sheet, passes

CODES = {"long": limits.LONG_PASS_BYTES, "short": limits.SHORT_PASS_BYTES}
PACES = {"still": STILL, "busy": BUSY}
SHEET_QUALITY = 72  # of a JPEG: 13 kinds in less than 400 KB


@click.command()
@click.option("--kind", type=click.Choice(KINDS), default="phones", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--count", type=click.IntRange(1, 4_000), default=100, show_default=True, help="Frames.")
@click.option("--code", type=click.Choice(list(CODES)), default="long", show_default=True,
              help="As long as which pass: QR version 8-L or 5-L.")  # fmt: skip
@click.option("--pace", type=click.Choice(list(PACES)), default="busy", show_default=True,
              help="Whether people and the street move behind the phones.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for PNGs and labels.jsonl.")
@click.option("--sheet", type=OutFile(), help="Draw a frame of every kind into this picture instead (JPEG or PNG).")
def command(*, kind: str, seed: int, count: int, code: str, pace: str, out: Path | None, sheet: str | None) -> None:
    """Draw labelled frames as a door's camera sees them.

    Each line of labels.jsonl names a PNG, the text in view, whether it is whole and ours, and every parameter that
    chance decided. The parameters of each presentation are printed. Same arguments, same bytes.
    """
    if (out is None) == (sheet is None):
        raise click.UsageError("name a folder with --out or a picture with --sheet")
    if sheet is not None:
        _save(Path(sheet), draw_sheet(seed))
        return
    assert out is not None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{out} cannot be made: {error.strerror}; name another folder") from error
    click.echo(f"kind {kind}, seed {seed}, {code} code, pace {pace}, {counted(count, 'frame')}")
    told: set[int] = set()
    with (out / "labels.jsonl").open("w", encoding="utf-8") as labels:
        for seen in islice(stream(kind, seed, passes(seed, CODES[code]), pace=PACES[pace]), count):
            file = f"{seen.number:05}.png"
            _save(out / file, seen.shot.take().bgr)
            label = {"file": file, "kind": kind, "seed": seed, "code": code, "pace": pace, **_label(seen)}
            labels.write(json.dumps(label, ensure_ascii=False) + "\n")
            _tell(seen, label["parameters"], told)


def _label(seen: Labelled) -> dict[str, Any]:
    return {
        "number": seen.number,
        "payload": seen.payload,
        "presentation": seen.presentation,
        "whole": seen.whole,
        "foreign": seen.foreign,
        "parameters": seen.shot.parameters,
    }


def _tell(seen: Labelled, parameters: dict[str, Any], told: set[int]) -> None:
    """The cabin's parameters with the first frame, a presentation's with the first of its own."""
    if seen.number == 0:
        click.echo("cabin: " + _words(parameters["light"]))
    if seen.presentation is not None and seen.presentation not in told:
        told.add(seen.presentation)
        click.echo(f"presentation {seen.presentation}: " + _words(parameters["in_view"][-1]["conditions"]))


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _save(path: Path, picture: Any) -> None:
    """Write a picture. A folder that cannot be written, or a name of no known format, ends the command."""
    try:
        jpeg = [cv2.IMWRITE_JPEG_QUALITY, SHEET_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
        encoded, data = cv2.imencode(path.suffix or ".png", picture, jpeg)
    except cv2.error as error:
        raise click.UsageError(f"{path.name}: no picture format of this name; use .jpg or .png") from error
    assert encoded
    path.write_bytes(data.tobytes())
