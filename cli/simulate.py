"""`savar simulate`: cities in one virtual world, from their seeds, with everything that goes wrong in one."""

import gc
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from multiprocessing import get_context
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

from cli import simulate_words as words
from cli.output import STDOUT, OutFile, json_option, write_json, write_text
from simulators.seeded.faults import LONG_OUTAGE, NAMES
from simulators.seeded.people import CREDENTIAL_DAYS
from simulators.seeded.planted import PLANTED
from simulators.seeded.quick import quicken
from simulators.seeded.run import SEED_MAX, UNFORESEEN, Result, Scale, dense, run_seed, scratch, short

PLANTED_SEEDS = 500  # a defect that so many cities do not find is one that the simulation is blind for
LIVES = 200  # cities that one process lives before another takes its place
Done = TypeVar("Done")


@click.command()
@click.option("--seed", type=int, help=f"Live this one city, of {SEED_MAX + 1:,}.")
@click.option("--seeds", help="Live the cities FIRST:END, e.g. 0:2000: from FIRST on, before END.")
@click.option("--minutes", type=click.IntRange(1), help="Minutes of riding, in one go; without it, by chance.")
@click.option("--days", type=click.IntRange(1, CREDENTIAL_DAYS - 1), help="So many days with riding on each.")
@click.option("--faults", "names", help="Only these faults, by name, separated by commas; `none` for none.")
@click.option("--planted", help="Plant a defect by its name, or `all`: each must be found. With --seed, in that city.")
@click.option("--trace", type=OutFile(), help="Write one city's event log to this file; - is standard output.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1), help="Processes.")
@json_option("the result")
def command(
    *, seed: int | None, seeds: str | None, minutes: int | None, days: int | None, names: str | None,
    planted: str | None, trace: str | None, jobs: int, out: str | None,
) -> None:  # fmt: skip
    """Run the real code of buses and backend in a simulated world, seed by seed, and hold it against the promises.

    Faults are on, and nothing wrong may happen; then they are healed, and everything must come to rest. Status 1 if a
    promise was broken, with the one command that replays it. docs/SIMULATION.md tells how to read an event log.
    """
    faults, defects = _chosen(names, minutes), _wanted(planted)
    if defects and seed is None and seeds is None:
        _refuse_for_search(minutes=minutes, days=days, faults=names, trace=trace)
        _search(defects, jobs, out)
    cities = _cities(seed, seeds)
    _refuse_together(cities, defects, minutes=minutes, days=days, trace=trace, out=out)
    scale = dense(days) if days else short(minutes) if minutes else Scale()
    defect = defects[0] if defects else None
    with scratch() as root, _ended_softly():
        live = partial(_live, planted=defect, faults=faults, scale=scale, tracing=trace is not None, within=root)
        began = time.monotonic()
        with closing(_each(live, cities, jobs, "cities", LIVES)) as lived:
            results = sorted(lived, key=lambda result: result.seed)
    summary = words.summary(results, time.monotonic() - began)
    arguments = {"--planted": defect, "--faults": faults, "--minutes": minutes, "--days": days}
    words.say(results, summary, arguments, tail=trace not in (None, STDOUT))
    if trace is not None:
        write_text(trace, "\n".join(results[0].trace) + "\n")
    if out:
        write_json(out, summary)
    sys.exit(bool(summary["violations"]))


# --- what was asked for -----------------------------------------------------------------------------------------------


def _chosen(names: str | None, minutes: int | None) -> list[str] | None:
    """The faults named, each once; None: all."""
    if names is None:
        return None
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",")))
    if wanted == ["none"]:
        return []
    there_are = f"there are: {', '.join(NAMES)}; or none, by itself"
    if wanted == [""]:
        raise click.UsageError(f"--faults names no fault; {there_are}")
    if "none" in wanted:
        raise click.UsageError("--faults none stands by itself: no fault and a fault are not to be had together")
    if unknown := [name for name in wanted if name not in NAMES]:
        raise click.UsageError(f"no fault {', '.join(map(repr, unknown))}; {there_are}")
    if wanted == [LONG_OUTAGE] and minutes:
        raise click.UsageError(f"a {LONG_OUTAGE} lies between periods of riding, and --minutes has one period")
    return wanted


def _wanted(planted: str | None) -> list[str]:
    """The defects named; none where none are planted."""
    if planted is None:
        return []
    if planted == "all":
        return list(PLANTED)
    names = list(dict.fromkeys(name.strip() for name in planted.split(",")))
    if unknown := [name for name in names if name not in PLANTED]:
        raise click.UsageError(f"no defect {', '.join(map(repr, unknown))}; there are: {', '.join(PLANTED)}; or all")
    return names


