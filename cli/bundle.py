"""`savar bundle`: make the city's next bundle at the office; take one from a depot, or look at it, on a validator."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from cli.bundle_words import Row, policy_rows, tariff_rows
from cli.output import json_option, say, write_json
from cli.provision import class_shares
from protocol.limits import PIN_SALT_BYTES
from protocol.wire.bundles import Bundle
from protocol.wire.staff import StaffRow, make_row

_ID_HEX = 16
_LINES_SHOWN = 10


@click.group()
def command() -> None:
    """What goes down to the validators: tariff, keys, deny list, riders, timetable."""


def _credential(value: str, option: str) -> bytes:
    if len(value) != _ID_HEX or not set(value) <= set("0123456789abcdef"):
        raise click.BadParameter(f"{value} is not a credential id of 16 hex digits", param_hint=option)
    return bytes.fromhex(value)


def _denied(values: tuple[str, ...], listed: Path | None) -> dict[bytes, int]:
    """ID=VERSION, several, and a file with one a line → {credential id: highest denied version}."""
    lines = [*values, *(listed.read_text().split() if listed else ())]
    found: dict[bytes, int] = {}
    for line in lines:
        credential, equals, version = line.partition("=")
        if not (equals and version.isdecimal()):
            raise click.BadParameter(f"{line} is not ID=VERSION, e.g. 0102030405060708=3", param_hint="--deny")
        found[_credential(credential, "--deny")] = int(version)
    return found


def _driver(number: str) -> StaffRow:
    """Ask for the PIN twice; it is shown nowhere and kept nowhere but as the row's hash."""
    pin = click.prompt(f"PIN of driver {number}, 4 to 8 digits", hide_input=True, confirmation_prompt=True)
    return make_row(number, pin, os.urandom(PIN_SALT_BYTES))


def _unchecked(bundle: Bundle) -> list[str]:
    """What to do about lines that tariffs and policies name, where no timetable says which there are."""
    named = {line for it in bundle.tariffs for line in (*it.lines, *(one for rule in it.products.values()
                                                                    for one in rule.lines))}  # fmt: skip
    for it in (*bundle.policies.board_free, *bundle.policies.graces):
        named |= it.lines
    if not named:
        return []
    shown = ", ".join(sorted(named)[:_LINES_SHOWN]) + (", …" if len(named) > _LINES_SHOWN else "")
    return [f"look again at {shown}: there is no timetable to check the names of lines against"]


@command.command()
@click.argument("root", type=click.Path(path_type=Path, file_okay=False))
@click.option("--fare", type=click.IntRange(0), help="Flat adult fare in rials.")
@click.option("--class-share", "shares", multiple=True, metavar="CLASS=PERMILLE",
              help="What a rider class pays of it, per mille, e.g. student=500; other classes stay.")  # fmt: skip
@click.option(
    "--repeat-window", type=click.IntRange(0), metavar="SECONDS", help="One fare a credential and bus within it."
)
@click.option("--deny", "denied", multiple=True, metavar="ID=VERSION",
              help="Deny a credential, up to and with this version.")  # fmt: skip
@click.option("--deny-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The same, one a line.")
@click.option("--allow", "allowed", multiple=True, metavar="ID", help="Take a credential off the deny list.")
@click.option("--riders", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="All rows of a new table of riders, as `savar backend riders` writes them.")  # fmt: skip
@click.option("--timetable", "feed", type=click.Path(path_type=Path, exists=True),
              help="A new timetable: the city's GTFS feed, a zip or a folder.")  # fmt: skip
@click.option("--tariff", "tariff", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="A whole tariff (TOML); one that starts later waits as the next.")  # fmt: skip
@click.option("--policies", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="All policies: free rides, vehicles in training (TOML).")  # fmt: skip
@click.option("--driver", "drivers", multiple=True, metavar="NUMBER",
              help="Let a driver sign in at terminals, or give another PIN; it is asked for.")  # fmt: skip
@click.option("--driver-gone", "gone", multiple=True, metavar="NUMBER", help="Take a driver off the staff list.")
@click.option("--badge-gone", "badges_gone", multiple=True, metavar="NUMBER",
              help="A driver's badge is lost: it opens nothing any more.")  # fmt: skip
