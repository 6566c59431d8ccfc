"""`savar authority root|intermediates|announce|show`: the ceremony of a city's keys, on a machine without a network."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.output import json_option, write_json
from hardware_keys.places import KeyPlace, read_place
from provisioning.app.ceremony import (
    Confirm,
    load_root,
    load_shown,
    make_intermediates,
    make_root,
    open_recovery,
    open_root,
)
from provisioning.app.makers import key_place
from provisioning.app.recovering import read_asked, sign_asked
from provisioning.core.ceremony_sheet import asked, asked_sheet, require_confirmed, require_typed, sheet
from provisioning.core.certificates import Certificate, city_of
from provisioning.core.layout import AuthorityFolder, RootFolder
from provisioning.core.purposes import Purpose

LIES = "its key lies"
UNDER_PASSPHRASE, IN_FILE = "in a file, under the passphrase", "in a file"
_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def command() -> None:
    """Make a city's root, which stays off line, and the intermediate authorities that its office works with."""


def _print(certificates: Sequence[Certificate], lies: Sequence[str | None]) -> None:
    """Each with where its key lies, as far as that is to be said."""
    for certificate, place in zip(certificates, lies, strict=True):
        for name, value in (*sheet(certificate), *(() if place is None else ((LIES, place),))):
            click.echo(f"{name:16} {value}")
        click.echo()


def _confirm(lies: Sequence[str]) -> Confirm:
    """Printed, compared by people, and said to be so."""

    def confirm(certificates: list[Certificate]) -> None:
        _print(certificates, lies)
        require_confirmed(certificates, click.prompt(asked(certificates)))

    return confirm


class PurposePlace(click.ParamType[tuple[Purpose, KeyPlace]]):
    """An intermediate's purpose, and its key's place behind `=`."""

    name = "PURPOSE=pkcs11:…"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Purpose, KeyPlace]:
        """Text → both."""
        purpose, _, uri = str(value).partition("=")
        try:
            return Purpose(purpose), read_place(uri)
        except ValueError:
            self.fail(f"the purposes are {', '.join(it.value for it in Purpose)}", param, ctx)


@command.command()
@_FOLDER
@click.option("--city", required=True, help="The city: a–z, 0–9, hyphen.")
@click.option("--key", "key", metavar="pkcs11:…", help="Make the root's key in this token: docs/AUTHORITY.md.")
def root(*, folder: Path, city: str, key: str | None) -> None:
    """Make a city's root in the new folder FOLDER, its keys under a passphrase that is asked for twice."""
    place = None if key is None else read_place(key)
    passphrase = click.prompt("Passphrase of the root", hide_input=True, confirmation_prompt=True)
    make_root(
        RootFolder(folder), city=city, passphrase=passphrase, now=datetime.now(UTC), randomness=os.urandom,
        confirm=_confirm([_said(place, UNDER_PASSPHRASE)]), place=place,
    )  # fmt: skip
    click.echo(f"secret           {folder} (keep it off line, twice, in two places; the passphrase elsewhere)")
    click.echo("next: write fingerprint and dates down; then savar authority intermediates")


@command.command()
@_FOLDER
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--key", "keys", multiple=True, type=PurposePlace(), help="Make this intermediate's key in this token.")
def intermediates(*, folder: Path, out: Path, keys: tuple[tuple[Purpose, KeyPlace], ...]) -> None:
    """Make the intermediates of the root in FOLDER, one a purpose, in the new folder OUT, which goes to the office."""
    place, places = key_place(RootFolder(folder).key), dict(keys)
    _print([load_root(RootFolder(folder))], [_said(place, UNDER_PASSPHRASE)])
    passphrase = "" if place is not None else click.prompt("Passphrase of the root", hide_input=True)
    opened = open_root(RootFolder(folder), passphrase)
    make_intermediates(
        AuthorityFolder(out), opened, recovery=RootFolder(folder).recovery_public.read_bytes(), now=datetime.now(UTC),
        randomness=os.urandom, confirm=_confirm([_said(places.get(it), IN_FILE) for it in Purpose]), places=places,
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
    above, here = load_root(RootFolder(held.root)), [it for it in Purpose if held.certificate(it).exists()]
    found = [above, *(load_shown(held, purpose, above) for purpose in here)]
    lies = [_in_token(RootFolder(held.root).key), *(_in_token(held.key(it)) for it in here)]
    if out:
        write_json(out, {"certificates": [_told(it, place) for it, place in zip(found, lies, strict=True)]})
        return
    _print(found, lies)


def _said(place: KeyPlace | None, otherwise: str) -> str:
    return otherwise if place is None else place.uri


def _in_token(key: Path) -> str | None:
    """Its place; None for a file, whether it is here or kept elsewhere."""
    place = key_place(key) if key.exists() else None
    return None if place is None else place.uri


def _told(certificate: Certificate, lies: str | None) -> dict[str, str | list[str]]:
    """Its sheet; what may come several times is a list."""
    lines = sheet(certificate)
    lines += [] if lies is None else [(LIES, lies)]
    single = {name.replace(" ", "_"): value for name, value in lines if name != "may sign"}
    return single | {"may_sign": [value for name, value in lines if name == "may sign"]}
