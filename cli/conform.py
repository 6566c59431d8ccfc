"""`savar conform`: a partner's software held against what is asked of it."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import click

from cli.output import json_option, write_json
from cli.stopping import stop_on_signals
from protocol.plurals import counted
from simulators.hosts.reference import SESSION, Fault, ReferenceHost
from simulators.hosts.sandbox import HandedOver, Sandbox
from simulators.hosts.suite import answers, held_against, played

_NAMES = {it.name.lower().replace("_", "-"): it for it in Fault}
_PORT = click.IntRange(0, 65_535)


@click.group()
def command() -> None:
    """What a partner runs against its own app (docs/PARTNERS.md). Nothing in it is real."""


def _header(told: str, hint: str) -> tuple[str, str]:
    name, colon, value = told.partition(":")
    if not colon:
        raise click.BadParameter("give NAME:VALUE, as Cookie:session=abc", param_hint=hint)
    return name.strip(), value.strip()


@command.command()
@click.option("--url", required=True, help="Where the host's server is, as its page reaches it.")
@click.option("--session-a", required=True, metavar="NAME:VALUE", help="The header of one user's session.")
@click.option("--session-b", required=True, metavar="NAME:VALUE", help="The header of another user's session.")
@click.option("--webhook", default="", help="Where it takes webhooks; without: URL/savar/webhooks.")
@click.option("--listen", "port", default=9_555, show_default=True, type=_PORT,
              help="The port of 127.0.0.1 at which the played backend is.")  # fmt: skip
@click.option("--set-up", "set_up", type=click.Path(path_type=Path, dir_okay=False),
              help="File for address, token and secret as JSON; without it they are shown.")  # fmt: skip
@click.option("--wait", "wait_s", default=120.0, show_default=True, help="Seconds until the host's server answers.")
@json_option("what was found")
def host(
    *, url: str, session_a: str, session_b: str, webhook: str, port: int, set_up: Path | None, wait_s: float,
    out: str | None,
) -> None:  # fmt: skip
    """Hold the server of a host's app against every check. Status 1 where one does not hold.

    The backend and the page are played; set the server up with the address, token and secret that are told first.
    """
    sessions = _header(session_a, "--session-a"), _header(session_b, "--session-b")
    with TemporaryDirectory() as folder, played(Path(folder), url=url, port=port) as (front, given):
        _tell(given, set_up)
        if not answers(url, sessions[0], wait_s):
            raise click.ClickException(f"{url}/savar/challenge did not answer 200 within {wait_s:.0f} s")
        found = held_against(url, sessions, front, given, webhook=webhook)
    if out is not None:
        write_json(out, [asdict(it) for it in found])
    else:
        for it in found:
            click.echo(f"{'holds' if not it.why else 'FAILS':6} {it.name:32} {it.why or it.holds}")
    failed = sum(bool(it.why) for it in found)
    click.echo(f"{counted(len(found), 'check', 'checks')}, {failed} failed", err=True)
    sys.exit(1 if failed else 0)


def _tell(given: HandedOver, set_up: Path | None) -> None:
    if set_up is not None:
        write_json(str(set_up), asdict(given))
        return
    click.echo(f"backend {given.backend}\ntoken {given.token}\nsecret {given.secret}", err=True)


@command.command()
@click.option("--backend", required=True, help="Where the backend is.")
@click.option("--token", required=True, help="The host's token.")
@click.option("--secret", required=True, help="The webhooks' secret.")
@click.option("--port", default=9_000, show_default=True, type=_PORT, help="On 127.0.0.1; 0: a free one.")
@click.option("--pages", type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="A folder of built pages to serve beside it.")  # fmt: skip
@click.option("--fault", "faults", multiple=True, type=click.Choice(list(_NAMES)), help="What it does wrong.")
def reference(
    *, backend: str, token: str, secret: str, port: int, pages: Path | None, faults: tuple[str, ...]
) -> None:  # fmt: skip
    """Run the reference host: users are told apart by the header X-Session, session-a and session-b. Ctrl-C ends it."""
    stop = stop_on_signals()
    chosen = frozenset(_NAMES[it] for it in faults)
    served = ReferenceHost(HandedOver(backend, token, secret), faults=chosen, port=port, pages=pages)
    served.start()
    click.echo(f"{served.url}/savar/   {SESSION}: session-a, session-b", err=True)
    _until(stop, served.stop)


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--origin", "origins", multiple=True, required=True, help="Of the host's pages.")
@click.option("--webhook", default="", help="Where webhooks go; one of this machine is let in.")
@click.option("--port", default=9_080, show_default=True, type=_PORT, help="On 127.0.0.1; 0: a free one.")
def sandbox(*, folder: Path, origins: tuple[str, ...], webhook: str, port: int) -> None:
    """Run a backend in FOLDER in which nothing is real, with one host in it. Ctrl-C ends it."""
    stop = stop_on_signals()
    folder.mkdir(parents=True, exist_ok=True)
    own = [webhook.partition("://")[2].partition("/")[0]] if webhook.startswith("http://") else []
    with Sandbox(folder, origins=origins, webhook=webhook, private=own, port=port) as it:
        _tell(it.given, None)
        _until(stop, lambda: None)


def _until(stop: Event, then: Callable[[], object]) -> None:
    try:
        stop.wait()
    finally:
        then()
