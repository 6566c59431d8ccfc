"""`savar authority root|intermediates|announce|show`: the ceremony of a city's keys, on a machine without a network."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.output import json_option, write_json
from provisioning.app.ceremony import load_root, load_shown, make_intermediates, make_root, open_recovery, open_root
from provisioning.app.recovering import read_asked, sign_asked
from provisioning.core.ceremony_sheet import asked, asked_sheet, require_confirmed, require_typed, sheet
from provisioning.core.certificates import Certificate, city_of
from provisioning.core.layout import AuthorityFolder, RootFolder
from provisioning.core.purposes import Purpose

_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def command() -> None:
    """Make a city's root, which stays off line, and the intermediate authorities that its office works with."""


def _print(certificates: Sequence[Certificate]) -> None:
    for certificate in certificates:
        for name, value in sheet(certificate):
            click.echo(f"{name:16} {value}")
        click.echo()


def _confirm(certificates: list[Certificate]) -> None:
    """Printed, compared by people, and said to be so."""
    _print(certificates)
    require_confirmed(certificates, click.prompt(asked(certificates)))


@command.command()
@_FOLDER
@click.option("--city", required=True, help="The city: a–z, 0–9, hyphen.")
def root(*, folder: Path, city: str) -> None:
    """Make a city's root in the new folder FOLDER, its key under a passphrase that is asked for twice."""
    passphrase = click.prompt("Passphrase of the root", hide_input=True, confirmation_prompt=True)
    make_root(
        RootFolder(folder), city=city, passphrase=passphrase, now=datetime.now(UTC), randomness=os.urandom,
        confirm=_confirm,
    )  # fmt: skip
    click.echo(f"secret           {folder} (keep it off line, twice, in two places; the passphrase elsewhere)")
    click.echo("next: write fingerprint and dates down; then savar authority intermediates")


@command.command()
@_FOLDER
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
def intermediates(*, folder: Path, out: Path) -> None:
    """Make the intermediates of the root in FOLDER, one a purpose, in the new folder OUT, which goes to the office."""
    _print([load_root(RootFolder(folder))])
    opened = open_root(RootFolder(folder), click.prompt("Passphrase of the root", hide_input=True))
    make_intermediates(
        AuthorityFolder(out), opened, recovery=RootFolder(folder).recovery_public.read_bytes(), now=datetime.now(UTC),
        randomness=os.urandom, confirm=_confirm,
    )  # fmt: skip
    click.echo(f"secret           {out} (carry it to the office, then delete it here and on the way)")
    click.echo("next: there, savar provision city --authority, or savar provision authority")


@command.command()
@_FOLDER
@click.argument("asked_file", metavar="ASKED", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def announce(*, folder: Path, asked_file: Path, out: Path) -> None:
    """Sign with the recovery key of the root in FOLDER what the office wrote into ASKED, into the new file OUT."""
    asked_for = read_asked(asked_file)
    city = city_of(load_root(RootFolder(folder)))
    if asked_for.city != city:
        raise click.ClickException(f"that is asked for {asked_for.city}, and this is the authority of {city}")
    lines = asked_sheet(asked_for.text())
    for name, value in lines:
        click.echo(f"{name:16} {value}")
    require_typed(lines[-1][1], click.prompt("Compared? Type the last four digits of the digest"))
    key = open_recovery(RootFolder(folder), click.prompt("Passphrase of the root", hide_input=True))
    with out.open("xb") as file:
        file.write(sign_asked(asked_for, key))
    click.echo(f"next: carry {out} to the office; there, savar provision announce")


@command.command()
@_FOLDER
@json_option("the same")
def show(*, folder: Path, out: str | None) -> None:
    """Print what FOLDER holds of an authority, to compare it: a root's, what was handed over, or a city's."""
    held = AuthorityFolder(folder / "authority" if (folder / "authority").is_dir() else folder)
    found = [load_root(RootFolder(held.root)), *_intermediates(held)]
    if out:
        write_json(out, {"certificates": [_told(it) for it in found]})
        return
    _print(found)


def _intermediates(folder: AuthorityFolder) -> list[Certificate]:
    """Those that are here."""
    above = load_root(RootFolder(folder.root))
    return [load_shown(folder, purpose, above) for purpose in Purpose if folder.certificate(purpose).exists()]


def _told(certificate: Certificate) -> dict[str, str | list[str]]:
    """Its sheet; what may come several times is a list."""
    lines = sheet(certificate)
    single = {name.replace(" ", "_"): value for name, value in lines if name != "may sign"}
    return single | {"may_sign": [value for name, value in lines if name == "may sign"]}
