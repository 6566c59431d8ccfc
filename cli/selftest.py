"""`savar selftest --config FILE`: check one validator and say what to do."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from cli.output import json_option, write_json
from edge.adapters.console_panel import ConsolePanel
from edge.app.config import load_config
from edge.app.panels import open_panels
from edge.app.selftest import Result, run

_MARK = {Result.OK: "[green]✓[/]", Result.WARN: "[yellow]![/]", Result.FAIL: "[red]✗[/]"}


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The device's validator.toml.")  # fmt: skip
@json_option("the checks")
def command(path: Path, out: str | None) -> None:
    """Check keys, certificate, clock, machine, journal, reader, cameras, broker, other door, panel.

    Stop the validator first: journal, cameras and panel belong to one process. Status 1 if it could take no tap.
    """
    config = load_config(path)
    console = Console(stderr=out == "-")
    checks = []
    for check in run(config, lambda: open_panels(config.panel, ConsolePanel("selftest", console))):
        checks.append(check)
        console.print(f"{_MARK[check.result]} {check.part:16} {escape(check.found)}", highlight=False)
        if check.fix:
            console.print(f"  {'':16} → {escape(check.fix)}", highlight=False)
    if out:
        rows = [{"part": c.part, "result": c.result.value, "found": c.found, "fix": c.fix} for c in checks]
        write_json(out, {"device": config.device, "checks": rows})
    sys.exit(any(check.result is Result.FAIL for check in checks))