def _cities(seed: int | None, seeds: str | None) -> Sequence[int]:
    """The seeds asked for; without any, the first."""
    if seeds is None:
        chosen = range(seed or 0, (seed or 0) + 1)
    elif seed is not None:
        raise click.UsageError("--seed is one city and --seeds are many: give one of them")
    elif (found := re.fullmatch(r"(\d+):(\d+)", seeds)) and int(found[1]) < int(found[2]):
        chosen = range(int(found[1]), int(found[2]))
    else:
        raise click.UsageError("--seeds is FIRST:END, e.g. 0:2000, with FIRST from 0 on and below END")
    if not 0 <= chosen[0] <= chosen[-1] <= SEED_MAX:
        raise click.UsageError(
            f"seeds go from 0 to {SEED_MAX:,}: each city begins seven minutes after the one before, and the last day"
            " that a pass can name has to be well after it"
        )
    return chosen


def _refuse_together(
    cities: Sequence[int], defects: list[str], *, minutes: int | None, days: int | None, trace: str | None,
    out: str | None,
) -> None:  # fmt: skip
    """What cannot be honoured together is refused, and not dropped."""
    if minutes and days:
        raise click.UsageError("--days is many periods of riding and --minutes is one: give one of them")
    if trace is not None and len(cities) > 1:
        raise click.UsageError("--trace is the event log of one city: give it with --seed")
    if trace is not None and trace == out:
        raise click.UsageError(f"--trace and --json cannot both go to {'standard output' if out == STDOUT else out}")
    if len(defects) > 1:
        raise click.UsageError("a city is lived with one planted defect: name one, or give neither --seed nor --seeds")


def _refuse_for_search(**given: object) -> None:
    if dropped := [f"--{name}" for name, value in given.items() if value is not None]:
        raise click.UsageError(
            f"--planted without --seed looks for a city that finds the defect, and has no {', '.join(dropped)}:"
            " take the seed that it finds, then give --planted NAME --seed N with it"
        )


# --- running ----------------------------------------------------------------------------------------------------------


def _live(seed: int, *, planted: str | None, **more: Any) -> Result:
    """One city, with a defect planted in it or none."""
    with PLANTED[planted]() if planted else nullcontext():
        result = run_seed(seed, **more)
    if not gc.isenabled():
        gc.collect()
    return result


def _each(
    do: Callable[[Any], Done], things: Iterable[Any], jobs: int, what: str, lives: int
) -> Generator[Done, None, None]:
    """Do it with each thing, several at a time; what is done first comes first. Progress is on the error stream.

    The processes leave Ctrl-C to this one, which ends them; they leave no files but in their caller's folder.
    """
    things = list(things)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        if jobs == 1 or len(things) == 1:
            yield from progress.track(map(do, things), total=len(things), description=what)
            return
        with get_context("fork").Pool(jobs, _prepare, maxtasksperchild=lives) as pool:
            done = pool.imap_unordered(do, things, chunksize=4 if lives > 1 else 1)
            yield from progress.track(done, total=len(things), description=what)


def _prepare() -> None:
    """A process that lives cities: signals are its parent's to heed, from the first moment."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    quicken()
    gc.freeze()  # what is imported stays: each collection would go through all of it again
    gc.disable()  # a city's own garbage goes in one sweep behind it


@contextmanager
def _ended_softly() -> Iterator[None]:
    """SIGTERM ends this process as an error does: what it began is ended, its files are removed."""

    def end(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# --- planted defects --------------------------------------------------------------------------------------------------


def _search(names: list[str], jobs: int, out: str | None) -> NoReturn:
    """Each defect in turn, until a seed finds it; status 1 if one is not found."""
    found: dict[str, Any] = {}
    with (
        scratch() as root,
        _ended_softly(),
        closing(_each(partial(search, within=root), names, jobs, "planted defects", 1)) as searched,
    ):
        for name, hit in searched:
            found[name] = hit
            words.say_planted(name, hit, PLANTED_SEEDS)
    if out:
        write_json(out, {"planted": {name: found[name] for name in names}})
    sys.exit(not all(found.values()))


def search(name: str, **more: Any) -> tuple[str, dict[str, Any] | None]:
    """The first seed that finds a planted defect, and which checker of which promise did.

    An error that nobody caught is no find: it is what a defect that no longer fits the product ends in.
    """
    for seed in range(PLANTED_SEEDS):
        result = _live(seed, planted=name, **more)
        if found := [it for it in result.violations if it.checker != UNFORESEEN]:
            first = found[0]
            return name, {"found_at": seed, "by": f"{first.promise} {first.checker}", "what": first.what}
    return name, None
