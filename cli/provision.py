"""`savar provision city|device|issuer|broker`: what a city starts with. No secret is ever printed."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.output import write_json
from protocol.fares.tariff import Tariff
from provisioning.app.broker import write_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.issuers import add_issuer

_FOLDER = click.argument("root", type=click.Path(path_type=Path, file_okay=False))
_JSON = click.option("--json", "out", help="Write what was made to this file; - is standard output.")


@click.group()
def command() -> None:
    """Make a city's authority, keys, devices, issuers and broker configuration. Development authority: see docs."""


def _say(out: str | None, made: dict[str, Any], next_steps: list[str]) -> None:
    """What was made, where the secrets lie, what to do next."""
    if out:
        write_json(out, made)
        return
    for name, value in made.items():
        click.echo(f"{name:16} {value}")
    click.echo("next:")
    for step in next_steps:
        click.echo(f"  {step}")


def _shares(values: tuple[str, ...]) -> dict[int, int]:
    """CLASS=PERMILLE, several → {class: share}."""
    shares = {}
    for value in values:
        rider_class, equals, share = value.partition("=")
        if not (equals and rider_class.isdecimal() and share.isdecimal()):
            raise click.BadParameter(f"{value} is not CLASS=PERMILLE, e.g. 2=500", param_hint="--class-share")
        shares[int(rider_class)] = int(share)
    return shares


def _cameras(values: tuple[str, ...]) -> list[tuple[str, str]]:
    """NAME=SOURCE, several → [(name, source)]."""
    cameras = []
    for value in values:
        name, equals, source = value.partition("=")
        if not (equals and name and source):
            raise click.BadParameter(f"{value} is not NAME=SOURCE, e.g. front=v4l2:0", param_hint="--camera")
        cameras.append((name, source))
    return cameras


@command.command()
@_FOLDER
@click.option("--name", required=True, help="The city: a–z, 0–9, hyphen.")
@click.option("--shard", default="s0", show_default=True)
@click.option("--fare", default=60_000, show_default=True, type=click.IntRange(0), help="Flat adult fare in rials.")
@click.option("--class-share", "shares", multiple=True, metavar="CLASS=PERMILLE",
              help="What a rider class pays of it, per mille; the city pays the rest.")  # fmt: skip
@click.option("--broker-host", default="127.0.0.1", show_default=True)
@click.option("--broker-port", default=8883, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--http-host", default="127.0.0.1", show_default=True)
@click.option("--http-port", default=8080, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--provider", nargs=2, metavar="URL MERCHANT", help="Payment provider.")
@_JSON
def city(
    *, root: Path, name: str, shard: str, fare: int, shares: tuple[str, ...], broker_host: str, broker_port: int,
    http_host: str, http_port: int, provider: tuple[str, str] | None, out: str | None,
) -> None:  # fmt: skip
    """Make the city in the new folder ROOT: authority, bundle, issuer, receipt and sealing keys, backend, roles."""
    made = create_city(
        root, name=name, shard=shard, tariff=Tariff(1, fare, _shares(shares)), broker_host=broker_host,
        broker_port=broker_port, http_host=http_host, http_port=http_port, payments=provider,
        now=datetime.now(UTC), randomness=os.urandom,
    )  # fmt: skip
    folder = made.folder
    _say(
        out,
        {
            "city": name, "shard": shard, "settings": str(folder.settings),
            "authority key": f"{folder.authority_key} (0600: keep it off line)",
            "bundle key": f"{folder.bundle_key} (0600: keep it off line)",
            "backend": str(folder.backend_config),
        },
        [
            f"savar provision device {root} bus-0001-d1 --vehicle bus-0001 --door 1 --camera front=v4l2:0",
            f"savar provision broker {root}",
        ],
    )  # fmt: skip


@command.command()
@_FOLDER
@click.argument("name")
@click.option("--vehicle", required=True, help="The vehicle's name, e.g. bus-0001.")
@click.option("--door", required=True, type=click.IntRange(0, 255))
@click.option("--camera", "cameras", multiple=True, metavar="NAME=SOURCE", default=("front=v4l2:0",), show_default=True,
              help="v4l2:N | file:PATH | folder:PATH | http://… | rtsp://… | picamera2:N")  # fmt: skip
@click.option("--route", help="The route it serves, if it is always the same.")
@click.option("--clock-trust", default="system", show_default=True, type=click.Choice(["system", "operator"]))
@_JSON
def device(
    *, root: Path, name: str, vehicle: str, door: int, cameras: tuple[str, ...], route: str | None, clock_trust: str,
    out: str | None,
) -> None:  # fmt: skip
    """Enrol the device NAME: its certificate, tap key, bundle, configuration, and its role at the broker."""
    folder = add_device(
        root, device=name, vehicle=vehicle, door=door, cameras=_cameras(cameras), route=route, clock_trust=clock_trust,
        now=datetime.now(UTC), randomness=os.urandom,
    )  # fmt: skip
    _say(
        out,
        {"device": name, "folder": str(folder), "keys": f"{folder / 'keys'} (0600: carry them to this device only)"},
        [
            f"copy {folder} to the device",
            f"savar selftest --config {folder / 'validator.toml'}",
            f"savar validator --config {folder / 'validator.toml'}",
            "restart the broker if it runs: it knows the new role then",
        ],
    )


@command.command()
@_FOLDER
@click.argument("name")
@_JSON
def issuer(*, root: Path, name: str, out: str | None) -> None:
    """Add the issuer NAME; earlier issuers stay valid. The bundle gets the next number."""
    made = add_issuer(root, name, now=datetime.now(UTC), randomness=os.urandom)
    _say(
        out,
        {
            "issuer": name, "key": f"{made.key} (0600)", "bundle number": made.bundle_number,
            "given to": list(made.given_to), "folder away": list(made.away),
        },
        ["restart the backend and these validators; carry bundle.cose to every device whose folder is away"],
    )  # fmt: skip


@command.command()
@_FOLDER
@click.option("--port", type=click.IntRange(1, 65_535), help="Move the city to this port.")
@click.option("--user", help="The account that a broker started as root changes to.")
@_JSON
def broker(*, root: Path, port: int | None, user: str | None, out: str | None) -> None:
    """Write mosquitto.conf and the roles for Mosquitto with mutual TLS."""
    config = write_broker(root, port=port, user=user)
    _say(out, {"configuration": str(config)}, [f"mosquitto -c {config}"])
