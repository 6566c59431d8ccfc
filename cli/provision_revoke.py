"""`savar provision crl` and `revoke`: who is out, and that the broker knows it."""

from datetime import UTC, datetime
from pathlib import Path

import click

from protocol.jalali import day_text
from protocol.localtime import service_day
from provisioning.adapters.files import account_now
from provisioning.app.lists import Written
from provisioning.app.renewing import renew_lists
from provisioning.app.revoking import revoke_device
from provisioning.core.days import unix_ms
from provisioning.core.revocations import Reason
from transport.roles import shut_out

_ROOT = click.argument("root", type=click.Path(path_type=Path, exists=True, file_okay=False))


def say_lists(made: Written) -> None:
    """What the broker has to read, and whether it was told to."""
    click.echo(
        f"{made.path}: number {made.number}, {made.revoked} revoked, good until"
        f" {day_text(service_day(unix_ms(made.until)))} ({made.until:%Y-%m-%d})"
    )
    if made.reloaded:
        click.echo("the broker was told to read it")
    else:
        click.echo("no broker runs here from this folder: it reads the list when it starts, or at SIGHUP")


@click.command()
@_ROOT
def crl(*, root: Path) -> None:
    """Renew the lists of revoked certificates of the city in ROOT: once a week, by a timer."""
    say_lists(renew_lists(root, now=datetime.now(UTC)))


@click.command()
@_ROOT
@click.argument("device")
@click.option("--reason", required=True, type=click.Choice([it.value for it in Reason]))
@click.option("--certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Its certificate, where the city kept none.")  # fmt: skip
def revoke(*, root: Path, device: str, reason: str, certificate: Path | None) -> None:
    """Keep DEVICE out for good: broker, live session, and what it signs. May be called again at any time."""
    revoke_device(
        root, device, reason=Reason(reason), by=account_now(), now=datetime.now(UTC), tell=click.echo,
        shut_out=shut_out, certificate=certificate,
    )  # fmt: skip
    click.echo(f"{device} is out; enrol its door under another name when there is another unit")
