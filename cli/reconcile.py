"""`savar reconcile`: journals, ledger, statements of providers and of the bank held against each other."""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.registry import FolderRegistry
from backend.app.config import BackendConfig, load_config
from backend.app.ledgers import open_ledger
from backend.app.losses import exposures_of, losses_of
from backend.app.money_cases import resolve as say_why
from backend.app.reconciling import Reconciling, Source
from backend.app.tap_lookers import lookers
from backend.core.limits import RECONCILE_DAYS_MAX
from backend.core.payments.topup import FIRST
from backend.core.reconciliation.classes import ABOUT, Class
from backend.core.reconciliation.discrepancies import Kept
from backend.core.reconciliation.ports import Run
from cli.days import ServiceDay
from cli.output import json_option, write_json
from cli.progress import progress
from cli.whoami import account
from protocol.localtime import day_begins_ms
from protocol.plurals import counted

_PAGE = 1_000
_PROCESSES, _PROCESSES_MAX = 2, 16  # two: a ledger's machine takes in what buses bring meanwhile
_NOON_MS = 43_200_000


_CONFIG = click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False),
                       help="backend.toml, as `savar provision city` wrote it.")  # fmt: skip
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(invoke_without_command=True)
@_CONFIG
@click.option("--from", "first", type=ServiceDay(), help="The first service day, as 1405/09/08 or 2026-11-29.")
@click.option("--to", "last", type=ServiceDay(), help="The last one, included.")
@click.option("--statement", "statements", multiple=True, metavar="[PROVIDER=]FILE", help="A payment provider's"
              " statement of all these days, as CSV (docs/RECONCILIATION.md); several may be given.")  # fmt: skip
@click.option("--bank", "banks", multiple=True, type=_FILE, help="The bank's statement of all these days, as CSV.")
@click.option("--processes", type=click.IntRange(1, _PROCESSES_MAX), default=_PROCESSES, show_default=True,
              help="How many look at taps at once; 1: only this one.")  # fmt: skip
@json_option("the run and every discrepancy that is open")
@click.pass_context
def command(
    ctx: click.Context, *, path: Path | None, first: int | None, last: int | None, statements: tuple[str, ...],
    banks: tuple[Path, ...], processes: int, out: str | None,
) -> None:  # fmt: skip
    """Hold device journals, ledger and statements against each other; the backend may run.

    It can be ended at any moment, and the same command goes on where it was. Ends with 1 if something is open.
    """
    if ctx.invoked_subcommand is not None:
        return
    if path is None or first is None or last is None:
        raise click.UsageError("give --config, --from and --to, or a sub-command")
    if not first <= last < first + RECONCILE_DAYS_MAX:
        raise click.UsageError(f"--from to --to are at most {RECONCILE_DAYS_MAX} days, the earlier first")
    sources = [*map(_source, statements), *(Source.of("", bank) for bank in banks)]
    config = load_config(path)
    _require_named(config, sources)
    with _ledger(path) as store:
        with progress("statements", 0) as tick, lookers(partial(open_ledger, config), processes, store) as who:
            run = Reconciling(
                store,
                (first, last),
                sources,
                now_ms=_now_ms,
                tick=lambda stage, done: tick(stage, done, 0),
                lookers=who,
            ).finish()
        found = list(_all(store, open_only=True))
    if out is not None:
        write_json(out, {"run": _run(run), "discrepancies": [_told(it, _now_ms()) for it in found]})
    else:
        _say(run, found)
    sys.exit(bool(found))


@command.command()
@_CONFIG
@click.option("--all", "ended_too", is_flag=True, help="Also those that matched later, or that somebody resolved.")
@json_option("the discrepancies, each with its entries")
def cases(path: Path | None, ended_too: bool, out: str | None) -> None:  # noqa: FBT001 - click's
    """List what does not match, with amount, age, owner, due time and next step."""
    now_ms = _now_ms()
    with _ledger(path) as store:
        found = list(_all(store, open_only=not ended_too))
        told = [_told(it, now_ms) | {"entries": _entries(store, it)} for it in found] if out is not None else []
    if out is not None:
        write_json(out, told)
        return
    for it in found:
        about = ABOUT[it.it.of]
        state = f"due {_time(it.due_ms)}" if it.is_open else f"{it.last.value} by {it.who}: {it.why}"
        late = ", OVERDUE" if it.is_open and it.due_ms < now_ms else ""
        click.echo(f"{it.it.name}  {it.it.rials:,} rials, {_age(it, now_ms)} old, {about.owner.value}, {state}{late}")
        click.echo(f"    {about.meaning}; {', '.join(f'{name} {value}' for name, value in it.it.facts.items())}")
        click.echo(f"    {about.fix}")
    click.echo(f"{counted(len(found), 'discrepancy', 'discrepancies')}", err=True)


@command.command()
@_CONFIG
@click.argument("name")
@click.option("--why", required=True, help="What was found out, and what was done.")
def resolve(path: Path | None, name: str, why: str) -> None:
    """Say why a discrepancy needs no more acting; an entry of its own and the log's, under your account's name."""
    with _ledger(path) as store:
        kept = say_why(store, name, why=why, by=(account(), "console"), now_ms=_now_ms())
    click.echo(f"{kept.it.name}: resolved by {kept.who}")


