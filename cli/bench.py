"""`savar bench …`: speed as ratios to a physical limit measured in the same run."""

import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from cli.bench_accounts import accounts
from cli.bench_report import folder_option, report
from cli.output import json_option
from cli.progress import adding, of_one, progress


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder on the disk that is measured, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bench-") as made:
        yield Path(made)


@click.group()
def command() -> None:
    """Measure speed. Quote the medians of several runs: machines are noisy."""


command.add_command(accounts)


@command.command()
@click.option(
    "--taps",
    default=4_000,
    show_default=True,
    type=click.IntRange(1),
    help="Taps to measure in each of the two phases.",
)
@folder_option
@json_option("the figures")
def tap(taps: int, folder: Path, out: str | None) -> None:
    """A full tap (decide, encode, seal, chain, sign, commit) against fdatasync of a 4 KiB block.

    Needs a processor that is free for the signing thread: look at `load`.
    """
    from benchmarks import tap as bench

    with progress("taps", 2 * taps) as tick, _scratch(folder) as scratch:
        figures = bench.run(scratch, taps=taps, tick=of_one(tick, "taps"))
    report(figures, out)


@command.command()
@click.option("--showings", default=200, show_default=True, type=click.IntRange(1), help="Of each of ten kinds.")
@click.option("--seed", default=1, show_default=True, help="Of the order in which they come.")
@folder_option
@json_option("the figures")
def decide(showings: int, seed: int, folder: Path, out: str | None) -> None:
    """From a code's bytes to its verdict at a door in the middle of a full day; then with the record on the disk."""
    from benchmarks import decide as bench

    with progress("riders and their phones", 10 * showings) as tick, _scratch(folder) as scratch:
        figures = bench.run(scratch, showings=showings, seed=seed, tick=tick)
    report(figures, out)


@command.command()
@click.option("--days", default=120, show_default=True, type=click.IntRange(1), help="Days without a network.")
@click.option("--daily", default=2_000, show_default=True, type=click.IntRange(1), help="Taps a day.")
@click.option(
    "--taps", default=1_000, show_default=True, type=click.IntRange(1), help="Taps to measure in each run and phase."
)
@folder_option
@json_option("the figures")
def age(days: int, daily: int, taps: int, folder: Path, out: str | None) -> None:
    """A journal of 120 days without a network: taps beside an empty one, start, drain, pruning. Takes about 7 minutes.

    Disks of busy machines are noisy: look at `load`, and at each run's own figures.
    """
    from benchmarks import age as bench

    with progress("growing", 100) as tick, _scratch(folder) as scratch:
        figures = bench.run(scratch, days=days, daily=daily, taps=taps, tick=tick)
    report(figures, out)


@command.command()
@click.option("--riders", default=1_000_000, show_default=True, type=click.IntRange(1_000), help="Riders in the table.")
@click.option("--changed", default=10_000, show_default=True, type=click.IntRange(2), help="Riders of the update.")
@click.option("--lookups", default=50_000, show_default=True, type=click.IntRange(1_000), help="Lookups to measure.")
@folder_option
@json_option("the figures")
def riders(riders: int, changed: int, lookups: int, folder: Path, out: str | None) -> None:
    """A rider table of a million: size, memory, lookups, an update while somebody looks up all the time."""
    from benchmarks import riders as bench

    with progress("building", 100) as tick, _scratch(folder) as scratch:
        figures = bench.run(scratch, riders=riders, changed=changed, lookups=lookups, tick=tick)
    report(figures, out)


@command.command()
@click.option("--lines", default=130, show_default=True, type=click.IntRange(1, 1_000), help="Lines of the city.")
@click.option("--drives", default=40, show_default=True, type=click.IntRange(1), help="Ways that are driven.")
@json_option("the figures")
def where(lines: int, drives: int, out: str | None) -> None:
    """A city's timetable and a bus on it: size, load, what a fix costs, how soon and how rightly a line is known."""
    from benchmarks import where as bench

    with progress("making a feed", 100) as tick:
        figures = bench.run(lines=lines, drives=drives, tick=tick)
    report(figures, out)


