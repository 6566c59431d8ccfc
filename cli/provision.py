"""`savar provision`: make a city, enrol devices, add issuers, write the broker's configuration.

Prints what was made, where the secrets lie, and the next step; never a secret.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import write_json

if TYPE_CHECKING:
    from protocol.fares.tariff import Tariff

_ROOT = click.argument("root", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
_JSON = click.option(
    "--json", "out", metavar="OUT", help="Write the result as JSON to this file; - is standard output."
)


@click.group()
def command() -> None:
    """Make a city's authority, keys, devices and broker configuration."""


@command.command()
@_ROOT
@click.option("--name", required=True, help="Name of the city: a–z, 0–9, hyphen.")
@click.option("--shard", default="s0", show_default=True, help="Shard that its one ingest worker owns.")
@click.option("--broker-host", default="127.0.0.1", show_default=True, help="Address or DNS name of the broker.")
@click.option("--broker-port", default=8883, show_default=True, help="Port of the broker.")
@click.option("--http-host", default="127.0.0.1", show_default=True, help="Address on which the backend serves HTTP.")
@click.option("--http-port", default=8080, show_default=True, help="Port on which the backend serves HTTP.")
@click.option("--fare", default=40_000, show_default=True, metavar="RIALS", help="Flat fare in rials.")
@click.option(
    "--class-share", "shares", multiple=True, metavar="CLASS=PERMILLE",
    help="Share of the fare that a rider class pays, in per mille: 2=500. May be repeated.",
)  # fmt: skip
@click.option("--payments", nargs=2, metavar="URL MERCHANT", help="Payment provider and our merchant name there.")
@_JSON
def city(
    root: Path, *, name: str, shard: str, broker_host: str, broker_port: int, http_host: str, http_port: int,
    fare: int, shares: tuple[str, ...], payments: tuple[str, str] | None, out: str | None,
) -> None:  # fmt: skip
    """Make the city's folder DIR with its authority, first issuer, bundle, backend and broker."""
    from provisioning.app.broker import write_broker
    from provisioning.app.city import create_city
    from provisioning.core.errors import PluginMissing

    made = create_city(
        root, name=name, shard=shard, tariff=_tariff(fare, shares), broker_host=broker_host, broker_port=broker_port,
        http_host=http_host, http_port=http_port, payments=payments, now=datetime.now(UTC), randomness=os.urandom,
    ).folder  # fmt: skip
    try:
        broker = f"mosquitto -c {write_broker(root)}"
    except PluginMissing as error:  # the city is complete; a demo needs no Mosquitto
        broker = f"{error.fix} {root}"
    _report(
        out,
        {"city": name, "folder": str(root), "bundle_number": 1, "broker_next": broker},
        [
            f"city {name} is in {root}",
            f"backend    {made.backend_config}",
            f"broker     {made.broker}",
        ],
        secrets=[
            made.authority_key, made.bundle_key, made.issuer_key("*"), made.backend_keys / "*.key.pem",
            made.backend_keys / "ops.token", made.broker / "*.key.pem",
        ],
        steps=[
            f"savar provision device {root} bus-0001-d1 --vehicle bus-0001 --door 1 --camera front=v4l2:0",
            broker,
            f"savar backend --config {made.backend_config}",
        ],
    )  # fmt: skip


@command.command()
@_ROOT
@click.argument("name")
@click.option("--vehicle", required=True, help="Vehicle that carries it.")
@click.option("--door", required=True, type=int, help="Door of the vehicle, from 1.")
@click.option("--route", help="Route it starts with.")
@click.option(
    "--camera", "cameras", multiple=True, metavar="NAME=SOURCE",
    help="front=v4l2:0, file:PATH, folder:PATH, http://…, rtsp://…, picamera2:0. May be repeated.",
)  # fmt: skip
@click.option(
    "--clock-trust", type=click.Choice(["system", "operator"]), default="system", show_default=True,
    help="Who vouches for its clock: the system's time service, or a person (development).",
)  # fmt: skip
@_JSON
def device(
    root: Path, *, name: str, vehicle: str, door: int, route: str | None, cameras: tuple[str, ...], clock_trust: str,
    out: str | None,
) -> None:  # fmt: skip
    """Enrol the device NAME in the city DIR; its folder then goes to the bus."""
    from provisioning.app.devices import add_device

    folder = add_device(
        root, device=name, vehicle=vehicle, door=door, route=route, clock_trust=clock_trust,
        cameras=[_pair("--camera", text) for text in cameras], now=datetime.now(UTC), randomness=os.urandom,
    )  # fmt: skip
    _report(
        out,
        {"device": name, "vehicle": vehicle, "door": door, "folder": str(folder)},
        [f"device {name} (door {door} of {vehicle}) is in {folder}"],
        secrets=[folder / "keys" / "*.key.pem"],
        steps=[
            "restart the broker: it reads the new role when it starts",
            f"carry {folder} to the bus with owner and modes kept (rsync -a, tar -p), then delete it here",
            f"savar validator --config {folder / 'validator.toml'}",
        ],
    )


