"""`savar release`: what a validator runs, and which release comes next."""

import os
import sys
from pathlib import Path

import click

from cli.output import json_option, say_facts, write_json
from cli.release_office import OFFICE

_CONFIG = click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
                       help="The device's validator.toml.")  # fmt: skip


_BOOT = Path(__file__).with_name("release_boot.py")


@click.group()
def command() -> None:
    """Releases of the software: docs/UPDATES.md."""


@command.command()
@_CONFIG
def run(*, path: Path) -> None:
    """Begin the release whose turn it is, as `savar validator --quiet`; one that is tried, behind its self-test."""
    from edge.adapters.release_process import become, passes
    from edge.app.config import load_config
    from edge.app.starting import choose, is_tried
    from edge.app.updates import release_folder
    from edge.core.releases import FIRST

    config = load_config(path)
    folder, root, full = release_folder(config), config.releases, path.resolve()
    words = ["validator", "--quiet", "--config", str(full)]
    if folder is None or root is None:
        become(Path(), FIRST, words)
    sys.stdout.flush()
    number = choose(folder, lambda number: passes(root, number, full))
    become(root, number, words, None if is_tried(folder, number) else _BOOT)  # what is tried is given up by its count


@command.command()
@_CONFIG
@json_option("what it says")
def status(*, path: Path, out: str | None) -> None:
    """Show which release this validator runs, tries, has ready, and will not try again."""
    from edge.adapters.release_process import running
    from edge.app.config import load_config
    from edge.app.updates import release_folder

    config = load_config(path)
    folder = release_folder(config)
    if folder is None:
        raise click.ClickException(f"{path} names no folder of `releases`: this device is updated in another way")
    standing = folder.standing()
    trial = standing.trial
    found = {
        "confirmed": standing.confirmed, "ready": standing.ready,
        "tried": None if trial is None else trial.number, "starts": 0 if trial is None else trial.starts,
        "refused": list(standing.refused), "on_card": sorted(folder.whole() - {0}), "this_command": running(os.environ),
    }  # fmt: skip
    if out:
        write_json(out, found)
        return
    say_facts({name: "none" if value is None else value for name, value in found.items()})


for _one in OFFICE:
    command.add_command(_one)