@command.command()
@click.option("--frames", default=200, show_default=True, type=click.IntRange(1, 1_000), help="Frames of each kind.")
@click.option("--seed", default=1, show_default=True, help="Of the drawn frames.")
@json_option("the figures")
def light(frames: int, seed: int, out: str | None) -> None:
    """What light, focus and hints cost beside a reader's look at the same frame, and what their search finds."""
    from benchmarks import light as bench

    with progress("frames", len(bench.KINDS) * frames) as tick:
        figures = bench.run(frames=frames, seed=seed, tick=adding(tick, "frames"))
    report(figures, out)


@command.command()
@click.option("--trials", default=100, show_default=True, type=click.IntRange(1), help="Symbols a step and version.")
@click.option("--seed", default=1, show_default=True, help="Of the drawn symbols.")
@json_option("the figures")
def reach(trials: int, seed: int, out: str | None) -> None:
    """How many pixels a module are read, for versions 5-L and 8-L, and how much further the smaller code reaches."""
    from benchmarks import reach as bench

    with progress("symbols", bench.SYMBOLS * trials) as tick:
        figures = bench.run(trials=trials, seed=seed, tick=adding(tick, "symbols"))
    report(figures, out)


@command.command()
@click.option("--frames", default=300, show_default=True, type=click.IntRange(50), help="Frames of each scene.")
@click.option("--seed", default=5, show_default=True, type=int, help="Of the drawn frames.")
@click.option("--corpus", type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="Photographs, too: a folder with a manifest.json.")  # fmt: skip
@click.option("--readers", "names", default="", help="Only these, by name, separated by commas; the loop and zxing-cpp"
              " are always there.")  # fmt: skip
@click.option("--kinds", is_flag=True, help="Also each kind of screen and paper, and short against long on dim ones.")
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), help="Write tables to this Markdown file,"
              " and a plot beside it.")  # fmt: skip
@json_option("the figures")
def decode(
    *, frames: int, seed: int, corpus: Path | None, names: str, kinds: bool, page: Path | None, out: str | None
) -> None:
    """Every reader and the decode loop on the same frames: reads, wrong reads, CPU time, first read. About 4 minutes.

    Frames are drawn from the seed (`savar frames` shows them). Times are CPU time on one core; the ratios count.
    """
    from benchmarks import decode as bench
    from benchmarks import decode_page, photos, readers

    wanted = {name.strip() for name in names.split(",") if name.strip()} or set(readers.NAMES)
    if unknown := sorted(wanted - set(readers.NAMES)):
        raise click.UsageError(f"no reader {', '.join(map(repr, unknown))}; there are: {', '.join(readers.NAMES)}")
    wanted |= {readers.LOOP, readers.ZXING_BGR, readers.ZXING_GREY}
    contenders = [contender for contender in readers.CONTENDERS if contender.name in wanted]
    with progress("frames", frames) as tick:
        figures = bench.run(frames=frames, seed=seed, contenders=contenders, tick=tick)
        if kinds:
            figures["kinds"] = bench.by_kind(frames=frames, seed=seed, contenders=contenders, tick=tick)
            figures["dim"] = bench.forms(frames=frames, seed=seed, tick=tick)
        if corpus is not None:
            figures["photographs"] = photos.run(corpus, contenders, tick)
    if page is not None:
        drawing = page.with_suffix(".png")
        drawing.write_bytes(decode_page.png(figures))
        page.write_text(decode_page.page(figures, drawing.name), encoding="utf-8")
    report(figures, out)


@command.command()
@click.option(
    "--frames", default=100_000, show_default=True, type=click.IntRange(1), help="Frames to draw and to read."
)
@click.option("--seed", default=1, show_default=True, type=int, help="Of the drawn frames.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--keep", "kept", type=click.Path(path_type=Path, dir_okay=False), help="Go on from this file, and write"
              " to it what is done: a run that was ended begins where it was.")  # fmt: skip
