"""`savar provision …`: what a city starts with, and its keys since. No secret is ever printed."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.output import json_option, say_facts, write_json
from cli.provision_claims import approve, claim, renew, renewals, withdraw
from cli.provision_recovery import announce, bundle_key, restored
from cli.provision_revoke import crl, revoke, say_lists
from cli.provision_rotate import rotate
from cli.provision_swap import swap
from cli.provision_words import camera_pairs, command_line, device_options, door_or_spare
from protocol.fares.tariff import Tariff
from provisioning.app.broker import write_broker
from provisioning.app.city import FIRST_ISSUER, create_city, load_city
from provisioning.app.devices import add_device
from provisioning.app.fare_files import rider_class
from provisioning.app.issuers import add_issuer
from provisioning.app.pairs import pair_doors
from provisioning.app.renewing import renew_intermediates, renew_lists
from provisioning.core.layout import SISTER_KEY, AuthorityFolder, CityFolder
from transport.config import split_endpoint

_FOLDER = click.argument("root", type=click.Path(path_type=Path, file_okay=False))
_JSON = json_option("what was made")


@click.group()
def command() -> None:
    """Make a city's keys, devices, issuers and broker configuration, under the authority of a ceremony."""


for _more in (claim, withdraw, approve, swap, renew, renewals, crl, revoke, rotate, bundle_key, restored, announce):
    command.add_command(_more)


def _say(out: str | None, made: dict[str, Any], *, secrets: dict[Path, str], next_steps: list[str]) -> None:
    """What was made, where the secrets lie ({path: what to do with it}), what to do next."""
    if out:
        write_json(out, made | {"secrets": [str(path) for path in secrets], "next": next_steps})
        return
    say_facts(made)
    for path, care in secrets.items():
        click.echo(f"{'secret':16} {path} ({care})")
    click.echo("next:")
    for step in next_steps:
        click.echo(f"  {step}")


def class_shares(values: tuple[str, ...]) -> dict[int, int]:
    """CLASS=PERMILLE, several, classes named as in tariff files → {class: share}."""
    shares: dict[int, int] = {}
    for value in values:
        word, equals, share = value.partition("=")
        try:
            code = rider_class(word)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--class-share") from error
        if not (equals and share.isdecimal()):
            raise click.BadParameter(f"{value} is not CLASS=PERMILLE, e.g. student=500", param_hint="--class-share")
        if code in shares:
            raise click.BadParameter(f"class {word} is given twice", param_hint="--class-share")
        shares[code] = int(share)
    return shares


@command.command()
@_FOLDER
@click.option("--name", required=True, help="The city: a–z, 0–9, hyphen.")
@click.option("--shard", default="s0", show_default=True)
@click.option("--fare", default=60_000, show_default=True, type=click.IntRange(0), help="Flat adult fare in rials.")
@click.option("--class-share", "shares", multiple=True, metavar="CLASS=PERMILLE",
              help="What a rider class pays of it, per mille, e.g. student=500; the city pays the rest.")  # fmt: skip
