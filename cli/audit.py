"""`savar audit --run DIR`: journals and ledger compared on disk, after a run, by nothing that took part in it."""

import sys
from pathlib import Path
from typing import Any

import click

from cli.output import json_option, write_json
from simulators.checkers import compare
from simulators.disk_facts import read_city

SHOWN_MAX = 20  # findings named one by one; the counts are whole


@click.command()
@click.option("--run", "root", required=True, type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="The city's folder, of a demo or a real one whose validators are stopped.")  # fmt: skip
@json_option("the result")
def command(root: Path, out: str | None) -> None:
    """Compare what the buses accepted with what the ledger posted. Status 1 if anything is lost, doubled or broken."""
    facts = read_city(root)
    found = compare(facts.taps, facts.postings, facts.balances, facts.begins)
    result: dict[str, Any] = {
        "presented": _presented(root),
        "accepted": found.accepted,
        "refused": found.refused,
        "journaled": facts.journaled,
        "receipted": facts.receipted,
        "posted": found.posted,
        "lost": len(found.lost),
        "doubled": len(found.doubled),
        "overcharged": len(found.overcharged),
        "ledger_sum": found.ledger_sum,
        "quarantined": facts.quarantined,
        "broken": len(facts.broken),
    }
    if out is None:
        for name, value in result.items():
            click.echo(f"{name:14} {value}")
    named = [*facts.broken, *found.lost, *found.doubled, *found.overcharged]
    for line in named[:SHOWN_MAX]:
        click.echo(line, err=True)
    if len(named) > SHOWN_MAX:
        click.echo(f"… and {len(named) - SHOWN_MAX} more", err=True)
    if out:
        write_json(out, result)
    sys.exit(bool(named) or found.ledger_sum != 0)


def _presented(root: Path) -> int | None:
    """Lines of the simulators' own log; None where nobody simulated anything."""
    try:
        return (root / "presented.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return None
