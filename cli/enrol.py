"""`savar enrol …`: this device makes its own keys, asks the office for its name, and later for newer certificates."""

import os
from pathlib import Path

import click

from edge.adapters.frames.source import make_source
from edge.adapters.own_keys import OwnKeys, hardware_serial, read_bounded, replace_whole
from edge.adapters.readers.choose import make_readers
from edge.app import assigning, enrolling, renewing
from edge.app.config import ValidatorConfig, load_config
from hardware_keys.places import read_place
from protocol.jalali import day_text
from protocol.limits import ANSWER_FILE_MAX_BYTES, ASSIGNMENT_MAX_BYTES, RENEWAL_MAX_BYTES
from protocol.localtime import service_day
from protocol.wire.claims import Claim, read_claim
from transport.mqtt import MqttSession

LET_IN_S = 10.0  # a TLS handshake and a modem that wakes up
_CONFIG = click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
                       help="The device's validator.toml.")  # fmt: skip
_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def command() -> None:
    """Enrol this device by keys of its own: no private key comes from the office, and none goes there."""


@command.command()
@_FOLDER
@click.option("--out", "request", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The file with the request, which goes to the office.")  # fmt: skip
@click.option(
    "--camera", "camera", metavar="SOURCE", help="Read the sheet by this camera, e.g. v4l2:0; else it is typed."
)
@click.option("--keys", "keys", metavar="pkcs11:…", help="Make the tap key in this token: docs/AUTHORITY.md.")
@click.option("--hardware", help="The board's own number, where the board does not tell it.")
def begin(*, folder: Path, request: Path, camera: str | None, keys: str | None, hardware: str | None) -> None:
    """Make the device's keys in FOLDER, and write its request. Called again it makes no others."""
    claim = _typed() if camera is None else _seen(camera)
    own = OwnKeys(folder)
    asked = enrolling.begin(
        own, claim, hardware=hardware_serial() if hardware is None else hardware, randomness=os.urandom,
        place=None if keys is None else read_place(keys),
    )  # fmt: skip
    replace_whole(request, asked.raw, mode=0o644)
    groups = [asked.fingerprint[at : at + 4] for at in range(0, len(asked.fingerprint), 4)]
    click.echo(f"{'device':16} {asked.device} {'as a spare' if asked.vehicle is None else f'on {asked.vehicle}'}")
    click.echo(f"{'fingerprint':16} {' '.join(groups)}")
    held = own.place()
    click.echo(f"{'tap key':16} {'keys/tap.key.pem' if held is None else held.uri}")
    click.echo(f"next: carry {request} to the office, and read the fingerprint to it: `savar provision approve`")


@command.command()
@_FOLDER
@click.argument("answer", type=click.Path(path_type=Path, dir_okay=False))
def finish(*, folder: Path, answer: Path) -> None:
    """Take the office's ANSWER: all of it is proven first, and a power cut leaves the device without it or with it."""
    done = enrolling.finish(OwnKeys(folder), read_bounded(answer, ANSWER_FILE_MAX_BYTES))
    click.echo(f"{'device':16} {done.device}, certificate until {day_text(service_day(done.ends_ms))}")
    click.echo(f"{'bundle':16} {done.bundle_number}")
    click.echo(f"next: savar selftest --config {done.settings}; then destroy the sheet")


@command.command()
@_CONFIG
@click.option("--out", "request", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The file with the request, which goes to the office.")  # fmt: skip
def renew(*, path: Path, request: Path) -> None:
    """Ask for the certificate that follows the one in force; the keys stay."""
    replace_whole(request, renewing.ask(load_config(path)), mode=0o644)
    click.echo(f"next: carry {request} to the office: `savar provision renew`")


@command.command()
@_CONFIG
@click.argument("answer", type=click.Path(path_type=Path, dir_okay=False))
def renewed(*, path: Path, answer: Path) -> None:
    """Take the new certificate out of ANSWER; the old one is kept until the broker has let the new one in.

    Stop the validator first: at the broker it has this device's name.
    """
    config = load_config(path)
    new = renewing.take(config, read_bounded(answer, RENEWAL_MAX_BYTES))
    click.echo(f"{'certificate':16} until {day_text(service_day(new.ends_ms))}")
    _settle(config)


@command.command()
@_CONFIG
@click.option("--back", is_flag=True, help="Put the certificate before into force again.")
def settle(*, path: Path, back: bool) -> None:
    """Try the new certificate at the broker, the validator being stopped, and drop the one before if it is let in."""
    config = load_config(path)
    if back:
        renewing.put_back(config)
        click.echo("the certificate before is in force again")
    _settle(config)


@command.command()
@_CONFIG
@click.argument("assignment", type=click.Path(path_type=Path, dir_okay=False))
def assigned(*, path: Path, assignment: Path) -> None:
    """Take the office's word on where this device serves, out of the file ASSIGNMENT, from its next start on.

    It may be taken while the validator runs, and taken again after a power cut.
    """
    said, new = assigning.take(load_config(path), read_bounded(assignment, ASSIGNMENT_MAX_BYTES))
    where = "nowhere" if said.serves is None else f"door {said.serves.door} of {said.serves.vehicle}"
    click.echo(f"{'serves':16} {where}")
    click.echo(f"{'other door':16} {'none' if said.other is None else said.other.name}")
    click.echo("next: start the validator anew" if new else "that is in force already")


def _settle(config: ValidatorConfig) -> None:
    if renewing.settle(config, lambda: _let_in(config)):
        click.echo("the broker lets it in; no older one is kept")
    else:
        click.echo("the broker did not answer yet: the one before is kept. Again, where there is a network:")
        click.echo("next: savar enrol settle --config validator.toml")


def _let_in(config: ValidatorConfig) -> bool:
    session = MqttSession(config.broker, client_id=config.device, subscriptions=[], on_message=lambda _message: None)
    session.start()
    try:
        return session.wait_connected(LET_IN_S)
    finally:
        session.stop()


def _typed() -> Claim:
    return read_claim(click.prompt("The line under the sheet's code", hide_input=False))


def _seen(camera: str) -> Claim:
    source = make_source(camera)
    try:
        source.open()
        return enrolling.look_for_claim(source, make_readers())
    finally:
        source.close()