@click.option("--broker-host", default="127.0.0.1", show_default=True)
@click.option("--broker-port", default=8883, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--http-host", default="127.0.0.1", show_default=True)
@click.option("--http-port", default=8080, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--provider", nargs=2, metavar="URL MERCHANT", help="Payment provider.")
@click.option("--authority", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="What `savar authority intermediates` made. Without it a root is made here, its key kept nowhere: "
                   "for a demo.")  # fmt: skip
@_JSON
def city(
    *, root: Path, name: str, shard: str, fare: int, shares: tuple[str, ...], broker_host: str, broker_port: int,
    http_host: str, http_port: int, provider: tuple[str, str] | None, authority: Path | None, out: str | None,
) -> None:  # fmt: skip
    """Make the city in the new folder ROOT: bundle, issuer, receipt and sealing keys, backend, roles."""
    made = create_city(
        root, name=name, shard=shard, tariff=Tariff(1, fare, class_shares(shares)), broker_host=broker_host,
        broker_port=broker_port, http_host=http_host, http_port=http_port, payments=provider,
        now=datetime.now(UTC), randomness=os.urandom,
        authority=None if authority is None else AuthorityFolder(authority),
    )  # fmt: skip
    folder = made.folder
    _say(
        out,
        {"city": name, "shard": shard, "settings": str(folder.settings), "backend": str(folder.backend_config)},
        secrets={
            folder.authority.root: "the intermediates: for whoever enrols",
            folder.bundle_key: "keep it off line",
            folder.issuer_key(FIRST_ISSUER).parent: "every issuer's key",
            folder.backend_keys: "the backend's own",
        },
        next_steps=[
            command_line("savar", "provision", "device", root, "bus-0001-d1", "--vehicle", "bus-0001", "--door", 1,
                     "--camera", "front=v4l2:0"),
            command_line("savar", "provision", "broker", root),
            command_line("savar", "backend", "run", "--config", folder.backend_config),
        ],
    )  # fmt: skip


@command.command()
@_FOLDER
@click.argument("given", type=click.Path(path_type=Path, exists=True, file_okay=False))
def authority(*, root: Path, given: Path) -> None:
    """Take newer intermediates, which a ceremony made in the folder GIVEN, into the city at ROOT."""
    renew_intermediates(root, AuthorityFolder(given))
    say_lists(renew_lists(root, now=datetime.now(UTC)))
    click.echo("what the older ones signed stays good to its own end")
    click.echo(f"next: {command_line('savar', 'authority', 'show', root)}, and compare; then delete {given}")


@command.command()
@_FOLDER
@click.argument("name")
@device_options
@_JSON
def device(*, root: Path, name: str, cameras: tuple[str, ...], out: str | None, **settings: Any) -> None:
    """Enrol the device NAME: its certificate, tap key, bundle, configuration, and its role at the broker."""
    folder = add_device(
        root, device=name, cameras=camera_pairs(cameras), now=datetime.now(UTC), randomness=os.urandom,
        **door_or_spare(settings),
    )  # fmt: skip
    config = folder / "validator.toml"
    _say(
        out,
        {"device": name, "folder": str(folder), "configuration": str(config)},
        secrets={folder / "keys": "carry them to this device only, then delete them here"},
        next_steps=[
            "restart the broker if it runs: it knows the new role then",
            f"copy {folder} to the device, owner and modes kept; there:",
            command_line("savar", "selftest", "--config", config),
            command_line("savar", "validator", "--config", config),
        ],
    )


@command.command()
@_FOLDER
@click.argument("listening")
@click.argument("calling")
@click.option("--listen", "endpoint", metavar="HOST:PORT",
              help="Where LISTENING listens on the bus's own network, and CALLING calls it. Without it they find each "
                   "other there, and which of them listens follows from their names.")  # fmt: skip
@click.option(
    "--interface", help="The bus's own network at both doors, e.g. eth0: they look for each other only there."
)
@_JSON
def pair(
    *, root: Path, listening: str, calling: str, endpoint: str | None, interface: str | None, out: str | None
) -> None:
    """Make the devices LISTENING and CALLING the two doors of one bus: each knows the other's name and key."""
    try:
        where = None if endpoint is None else split_endpoint(endpoint)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--listen") from error
    configs = pair_doors(root, listening, calling, where=where, interface=interface)
    if where is None:
        listening, calling = sorted((listening, calling))
    found_on = f"found on {interface or 'every interface'} by multicast DNS"
    _say(
        out,
        {
            "listening": listening, "calling": calling, "address": endpoint or found_on,
            "configurations": list(map(str, configs)),
        },
        secrets={},
        next_steps=[
            f"carry validator.toml and {SISTER_KEY} of each to its device, then restart both validators",
            *(command_line("savar", "selftest", "--config", config) for config in configs),
        ],
    )  # fmt: skip


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
            "issuer": name, "bundle_number": made.bundle_number, "given_to": list(made.given_to),
            "folder_away": list(made.away),
        },
        secrets={made.key: "for whoever issues"},
        next_steps=[
            "a running backend announces the bundle, and validators with a network fetch it",
            f"without a network: carry {CityFolder(root).backend_bundle} to the depot",
            "there, at each validator, stopped: savar bundle take DEPOT --config validator.toml",
        ],
    )  # fmt: skip


@command.command()
@_FOLDER
@click.option("--port", type=click.IntRange(1, 65_535), help="Move the city to this port.")
@click.option("--user", help="The account that a broker started as root changes to.")
@_JSON
def broker(*, root: Path, port: int | None, user: str | None, out: str | None) -> None:
    """Write mosquitto.conf and the roles for Mosquitto with mutual TLS."""
    if not CityFolder(root).broker_lists.exists():  # a city of before there were lists
        say_lists(renew_lists(root, now=datetime.now(UTC)))
    config = write_broker(root, port=port, user=user)
    city = load_city(root)
    _say(
        out,
        {"configuration": str(config), "port": city.settings.broker_port, "user": city.settings.broker_user},
        secrets={config.parent / f"{name}.key.pem": care for name, care in
                 (("broker", "the broker's own"), ("admin", "for whoever changes roles"))},
        next_steps=[
            command_line("mosquitto", "-c", config),
            command_line("savar", "backend", "run", "--config", city.folder.backend_config),
        ],
    )  # fmt: skip