@click.option("--badge-and-pin", "both", multiple=True, metavar="NUMBER", help="This driver needs badge and PIN.")
@click.option(
    "--badge-or-pin", "either", multiple=True, metavar="NUMBER", help="Either is enough, as for a new driver."
)
@json_option("what was made")
def make(
    *, root: Path, fare: int | None, shares: tuple[str, ...], repeat_window: int | None, denied: tuple[str, ...],
    deny_file: Path | None, allowed: tuple[str, ...], riders: Path | None, feed: Path | None, tariff: Path | None,
    policies: Path | None, drivers: tuple[str, ...], gone: tuple[str, ...],
    badges_gone: tuple[str, ...], both: tuple[str, ...], either: tuple[str, ...], out: str | None,
) -> None:  # fmt: skip
    """Make the next bundle of the city in ROOT and give it to the backend and every device's folder that is here."""
    from provisioning.app.bundles import make_bundle
    from provisioning.app.fare_files import read_policies, read_tariff
    from provisioning.app.timetables import load_feed
    from provisioning.core.bundle_changes import Changes
    from provisioning.core.layout import CityFolder

    changes = Changes(
        fare, class_shares(shares), repeat_window, _denied(denied, deny_file),
        frozenset(_credential(one, "--allow") for one in allowed),
        tariff=None if tariff is None else partial(read_tariff, tariff),
        policies=None if policies is None else partial(read_policies, policies),
        drivers={number: _driver(number) for number in drivers}, drivers_gone=frozenset(gone),
        badges=dict.fromkeys(badges_gone), both=dict.fromkeys(both, True) | dict.fromkeys(either, False),
    )  # fmt: skip
    made = make_bundle(
        root, changes, now=datetime.now(UTC), riders=None if riders is None else riders.read_bytes(),
        timetable=None if feed is None else load_feed(feed).lines,
    )  # fmt: skip
    bundle = made.bundle
    say(
        out,
        {
            "bundle_number": bundle.number, "tariff": bundle.tariff.version,
            "fare_rials": bundle.tariff.flat_fare_rials, "denied": len(bundle.deny),
            "next_tariff": None if bundle.next_tariff is None else bundle.next_tariff.version,
            "policies": bundle.policies.number, "drivers": len(bundle.staff),
            "given_to": list(made.given_to), "folder_away": list(made.away),
        },
        [
            *([] if made.timetable else _unchecked(bundle)),
            "a running backend announces it, and validators with a network fetch it",
            f"without a network: carry {CityFolder(root).backend_bundle} to the depot",
            "there, at each validator, stopped: savar bundle take DEPOT --config validator.toml",
        ],
    )  # fmt: skip


@command.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@json_option("what it would make")
def feed(*, path: Path, out: str | None) -> None:
    """Look through the GTFS feed at PATH as `make --timetable` would read it, and show which ids get other names."""
    from protocol.wire.timetable import cut_timetable
    from provisioning.app.timetables import load_feed

    found = load_feed(path)
    chunks = cut_timetable(found.lines)
    patterns = [pattern for line in found.lines for pattern in line.patterns]
    say(
        out,
        {
            "lines": len(found.lines), "ways": len(patterns),
            "stops": len({call.stop for pattern in patterns for call in pattern.calls}),
            "trips": sum(len(pattern.trips) for pattern in patterns), "chunks": len(chunks),
            "bytes": sum(map(len, chunks)),
            **{f"renamed_{kind}": [f"{old} → {new}" for old, new in names.items()] if kind != "trips" else len(names)
               for kind, names in found.renamed.items()},
        },
        ["savar bundle make CITY --timetable FEED"],
    )  # fmt: skip


@command.command()
@click.argument("depot", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The device's validator.toml.")  # fmt: skip
@json_option("what was taken")
def take(*, depot: Path, path: Path, out: str | None) -> None:
    """Bring the bundle in the folder DEPOT into force on this validator's card; stop the validator first."""
    from edge.adapters.keys import load_city_keys
    from edge.app.bundle_tools import take_bundle
    from edge.app.config import load_config

    config = load_config(path)
    key, recovery = load_city_keys(config.keys_dir)
    manifest, new = take_bundle(
        config.bundle,
        depot,
        key,
        city=config.city,
        releases=config.releases is not None,
        recovery=recovery,
    )
    say(out, {"bundle_number": manifest.number, "new_chunks": new}, ["start the validator"])


@command.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="The device's validator.toml.")  # fmt: skip
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@json_option("what it says")
def show(*, path: Path, folder: Path | None, out: str | None) -> None:
    """Show the bundle in force on this validator's card, or the one in FOLDER as this validator would read it.

    With --json: tariffs and policies under the keys of the files that an office writes (docs/FARES.md).
    """
    from edge.adapters.keys import load_city_keys
    from edge.app.bundle_tools import show_bundle
    from edge.app.config import load_config
    from provisioning.core.fare_words import policies_told, tariff_told

    config = load_config(path)
    key, recovery = load_city_keys(config.keys_dir)
    manifest, bundle = show_bundle(config.bundle, folder or config.bundle, key, city=config.city, recovery=recovery)
    issued = datetime.fromtimestamp(manifest.issued_ms / 1000, UTC)
    found: dict[str, Any] = {
        "bundle_number": manifest.number, "issued": issued.isoformat(timespec="seconds"),
        "issuers": len(bundle.issuer_keys), "drivers": len(bundle.staff), "deny_list": bundle.deny_number,
        "denied": len(bundle.deny), "sections": [one.kind for one in manifest.sections],
    }  # fmt: skip
    tariffs, policies = [tariff_told(it) for it in bundle.tariffs], policies_told(bundle.policies)
    if out:
        write_json(out, found | {"tariffs": tariffs, "policies": policies})
        return
    say(None, found, [])
    for title, told in zip(("tariff", "next tariff"), tariffs, strict=False):
        _rows(tariff_rows(told, title=title))
    _rows(policy_rows(policies))


def _rows(rows: Iterable[Row]) -> None:
    for name, said in rows:
        click.echo(f"{name:16} {said}")
