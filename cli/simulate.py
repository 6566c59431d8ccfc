"""`savar simulate`: cities in one virtual world, from their seeds, with everything that goes wrong in one."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from cli.output import write_json
from simulators.seeded.faults import FAULTS, LONG_OUTAGE
from simulators.seeded.planted import PLANTED
from simulators.seeded.run import Result, Scale, dense, run_seed, short

PLANTED_SEEDS = 500  # a defect that so many cities do not find is one that the simulation is blind for
SHOWN_MAX = 10  # violations named on the screen; the JSON has them all
TRACE_TAIL = 40  # lines of the event log that a failing seed shows by itself


@click.command()
@click.option("--seed", type=int, help="Live this one city.")
@click.option("--seeds", help="Live the cities FIRST:END, e.g. 0:2000.")
@click.option("--minutes", type=click.IntRange(1), help="Minutes of riding, in one go; without it, by chance.")
@click.option("--days", type=click.IntRange(1), help="So many days with riding on each.")
@click.option("--faults", "names", help="Only these faults, by name, separated by commas; `none` for none.")
@click.option("--planted", help="Plant a defect by its name, or `all`: each must be found.")
@click.option("--trace", type=click.Path(path_type=Path, allow_dash=True), help="Write the event log here; - shows it.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--json", "out", help="Write the result to this file; - is standard output.")
def command(
    *, seed: int | None, seeds: str | None, minutes: int | None, days: int | None, names: str | None,
    planted: str | None, trace: Path | None, jobs: int, out: str | None,
) -> None:  # fmt: skip
    """Run the real code of buses and backend in a simulated world, seed by seed, and hold it against the promises.

    Faults are on, and nothing wrong may happen; then they are healed, and everything must come to rest. Status 1 if a
    promise was broken, with the one command that replays it. docs/SIMULATION.md tells how to read an event log.
    """
    scale = dense(days) if days else short(minutes) if minutes else Scale()
    faults = _chosen(names)
    if planted is not None:
        _plant(_wanted(planted), jobs, out)
        return
    chosen = _range(seeds) if seeds is not None else [seed if seed is not None else 0]
    began = time.monotonic()
    live = partial(run_seed, faults=faults, scale=scale, tracing=trace is not None and len(chosen) == 1)
    results = sorted(_lived(live, chosen, jobs), key=lambda result: result.seed)
    if trace is not None and len(chosen) == 1:
        _write_trace(trace, results[0])
    result = _summary(results, time.monotonic() - began)
    if out:
        write_json(out, result)
    _say(results, result, _arguments(names, minutes, days), traced=trace is not None)
    sys.exit(bool(result["violations"]))


def _chosen(names: str | None) -> set[str] | None:
    if names is None:
        return None
    if names == "none":
        return set()
    wanted = {name.strip() for name in names.split(",")}
    if unknown := wanted - set(FAULTS):
        raise click.UsageError(f"no fault {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}")
    return wanted


def _wanted(planted: str) -> list[str]:
    if planted == "all":
        return list(PLANTED)
    names = [name.strip() for name in planted.split(",")]
    if unknown := set(names) - set(PLANTED):
        raise click.UsageError(f"no defect {', '.join(sorted(unknown))}; there are: {', '.join(PLANTED)}")
    return names


def _range(text: str) -> range:
    try:
        first, end = (int(part) for part in text.split(":"))
    except ValueError as error:
        raise click.UsageError("--seeds is FIRST:END, e.g. 0:2000") from error
    if not 0 <= first < end:
        raise click.UsageError("--seeds is FIRST:END with FIRST below END")
    return range(first, end)


def _lived(live: "partial[Result]", seeds: Iterable[int], jobs: int) -> list[Result]:
    """Every seed's result, several at a time, with progress on the error stream."""
    seeds = list(seeds)
    done: list[Result] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("cities", total=len(seeds))
        if jobs == 1 or len(seeds) == 1:
            for seed in seeds:
                done.append(live(seed))
                progress.advance(task)
            return done
        with get_context("fork").Pool(jobs, maxtasksperchild=200) as pool:
            for result in pool.imap_unordered(live, seeds, chunksize=4):
                done.append(result)
                progress.advance(task)
    return done


