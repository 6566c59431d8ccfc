"""What commands of `savar provision` read and print alike."""

import shlex
from collections.abc import Callable
from typing import Any

import click


def command_line(*words: object) -> str:
    """A command line that a shell takes as it stands."""
    return shlex.join(map(str, words))


def device_options(command: Callable[..., None]) -> Callable[..., None]:
    """What is said of a device that comes into a city, however it comes."""
    for option in reversed((
        click.option("--vehicle", help="The vehicle's name, e.g. bus-0001."),
        click.option("--door", type=int, help="Which door, counted from 1."),
        click.option("--spare", is_flag=True, help="In place of both: `savar provision swap` says later where."),
        click.option(
            "--camera", "cameras", multiple=True, metavar="NAME=SOURCE", default=("front=v4l2:0",), show_default=True,
            help="v4l2:N | file:PATH | folder:PATH | http://… | rtsp://… | picamera2:N",
        ),
        click.option("--route", help="The route it serves, if it is always the same."),
        click.option("--clock-trust", default="system", show_default=True, type=click.Choice(["system", "operator"])),
        click.option(
            "--chunks-url", metavar="URL", help="Where it fetches bundles; by default where backend.toml serves."
        ),
    )):  # fmt: skip
        command = option(command)
    return command


def door_or_spare(settings: dict[str, Any]) -> dict[str, Any]:
    """The options, `spare` taken out and held against vehicle and door. Raises BadParameter."""
    spare = settings.pop("spare")
    if spare is not (settings["vehicle"] is None) or spare is not (settings["door"] is None):
        raise click.BadParameter("give both, or --spare in place of both", param_hint="--vehicle, --door")
    return settings


def camera_pairs(values: tuple[str, ...]) -> list[tuple[str, str]]:
    """NAME=SOURCE, several → [(name, source)]."""
    cameras = []
    for value in values:
        name, equals, source = value.partition("=")
        if not (equals and name and source):
            raise click.BadParameter(f"{value} is not NAME=SOURCE, e.g. front=v4l2:0", param_hint="--camera")
        cameras.append((name, source))
    return cameras