@command.command()
@_CONFIG
@click.option("--day", required=True, type=ServiceDay(), help="The service day, as 1405/09/08 or 2026-11-29.")
@json_option("losses and exposures, by outage")
def losses(path: Path | None, day: int, out: str | None) -> None:
    """Say what a day's outages cost: fares not taken while all rode free (estimated), and what was spent unseen."""
    if path is None:
        raise click.UsageError("give --config")
    config = load_config(path)
    doors = [(it.vehicle, it.door, it.name) for it in FolderRegistry(config.registry).all()]
    with _ledger(path) as store:
        lost = losses_of(store, day, doors)
        with progress("taps", 0) as tick:
            exposed = list(exposures_of(store, day, lambda done: tick("taps", done)))
    told = {
        "losses": [asdict(it) | {"minutes": (it.until_ms - it.from_ms) // 60_000} for it in lost],
        "exposures": [
            {"device": it.device, "from_ms": it.from_ms, "until_ms": it.until_ms, "heard_ms": it.heard_ms,
             "taps": it.taps, "riders": len(it.by_rider), "rials": it.rials, "most_of_one_rider": it.most_rials}
            for it in exposed
        ],
    }  # fmt: skip
    if out is not None:
        write_json(out, told)
        return
    for it in lost:
        much = "too few ordinary days to say" if it.rials is None else f"{it.rials:,} rials ({it.low:,} to {it.high:,})"
        click.echo(
            f"{_time(it.from_ms)}  {it.vehicle} {it.line} {it.hour:02}h, {it.cause}, told by {it.device}, shift"
            f" {it.shift}: {(it.until_ms - it.from_ms) // 60_000} minutes, {much}, by {counted(it.days, 'day')}"
        )
    for one in exposed:
        click.echo(
            f"{_time(one.from_ms)}  {one.device} unseen until {_time(one.heard_ms)}: {counted(one.taps, 'tap')} of"
            f" {counted(len(one.by_rider), 'rider')}, {one.rials:,} rials, at most {one.most_rials:,} of one"
        )
    click.echo(f"{counted(len(lost), 'free hour')}, {counted(len(exposed), 'outage')}", err=True)


@contextmanager
def _ledger(path: Path | None) -> Iterator[LedgerStore]:
    if path is None:
        raise click.UsageError("give --config")
    store = open_ledger(load_config(path))
    try:
        yield store
    finally:
        store.close()


def _source(text: str) -> Source:
    provider, equals, file = text.partition("=")
    path = Path(file if equals else text)
    if not path.is_file():
        raise click.UsageError(f"--statement: there is no file {path}")
    return Source.of(provider if equals else FIRST, path)


def _require_named(config: BackendConfig, sources: Sequence[Source]) -> None:
    """Of a provider that is written wrongly nothing is known here: all of its rows would be unknown payments."""
    named = set() if config.payments is None else set(config.payments.all)
    for provider in sorted({it.provider for it in sources} - named - {""}):
        known = ", ".join(sorted(named)) or "none"
        raise click.UsageError(
            f"--statement: the configuration names no payment provider {provider}; it names {known}."
            " Give it as --statement PROVIDER=FILE, or name it in [payments] of backend.toml"
        )


def _all(store: LedgerStore, *, open_only: bool) -> Iterator[Kept]:
    after: str | None = None
    while page := store.discrepancies(open_only=open_only, after=after, most=_PAGE):
        yield from page
        after = page[-1].it.name


def _run(run: Run) -> dict[str, Any]:
    return {"id": run.id, "from": _date(run.from_day), "to": _date(run.to_day), "steps": run.steps, **run.totals}


def _told(it: Kept, now_ms: int) -> dict[str, Any]:
    about = ABOUT[it.it.of]
    return {
        "name": it.it.name, "class": it.it.of.value, "item": it.it.item, "rials": it.it.rials,
        "age_hours": (now_ms - it.it.since_ms) // 3_600_000, "owner": about.owner.value, "opened": _time(it.opened_ms),
        "due": _time(it.due_ms), "state": it.last.value, "facts": dict(it.it.facts), "meaning": about.meaning,
        "fix": about.fix,
    }  # fmt: skip


def _entries(store: LedgerStore, it: Kept) -> list[dict[str, str]]:
    return [
        {"entry": entry.value, "at": _time(at_ms), "who": who, "why": why}
        for entry, at_ms, who, why in store.entries_of(it.it.name)
    ]


def _say(run: Run, found: list[Kept]) -> None:
    totals = run.totals
    click.echo(
        f"{totals.get('taps', 0):,} taps ({totals.get('late_taps', 0):,} posted more than a day later),"
        f" {totals.get('top-ups', 0):,} top-ups, {totals.get('payments', 0):,} payments of statements;"
        f" {totals.get('opened', 0):,} opened, {totals.get('matched', 0):,} match now"
    )
    by_class: dict[Class, list[Kept]] = defaultdict(list)
    for it in found:
        by_class[it.it.of].append(it)
    for of, some in sorted(by_class.items(), key=lambda it: it[0].value):
        click.echo(f"{of.value:22} {len(some):6,}  {sum(it.it.rials for it in some):>16,} rials  {ABOUT[of].meaning}")
    if found:
        click.echo("`savar reconcile cases` says of each whose it is, until when, and what to do", err=True)


def _age(it: Kept, now_ms: int) -> str:
    hours = max(now_ms - it.it.since_ms, 0) // 3_600_000
    return f"{hours} h" if hours < 72 else f"{hours // 24} days"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


def _date(day: int) -> str:
    """A service day as an ISO date: its local noon lies on the same UTC day."""
    return datetime.fromtimestamp((day_begins_ms(day) + _NOON_MS) / 1000, UTC).date().isoformat()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
