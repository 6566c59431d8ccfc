"""`savar provision claim|approve|renew|renewals`: a device with its own keys comes into the city, and stays in it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.output import json_option, say_facts, write_json
from cli.provision_words import camera_pairs, command_line, device_options, door_or_spare
from cli.tickets import draw
from protocol.jalali import day_text
from protocol.limits import ENROLMENT_MAX_BYTES, RENEWAL_MAX_BYTES
from protocol.localtime import service_day
from protocol.plurals import counted
from protocol.wire.certificates import Chain
from protocol.wire.claims import claim_text
from protocol.wire.enrolments import Request
from provisioning.adapters import files
from provisioning.app.approving import approve as approve_request
from provisioning.app.claims import make_claim, withdraw_claim
from provisioning.app.device_renewals import renew_device
from provisioning.app.registry import Registered
from provisioning.app.telling import tell_assignments
from provisioning.app.waiting_renewals import answer_waiting
from provisioning.core.claim_record import ClaimRecord
from provisioning.core.claim_sheet import claim_page, request_lines, require_compared
from provisioning.core.days import unix_ms
from provisioning.core.errors import NotConfirmed
from provisioning.core.limits import CLAIM_VALID_DAYS, CLAIM_VALID_DAYS_MAX
from provisioning.core.renewals import days_left
from transport.kept_words import KeptWords

_ROOT = click.argument("root", type=click.Path(path_type=Path, exists=True, file_okay=False))
_REQUEST = click.argument("request", type=click.Path(path_type=Path, exists=True, dir_okay=False))


@click.command()
@_ROOT
@click.argument("name")
@device_options
@click.option("--days", default=CLAIM_VALID_DAYS, show_default=True, type=click.IntRange(1, CLAIM_VALID_DAYS_MAX),
              help="How long the sheet is good.")  # fmt: skip
@click.option("--sheet", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The new file with the page to print: the code is there, and nowhere else.")  # fmt: skip
@json_option("what was made, without the code")
def claim(
    *, root: Path, name: str, cameras: tuple[str, ...], days: int, sheet: Path, out: str | None, **settings: Any
) -> None:
    """Say that the device NAME may come into the city at ROOT, and print the sheet by which it asks, once."""
    if sheet.exists():
        raise click.BadParameter("the file is there already", param_hint="--sheet")
    made = make_claim(
        root, device=name, cameras=camera_pairs(cameras), valid_days=days, now=datetime.now(UTC),
        randomness=os.urandom, **door_or_spare(settings),
    )  # fmt: skip
    page = claim_page(made.claim, made.until_ms, draw(claim_text(made.claim)))
    files.write_private(sheet, page.encode())
    until = day_text(service_day(made.until_ms - 1))
    told = {"device": name, "vehicle": settings["vehicle"] or "none yet: a spare", "until": until, "sheet": str(sheet)}
    if out:
        write_json(out, told)
        return
    say_facts(told)
    click.echo(f"{'secret':16} {sheet} (print it, then delete it)")
    click.echo("next: on the device, savar enrol begin FOLDER --out REQUEST; then here")
    click.echo(f"  {command_line('savar', 'provision', 'approve', root, 'REQUEST', '--out', 'ANSWER')}")


@click.command()
@_ROOT
@click.argument("name")
def withdraw(*, root: Path, name: str) -> None:
    """The sheet that was made for the device NAME is lost, or it is not coming: nobody is let in by it."""
    withdraw_claim(root, name)
    click.echo(f"nobody comes into the city by the sheet of {name} any more; savar provision claim makes another one")


def _read(request: Path, most: int) -> bytes:
    """A device's file; one byte too many tells that it is too long."""
    with request.open("rb") as file:
        return file.read(most + 1)


def _compared(request: Request, record: ClaimRecord) -> None:
    """Shown, compared with the device's screen, and said to be so."""
    say_facts(dict(request_lines(request, record)))
    require_compared(request, click.prompt("Compared? Type the last four groups as the device shows them"))


@click.command()
@_ROOT
@_REQUEST
@click.option("--out", "answer", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The file with the answer, which goes to the device.")  # fmt: skip
def approve(*, root: Path, request: Path, answer: Path) -> None:
    """Look at a device's REQUEST, compare it with the device's screen, and let the device into the city at ROOT."""
    done = approve_request(
        root,
        _read(request, ENROLMENT_MAX_BYTES),
        answer,
        now=datetime.now(UTC),
        randomness=os.urandom,
        confirm=_compared,
    )
    click.echo(f"{done.device} is enrolled" + (", as before" if done.again else ""))
    click.echo("next: restart the broker if it runs: it knows the new role then")
    click.echo(f"carry {answer} to the device; there, savar enrol finish FOLDER {answer.name}")


def _agreed(device: Registered, held: Chain) -> None:
    """Shown, and said to be right."""
    left = days_left(held, unix_ms(datetime.now(UTC)))
    say_facts({
        "device": device.device,
        "vehicle": "none yet: a spare" if device.vehicle is None else f"{device.vehicle}, door {device.door}",
        "certificate": f"{left} days left" if left >= 0 else f"ended {-left} days ago", "serial": f"{held.serial:x}",
    })  # fmt: skip
    if not click.confirm("Is this device where it should be, and is it to have a newer certificate?"):
        raise NotConfirmed("it was not agreed to: nothing is written", fix="if its card was lost, revoke the device")


@click.command()
@_ROOT
@_REQUEST
@click.option("--out", "answer", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The file with the new certificate, which goes to the device.")  # fmt: skip
def renew(*, root: Path, request: Path, answer: Path) -> None:
    """Give a device of the city at ROOT the certificate that follows its own, by the REQUEST of `savar enrol renew`."""
    done = renew_device(
        root, _read(request, RENEWAL_MAX_BYTES), now=datetime.now(UTC), randomness=os.urandom, confirm=_agreed
    )
    files.replace(answer, done.answer)
    click.echo(f"{done.device} has a new certificate" + (", the same as before" if done.again else ""))
    click.echo(f"carry {answer} to the device; there, savar enrol renewed {answer.name} --config validator.toml")


@click.command()
@_ROOT
def renewals(*, root: Path) -> None:
    """Answer the devices of the city at ROOT that ask for their next certificate at the broker; once an hour is often.

    Within the window nobody is asked: who has the certificate in force and the device's key gets the next one. One that
    was refused is told here, and asks again. Who serves another door since a swap is told so again: a broker forgets.
    """
    answered = answer_waiting(root, KeptWords, now=datetime.now(UTC), randomness=os.urandom, tell=click.echo)
    for one in answered:
        if one.refused is not None:
            click.echo(f"{one.device:16} refused: {one.refused}")
        else:
            click.echo(f"{one.device:16} {'answered as before' if one.again else 'has its next certificate'}")
    if not answered:
        click.echo("nobody asks")
    if told := tell_assignments(root, KeptWords, now=datetime.now(UTC), randomness=os.urandom, tell=click.echo):
        click.echo(f"kept at the broker: where {counted(len(told), 'device')} of swapped units serve")
