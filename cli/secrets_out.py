"""A secret that was made just now: into a new file for its owner alone, or shown once."""

import os
from pathlib import Path

import click


def require_new(out: Path | None) -> None:
    """Return where nothing is written over. Raises ClickException."""
    if out is not None and out.exists():
        raise click.ClickException(f"{out} is there already; name a new file: a secret is never written over")


def hand_over(what: str, made: str, name: str, out: Path | None, again: str) -> None:
    """Into a file for its owner alone, or shown once. `again`: what makes another one. Raises ClickException."""
    if out is None:
        click.echo(made)
        click.echo(f"{what} of {name}, told only here: give it to nobody else", err=True)
        return
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made + "\n")
    except OSError as error:
        raise click.ClickException(f"cannot write {out}: {error.strerror}; then `{again}` makes another one") from error
    click.echo(f"{what} of {name} is in {out}: give it to nobody else")
