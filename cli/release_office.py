"""The office's commands of `savar release`: who signs, what is in a release, how far it spreads."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.output import json_option, say

_CITY = click.argument("root", type=click.Path(path_type=Path, file_okay=False))
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def key(*, path: Path) -> None:
    """Make a person's key at PATH, encrypted; its public part lies beside it as PATH.pub. On that person's machine."""
    from provisioning.adapters.tuf_roles import key_id
    from provisioning.app.release_people import write_key
    from provisioning.core.certificates import grouped

    passphrase = click.prompt("passphrase, 12 characters or more", hide_input=True, confirmation_prompt=True)
    public = write_key(path, passphrase, os.urandom)
    told = {"key": path, "public": public, "key_id": grouped(key_id(public.read_bytes()))}
    say(
        None,
        told,
        [
            "write the key id down: drafts that name who may sign show it",
            f"carry {public} to the office; the key stays with you, and a copy",
        ],
    )


@click.command()
@_CITY
@click.option("--person", "people", multiple=True, required=True, type=_FILE, help="A person's public key.")
@click.option("--threshold", default=2, show_default=True, type=click.IntRange(2), help="So many of them sign.")
@click.option("--new-desk", is_flag=True, help="The desk's key is in wrong hands: make another one.")
@json_option("what was drafted")
def begin(*, root: Path, people: tuple[Path, ...], threshold: int, new_desk: bool, out: str | None) -> None:
    """Draft who may sign releases of the city in ROOT, for the first time or anew."""
    from provisioning.app import releases

    version = releases.begin(
        root, [it.read_bytes() for it in people], threshold, now=datetime.now(UTC), randomness=os.urandom,
        new_desk=new_desk,
    )  # fmt: skip
    say(
        out, {"root_version": version, "people": len(people), "threshold": threshold},
        ["savar release sign CITY --key FILE, each person", "then savar release make, or savar release publish"],
    )  # fmt: skip


@click.command()
@_CITY
@click.argument("wheels", nargs=-1, required=True, type=_FILE)
@click.option("--version", required=True, help="For people, e.g. 0.4.0.")
@click.option("--least", default=0, show_default=True, type=click.IntRange(0), help="The lowest number it can follow.")
@click.option("--platform", default="linux-aarch64-cp311", show_default=True, help="The kind of computer.")
@json_option("what was drafted")
def make(
    *, root: Path, wheels: tuple[Path, ...], version: str, least: int, platform: str, out: str | None
) -> None:  # fmt: skip
    """Draft the next release of the city in ROOT, of all WHEELS that a validator imports."""
    from provisioning.app import releases
    from provisioning.core.layout import CityFolder

    made = releases.make(root, wheels, version=version, least=least, platform=platform, now=datetime.now(UTC))
    bill = CityFolder(root).releases.bill(made.number).relative_to(root)
    say(
        out,
        {"release": made.number, "version": made.version, "platform": made.platform, "files": len(made.files),
         "bytes": sum(it.size for it in made.files), "bill": str(bill)},
        ["savar release sign CITY --key FILE, each person", f"savar release publish CITY --release {made.number}"],
    )  # fmt: skip


@click.command()
@_CITY
@click.option("--key", "path", required=True, type=_FILE, help="Your own key, as `savar release key` made it.")
@json_option("what was signed")
def sign(*, root: Path, path: Path, out: str | None) -> None:
    """Sign what waits in ROOT, with your own key, once you have compared it with the wheels that you built yourself."""
    from provisioning.app import releases
    from provisioning.app.release_sheet import Sheet, asked, require_agreed

    def confirm(sheets: Sequence[Sheet]) -> None:
        for sheet in sheets:
            for name, value in (("draft of", sheet.role), *sheet.lines, ("digest", sheet.digest)):
                click.echo(f"{name:16} {value}", err=True)
            click.echo(err=True)
        require_agreed(sheets, click.prompt(asked(sheets), err=True))

    passphrase = click.prompt("passphrase", hide_input=True, err=True)
    found = releases.sign(root, path.read_bytes(), passphrase, confirm)
    say(
        out, {role: f"{len(it.signed)} of {it.threshold} signatures" for role, it in found.items()},
        ["savar release publish CITY" if all(it.enough for it in found.values()) else "another person signs"],
    )  # fmt: skip


@click.command()
@_CITY
@click.option("--release", "number", type=click.IntRange(1), help="The release to spread; none: what is there, fresh.")
@click.option("--permille", type=click.IntRange(0, 1000), help="Its share of the fleet; none: the next stage.")
@click.option("--first", multiple=True, metavar="DEVICE", help="A device that takes it in any case.")
@click.option("--devices", type=_FILE, help="The pages of GET /v1/devices, as JSON: the next stage only if they are"
              " well, and a halt if they are not.")  # fmt: skip
@click.option("--leave-drafts", is_flag=True, help="What waits for signatures stays a draft.")
@json_option("what was published")
def publish(
    *, root: Path, number: int | None, permille: int | None, first: tuple[str, ...], devices: Path | None,
    leave_drafts: bool, out: str | None,
) -> None:  # fmt: skip
    """Publish what is signed in ROOT with the city's next bundle, and give a release its next stage."""
    from provisioning.app import releases
    from provisioning.app.rollout import next_step
    from provisioning.core.rollout import Gate, halt, spread

    now = datetime.now(UTC)
    if number is None:
        if permille is not None or first or devices is not None:
            raise click.UsageError("say which release: --release NUMBER")
        _published(out, releases.publish(root, lambda it: it, now=now, drafts_too=not leave_drafts), "published")
        return
    told = None if devices is None else json.loads(devices.read_text("utf-8"))
    step = next_step(root, number, permille, told, now=now)
    if step.gate is Gate.WAIT:
        say(out, {"release": number, "outcome": "waits", "why": step.why}, ["ask again later"])
        return
    halts = step.gate is Gate.HALT
    change = halt(number) if halts else spread(number, step.permille, first)
    made = releases.publish(root, change, now=now, drafts_too=not (halts or leave_drafts))
    _published(out, made, "halted" if halts else "published", step.why)
    if halts:
        raise SystemExit(1)


