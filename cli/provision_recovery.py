"""`savar provision bundle-key add|use|withdraw`, `restored`, `announce`: what only the recovery key may change."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from hardware_keys.places import read_place
from provisioning.app import recovering

_ROOT = click.argument("root", type=click.Path(path_type=Path, exists=True, file_okay=False))
_ASK = click.option("--ask", "asked", required=True, type=click.Path(path_type=Path, dir_okay=False),
                    help="The new file with what the recovery key is asked to say.")  # fmt: skip
_ANYWAY = click.option("--anyway", is_flag=True, help="Now, although buses may be kept from newer bundles by it.")


def _ask(path: Path, asked: recovering.Asked) -> None:
    with path.open("x") as file:
        file.write(asked.text())
    click.echo(f"next: off line, savar authority announce ROOT {path} OUT; then here, savar provision announce")


@click.group("bundle-key")
def bundle_key() -> None:
    """Change the key that signs bundles: by the key before it and the recovery key together, never by one of them."""


@bundle_key.command()
@_ROOT
@_ASK
@click.option("--key", "key", metavar="pkcs11:…", help="Make it in this token: docs/AUTHORITY.md, Keys in a token.")
def add(*, root: Path, asked: Path, key: str | None) -> None:
    """Make a new bundle key, and write what the recovery key has to say for it."""
    place = None if key is None else read_place(key)
    wanted, name = recovering.ask_for_new_key(root, randomness=os.urandom, place=place)
    click.echo(f"bundle key {name} is made, and nobody believes it yet")
    _ask(asked, wanted)


@bundle_key.command()
@_ROOT
@click.argument("name")
@_ANYWAY
def use(*, root: Path, name: str, anyway: bool) -> None:
    """Sign bundles by the key NAME from now on; the one before it signs nothing more."""
    made = recovering.use_bundle_key(root, name, now=datetime.now(UTC), anyway=anyway)
    click.echo(f"bundle {made.bundle.number} is signed by {name}; restart the backend")


@bundle_key.command()
@_ROOT
@click.argument("name")
@_ASK
@_ANYWAY
def withdraw(*, root: Path, name: str, asked: Path, anyway: bool) -> None:
    """Write what the recovery key has to say so that no bus believes the bundle key NAME any more."""
    _ask(asked, recovering.ask_without_key(root, name, now=datetime.now(UTC), anyway=anyway))


@click.command()
@_ROOT
@click.argument("incarnation", type=click.IntRange(2))
@_ASK
def restored(*, root: Path, incarnation: int, asked: Path) -> None:
    """Write what the recovery key has to say so that buses believe the ledger restored as INCARNATION."""
    _ask(asked, recovering.ask_for_incarnation(root, incarnation))


@click.command()
@_ROOT
@click.argument("statement", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def announce(*, root: Path, statement: Path) -> None:
    """Take what the recovery key said, in the file STATEMENT, into the next bundle of the city in ROOT."""
    made = recovering.take_statement(root, statement.read_bytes(), now=datetime.now(UTC))
    click.echo(f"bundle {made.bundle.number} says it to every bus; restart the backend")