@json_option("the counts")
def misreads(*, frames: int, seed: int, workers: int, kept: Path | None, out: str | None) -> None:
    """Whether a code is ever taken for another one, over very many drawn frames; an hour. Fails if one was."""
    from benchmarks import misreads as bench

    with progress("frames", frames) as tick:
        figures = bench.run(frames=frames, seed=seed, workers=workers, kept=kept, tick=of_one(tick, "frames"))
    report(figures, out)
    sys.exit(figures["accepted misreads"] > 0)


@command.command()
@click.option("--commands", default=100_000, show_default=True, type=click.IntRange(1), help="Over the spoiling line.")
@click.option("--byte-errors", default=0.01, show_default=True, type=click.FloatRange(0, 0.2), help="Each way, of each"
              " byte.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of what the line spoils.")
@json_option("the figures")
def board(*, commands: int, byte_errors: float, seed: int, out: str | None) -> None:
    """The panel board's firmware under QEMU: round trips, commands over a spoiling line, recoveries. 20 minutes.

    Fails if a command was carried out twice, or lost without being told.
    """
    from benchmarks import board as bench

    logging.getLogger("firmware_bridge").setLevel(logging.CRITICAL)  # that the board goes is what is measured
    with progress("the board starts", commands) as tick:
        figures = bench.run(commands=commands, byte_errors=byte_errors, seed=seed, tick=tick)
    report(figures, out)
    sys.exit(figures["executed_twice"] + figures["lost_unreported"] > 0)


@command.command()
@click.option("--presentations", default=120, show_default=True, type=click.IntRange(1), help="Riders before the lens.")
@click.option("--seed", default=5, show_default=True, type=int, help="Of the drawn frames.")
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(0), help="For each case of processes;"
              " 0 leaves them out.")  # fmt: skip
@click.option("--beside", is_flag=True, help="A second camera in the same process looks at a busy cabin meanwhile.")
@click.option("--board", is_flag=True, help="Its panel is the panel board's firmware under QEMU: from verdict to pin.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path(),
              show_default="here", help="The journals lie on this folder's disk.")  # fmt: skip
@json_option("the figures")
def door(
    *, presentations: int, seed: int, seconds: float, beside: bool, board: bool, folder: Path, out: str | None
) -> None:
    """From the first readable frame to the lamp, and a validator's memory and CPU. About 10 minutes.

    Riders pass in real time, 15 frames a second; needs a processor that is free: look at `load`.
    """
    from benchmarks import door as bench
    from benchmarks import door_processes

    with progress("presentations", presentations) as tick, _scratch(folder) as scratch:
        figures = bench.run(
            scratch, presentations=presentations, seed=seed, beside=beside, board=board,
            tick=of_one(tick, "presentations"),
        )  # fmt: skip
        if seconds:
            tick("processes", 0)
            figures["processes"] = door_processes.run(scratch, seconds=seconds, seed=seed)
    report(figures, out)