def _summary(results: list[Result], took_s: float) -> dict[str, Any]:
    coverage: Counter[str] = Counter()
    for result in results:
        coverage += result.coverage
    simulated_s = sum(result.simulated_ms for result in results) / 1000
    return {
        "seeds": len(results),
        "violations": [
            {"seed": result.seed, "promise": one.promise, "checker": one.checker, "what": one.what}
            for result in results
            for one in result.violations
        ],
        "speed": round(simulated_s / took_s) if took_s else None,
        "seconds": round(took_s, 1),
        "taps": sum(result.taps for result in results),
        "taps_least": min(result.taps for result in results),
        "faults": sum(result.faults for result in results),
        "faults_least": min(result.faults for result in results),
        "coverage": {name: coverage[f"fault {name}"] for name in [*FAULTS, LONG_OUTAGE]},
        "verdicts": _named(coverage, "verdict "),
        "riders": _named(coverage, "rider "),
    }


def _named(coverage: Counter[str], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): n for name, n in sorted(coverage.items()) if name.startswith(prefix)}


def _arguments(names: str | None, minutes: int | None, days: int | None) -> str:
    parts = [("--faults", names), ("--minutes", minutes), ("--days", days)]
    return "".join(f" {option} {value}" for option, value in parts if value is not None)


def _say(results: list[Result], result: dict[str, Any], arguments: str, *, traced: bool) -> None:
    console = Console(stderr=True, highlight=False)
    found = result["violations"]
    console.print(
        f"[bold]{result['seeds']} cities[/], {result['taps']} taps, {result['faults']} faults,"
        f" {result['speed']:,} times as fast as life:"
        f" [{'red' if found else 'green'}]{len(found)} promises broken[/]"
    )
    for one in found[:SHOWN_MAX]:
        console.print(
            f"  seed {one['seed']}  {one['promise']} {one['checker']}: {one['what']}", style="red", markup=False
        )
    failed = next((it for it in results if it.violations), None)
    if failed is not None:
        console.print(
            f"replay it: savar simulate --seed {failed.seed}{arguments} --trace -", style="bold", markup=False
        )
        if traced:
            for line in failed.trace[-TRACE_TAIL:]:
                console.print(line, style="dim", markup=False)


def _write_trace(target: Path, result: Result) -> None:
    text = "\n".join(result.trace) + "\n"
    if str(target) == "-":
        sys.stderr.write(text)
    else:
        target.write_text(text, encoding="utf-8")


# --- planted defects --------------------------------------------------------------------------------------------------


def _plant(names: list[str], jobs: int, out: str | None) -> None:
    """Each defect in turn, until a seed finds it."""
    console = Console(stderr=True, highlight=False)
    found: dict[str, Any] = {}
    with (
        get_context("fork").Pool(jobs, maxtasksperchild=1) as pool,
        Progress(console=console, transient=True) as progress,
    ):
        task = progress.add_task("planted defects", total=len(names))
        for name, hit in pool.imap_unordered(search, names):
            found[name] = hit
            progress.advance(task)
            where = f"seed {hit['found_at']} by {hit['by']}" if hit else f"NOT FOUND in {PLANTED_SEEDS} seeds"
            console.print(f"  {name:28} {where}", style=None if hit else "bold red", markup=False)
    if out:
        write_json(out, {"planted": {name: found[name] for name in names}})
    sys.exit(not all(found.values()))


def search(name: str) -> tuple[str, dict[str, Any] | None]:
    """The first seed that finds a planted defect, and which checker of which promise did."""
    with PLANTED[name]():
        for seed in range(PLANTED_SEEDS):
            result = run_seed(seed)
            if result.violations:
                first = result.violations[0]
                return name, {"found_at": seed, "by": f"{first.promise} {first.checker}", "what": first.what}
    return name, None
