"""What `savar simulate` says of cities: a summary for programs, and lines for people, never wrapped."""

import shlex
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from protocol.plurals import counted
from simulators.seeded.faults import NAMES
from simulators.seeded.run import Result

SHOWN_MAX = 10  # violations named on the screen; the JSON has them all
TRACE_TAIL = 40  # lines of the event log that are shown of a failing seed whose log goes to a file


def summary(results: list[Result], took_s: float) -> dict[str, Any]:
    """All of it in figures."""
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
        "speed": round(simulated_s / took_s),
        "seconds": round(took_s, 1),
        "taps": sum(result.taps for result in results),
        "taps_least": min(result.taps for result in results),
        "faults": sum(result.faults for result in results),
        "faults_least": min(result.faults for result in results),
        "coverage": {name: coverage[f"fault {name}"] for name in NAMES},
        "verdicts": _named(coverage, "verdict "),
        "riders": _named(coverage, "rider "),
    }


def _named(coverage: Counter[str], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): n for name, n in sorted(coverage.items()) if name.startswith(prefix)}


def say(results: list[Result], result: dict[str, Any], arguments: Mapping[str, object], *, tail: bool) -> None:
    """What it came to, each broken promise, and how to replay the first; `tail`: with the end of its event log."""
    found = result["violations"]
    came_to = ", ".join((
        click.style(counted(result["seeds"], "city", "cities"), bold=True), counted(result["taps"], "tap"),
        counted(result["faults"], "fault"), f"{result['speed']:,} times as fast as life",
    ))  # fmt: skip
    click.echo(f"{came_to}: {_broken(len(found))}", err=True)
    for one in found[:SHOWN_MAX]:
        click.secho(f"  seed {one['seed']}  {one['promise']} {one['checker']}: {one['what']}", fg="red", err=True)
    if len(found) > SHOWN_MAX:
        click.echo(f"  … and {len(found) - SHOWN_MAX} more, all of them in --json", err=True)
    failed = next((it for it in results if it.violations), None)
    if failed is not None:
        click.secho(f"replay it: {replay(failed.seed, arguments)}", bold=True, err=True)
        for line in failed.trace[-TRACE_TAIL:] if tail else ():
            click.secho(line, dim=True, err=True)


def _broken(number: int) -> str:
    return click.style(f"{counted(number, 'promise')} broken", fg="red" if number else "green")


def replay(seed: int, arguments: Mapping[str, object]) -> str:
    """The command that lives this city again with the same arguments (those that are None were not given)."""
    parts = ["savar", "simulate", "--seed", str(seed)]
    for option, value in arguments.items():
        if value is not None:
            parts += [option, (",".join(value) or "none") if isinstance(value, list) else str(value)]
    return shlex.join([*parts, "--trace", "-"])


def say_planted(name: str, hit: dict[str, Any] | None, seeds: int) -> None:
    """Where a planted defect was found, and how to see it there."""
    if hit is None:
        click.secho(f"  {name:28} NOT FOUND in {seeds} seeds", fg="red", bold=True, err=True)
        return
    click.echo(f"  {name:28} seed {hit['found_at']} by {hit['by']}: {hit['what']}", err=True)
    click.secho(f"  {'':28} {replay(hit['found_at'], {'--planted': name})}", dim=True, err=True)