@command.command()
@click.option("--db", "database", required=True, type=click.Choice(["sqlite", "postgresql"]), help="Which ledger.")
@click.option("--transactions", default=200, show_default=True, type=click.IntRange(1), help="Of each side.")
@click.option("--taps", default=1_000, show_default=True, type=click.IntRange(1), help="In each.")
@click.option("--path-taps", default=40_000, show_default=True, type=click.IntRange(1), help="From MQTT to receipts.")
@click.option("--path-buses", default=20, show_default=True, type=click.IntRange(1), help="They bring them.")
@folder_option
@json_option("the figures")
def ingest(
    *, database: str, transactions: int, taps: int, path_taps: int, path_buses: int, folder: Path, out: str | None
) -> None:
    """A group of taps into the ledger beside its records into a table without rules, and from MQTT to the receipt.

    Rates, and their ratios in one run. Three minutes on a machine that does nothing else: look at `load`.
    """
    from benchmarks import ingest as bench
    from benchmarks import ingest_path

    with progress("transactions", transactions) as tick:
        figures = bench.run(
            database=database, transactions=transactions, taps=taps, folder=folder, tick=of_one(tick, "transactions")
        )
        figures |= ingest_path.run(
            database=database, taps=path_taps, buses=path_buses, riders=min(path_taps // 4, 5_003) | 1, folder=folder,
            tick=tick, ledgers=partial(bench.new_ledgers, database),
        )  # fmt: skip
    report(figures, out)


@command.command()
@click.option("--db", "database", required=True, type=click.Choice(["sqlite", "postgresql"]), help="Which ledger.")
@click.option("--taps", default=50_000_000, show_default=True, type=click.IntRange(1_000), help="That it holds.")
@click.option("--keep", is_flag=True, help="Leave SQLite's file in --folder, and go on where it was ended.")
@folder_option
@json_option("the figures")
def filled(*, database: str, taps: int, keep: bool, folder: Path, out: str | None) -> None:
    """A ledger that holds many taps beside an empty one: how many it takes a second, how long a history takes.

    Fifty million take about 80 GB and some hours; SQLite's lie in --folder, PostgreSQL's in TMPDIR.
    """
    from benchmarks import filled as bench

    if keep and database != "sqlite":
        raise click.UsageError("--keep is for SQLite's file: leave it out, or say --db sqlite")
    kept = folder / f"savar-filled-{taps}.db" if keep else None
    with progress("the ledger", max(1, taps // bench.GROUP)) as tick:
        figures = bench.run(database=database, taps=taps, folder=folder, tick=tick, kept=kept)
    report(figures, out)


@command.command()
@click.option("--db", "database", required=True, type=click.Choice(["sqlite", "postgresql"]), help="Which ledger.")
@click.option("--taps", default=1_000_000, show_default=True, type=click.IntRange(1_000), help="Of a week.")
@click.option("--topups", default=100_000, show_default=True, type=click.IntRange(300), help="Of the same.")
@click.option("--faults", default=500, show_default=True, type=click.IntRange(1), help="At least; of every class.")
@click.option("--seed", type=int, help="Of the faults; if none is given, the clock's.")
@click.option("--rounds", default=1, show_default=True, type=click.IntRange(1), help="Each with faults of its own.")
@folder_option
@json_option("the figures")
def reconcile(
    *,
    database: str,
    taps: int,
    topups: int,
    faults: int,
    seed: int | None,
    rounds: int,
    folder: Path,
    out: str | None,
) -> None:
    """A city's week reconciled: is every planted fault found, and none invented? Making it takes minutes.

    Fails if one was missed or invented.
    """
    from benchmarks import reconcile as bench

    with progress("books", taps) as tick:
        figures = bench.run(
            database=database, taps=taps, topups=topups, faults=faults, seed=time.time_ns() if seed is None else seed,
            rounds=rounds, folder=folder, tick=tick,
        )  # fmt: skip
    report(figures, out)
    sys.exit(figures["missed"] + figures["invented"] > 0)


@command.command()
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1), help="Devices, one after the other.")
@json_option("the figures")
def enrol(*, runs: int, out: str | None) -> None:
    """How long machines take to bring a device into a city, step by step; people's part is told beside it."""
    from benchmarks import enrol as bench

    with progress("steps", len(bench.STEPS) * runs) as tick:
        figures = bench.run(runs=runs, tick=of_one(tick, "steps"))
    report(figures, out)


@command.command()
@click.option("--devices", default=2_000, show_default=True, type=click.IntRange(1), help="They come back at once.")
@click.option("--seed", default=5, show_default=True, type=int, help="Of the waits between two tries.")
@json_option("the figures")
def reconnect(*, devices: int, seed: int, out: str | None) -> None:
    """A fleet that comes back to Mosquitto at once over mutual TLS, against the broker's own time for its handshakes.

    A minute, most of it for making certificates. Needs two processors that are free: look at `load`.
    """
    from benchmarks import reconnect as bench

    with progress("certificates and devices", 2 * devices) as tick, tempfile.TemporaryDirectory() as scratch:
        figures = bench.run(Path(scratch), devices=devices, seed=seed, tick=of_one(tick, "devices"))
    report(figures, out)