@click.command("halt")
@_CITY
@click.argument("number", type=click.IntRange(1))
@json_option("what was published")
def stop(*, root: Path, number: int, out: str | None) -> None:
    """Halt release NUMBER of the city in ROOT: no device begins it any more, for ever."""
    from provisioning.app import releases
    from provisioning.core.rollout import halt

    made = releases.publish(root, halt(number), now=datetime.now(UTC), drafts_too=False)
    _published(out, made, "halted")


def _published(out: str | None, made: Any, outcome: str, why: str = "") -> None:
    say(
        out,
        {"bundle_number": made.bundle_number, "outcome": outcome, "why": why,
         "stages": [f"{it.release}: {it.permille} ‰" for it in made.stages.stages],
         "halted": list(made.stages.halted), "fresh_days": made.fresh_days},
        ["a running backend announces it; without a network: savar bundle take, at each validator"],
    )  # fmt: skip


@click.command()
@_CITY
@json_option("what was dropped")
def drop(*, root: Path, out: str | None) -> None:
    """Drop the drafts in ROOT, signed or not; a release's number is not given again."""
    from provisioning.app import releases

    say(out, {"dropped": releases.drop(root)}, ["savar release show CITY"])


@click.command()
@_CITY
@json_option("what there is")
def show(*, root: Path, out: str | None) -> None:
    """Show what is published in ROOT, and what waits for whom."""
    from provisioning.app.rollout import overview

    say(out, overview(root, now=datetime.now(UTC)), [])


OFFICE: tuple[click.Command, ...] = (key, begin, make, sign, publish, stop, drop, show)