@command.command()
@_ROOT
@click.argument("name")
@_JSON
def issuer(root: Path, *, name: str, out: str | None) -> None:
    """Add the issuer NAME to the city DIR: a new key, and a bundle in which the earlier ones stay valid."""
    from provisioning.app.issuers import add_issuer

    added = add_issuer(root, name, now=datetime.now(UTC), randomness=os.urandom)
    steps = ["restart the backend and the validators: they read the bundle when they start"]
    if added.away:
        steps.append(f"bring {root / 'backend' / 'bundle.cose'} to: {', '.join(added.away)}")
    _report(
        out,
        {
            "issuer": name, "bundle_number": added.bundle_number, "given_to": list(added.given_to),
            "away": list(added.away),
        },
        [
            f"issuer {name} is in bundle number {added.bundle_number}",
            f"bundle given to the backend and {len(added.given_to)} devices",
        ],
        secrets=[added.key],
        steps=steps,
    )  # fmt: skip


@command.command()
@_ROOT
@click.option("--port", type=int, help="Move the city's broker, backend and devices to this port.")
@click.option("--user", help="Account that a broker started as root changes to; its files are given to it.")
@_JSON
def broker(root: Path, *, port: int | None, user: str | None, out: str | None) -> None:
    """Write Mosquitto's configuration of the city DIR anew."""
    from provisioning.app.broker import write_broker

    config = write_broker(root, port=port, user=user)
    steps = [f"mosquitto -c {config}"]
    if user is None and os.geteuid() == 0:
        steps.append(f"for a service, let it leave root: savar provision broker {root} --user mosquitto")
    _report(
        out,
        {"config": str(config), "roles": str(config.parent / "dynamic-security.json")},
        [f"broker configuration is {config}"],
        secrets=[config.parent / "*.key.pem"],
        steps=steps,
    )


def _tariff(fare: int, shares: Iterable[str]) -> "Tariff":
    from protocol.errors import OutOfRange
    from protocol.fares.tariff import RiderClass, Tariff
    from provisioning.core.errors import BadSetting

    permille: dict[int, int] = {}
    for text in shares:
        rider_class, share = _pair("--class-share", text)
        if not (rider_class.isdecimal() and share.isdecimal() and int(rider_class) in set(RiderClass)):
            known = ", ".join(f"{one.value} {one.name.lower()}" for one in RiderClass)
            raise BadSetting(f"--class-share {text} is not CLASS=PERMILLE", fix=f"classes: {known}", value=text)
        permille[int(rider_class)] = int(share)
    try:
        return Tariff(1, fare, permille)
    except OutOfRange as error:
        raise BadSetting(error.message, fix="see --fare and --class-share", **error.data) from error


def _pair(option: str, text: str) -> tuple[str, str]:
    from provisioning.core.errors import BadSetting

    left, equals, right = text.partition("=")
    if not equals:
        raise BadSetting(f"{option} {text} has no =", fix=f"see {option} in --help", value=text)
    return left, right


def _report(out: str | None, facts: dict[str, Any], made: list[str], *, secrets: list[Path], steps: list[str]) -> None:
    """Say what was made, where the secrets lie and what comes next; as JSON if asked for."""
    if out is not None:
        write_json(out, facts | {"secrets": [str(path) for path in secrets], "next": steps})
    if out == "-":
        return
    for line in made:
        click.echo(line)
    click.echo("\nsecrets (mode 0600; back them up, never mail them):")
    for path in secrets:
        click.echo(f"  {path}")
    click.echo("\nnext:")
    for step in steps:
        click.echo(f"  {step}")
