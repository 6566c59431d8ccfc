"""`savar provision swap`: a spare takes the door of a unit that is broken, at the roadside or in the depot."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.output import json_option, say_facts, write_json
from provisioning.app.swapping import Swap, Ways, swap_units
from provisioning.app.telling import tell_assignments
from provisioning.core.errors import NotConfirmed
from transport.errors import TransportError
from transport.kept_words import KeptWords


@click.command()
@click.argument("root", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("old")
@click.argument("spare")
@click.option("--route", help="The line, if that door always serves the same.")
@click.option("--interface", help="The bus's own network, e.g. eth0, for doors whose settings name none.")
@json_option("who serves where, and the files to carry")
def swap(*, root: Path, old: str, spare: str, route: str | None, interface: str | None, out: str | None) -> None:
    """SPARE serves the door of the device OLD from now on, in the city at ROOT; OLD takes no fares any more.

    May be called again. What OLD holds stays good: its sister carries it, and `savar journal recover` brings its card.
    """
    done = swap_units(
        root, old, spare, now=datetime.now(UTC), randomness=os.urandom, confirm=_agreed,
        by=Ways(route, interface),
    )  # fmt: skip
    problem = _told_by_the_broker(root)
    told = {
        "vehicle": done.swap.old.vehicle, "door": done.swap.old.door, "serves": spare, "out": old,
        "other_door": None if done.swap.sister is None else done.swap.sister.device,
        "files": {name: str(path) for name, path in done.files.items()}, "again": done.again,
        "broker": problem or "keeps it for each of them",
    }  # fmt: skip
    if out:
        write_json(out, told)
        return
    click.echo(f"{spare} serves door {told['door']} of {told['vehicle']}" + (", as before" if done.again else ""))
    click.echo(f"broker: {told['broker']}")
    click.echo("next, for each that has no network: carry its file to it, and there")
    for name, path in done.files.items():
        click.echo(f"  {name:16} savar enrol assigned --config validator.toml {path.name}    (from {path.parent})")
    click.echo(f"later, with the card of {old}: savar journal recover")


def _told_by_the_broker(root: Path) -> str:
    """Why the devices do not hear of it over the network; empty where they do."""
    try:
        tell_assignments(root, KeptWords, now=datetime.now(UTC), randomness=os.urandom, tell=click.echo)
    except TransportError as error:
        return f"it does not know of it: {error}; call again, or `savar provision renewals`"
    return ""


def _agreed(swap: Swap) -> None:
    """Shown, and said to be right by whoever has the spare in hand."""
    say_facts({
        "vehicle": swap.old.vehicle, "door": swap.old.door, "out": swap.old.device, "serves": swap.spare.device,
        "other door": "none" if swap.sister is None else swap.sister.device,
    })  # fmt: skip
    if click.prompt("Type the name that stands on the spare in hand").strip().lower() != swap.spare.device:
        raise NotConfirmed("that is another device: nothing is written", fix="name the spare that is in that bus")
