"""`savar host`: other apps in which riders have their pass: their tokens and their end, at the backend."""

import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from backend.adapters.keys import load_host_key
from backend.adapters.ledger.store import LedgerStore
from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.naming_hosts import end_host, make_host_token, next_secret, resume_host
from backend.core.errors import NotFound
from backend.core.hosts.events import secret as secret_of
from backend.core.hosts.events import written
from backend.core.hosts.host import KeptHost, Scope
from backend.core.limits import HOOK_OVERLAP_DAYS, HOST_TOKEN_DAYS_DEFAULT, HOST_TOKEN_OVERLAP_DAYS, PAGE_MAX
from cli.backend_config import backend_config
from cli.output import json_option, write_json
from cli.secrets_out import hand_over, require_new
from cli.whoami import account
from protocol.plurals import counted

_OUT = click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
                    help="New file for it, for its owner alone; without it, it is shown, once.")  # fmt: skip


@click.group()
def command() -> None:
    """Tokens of hosts that two people have approved (docs/PARTNERS.md), and their end. The backend may run."""


def _ledger(path: Path) -> "closing[LedgerStore]":
    return closing(open_ledger(load_config(path)))


@command.command()
@backend_config
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice([it.value for it in Scope]),
              help="What it opens; may be given several times. Without: all that the host may.")  # fmt: skip
@click.option("--days", default=HOST_TOKEN_DAYS_DEFAULT, show_default=True, type=click.IntRange(1, 3_660),
              help="For how long it is good.")  # fmt: skip
@click.option("--overlap", default=HOST_TOKEN_OVERLAP_DAYS, show_default=True, type=click.IntRange(0, 90),
              help="In how many days the ones before it end; 0: now.")  # fmt: skip
@_OUT
def token(*, path: Path, name: str, scopes: tuple[str, ...], days: int, overlap: int, out: Path | None) -> None:
    """Make a new token for the host NAME; those before it end a little later, so that it can be changed."""
    require_new(out)
    with _ledger(path) as store:
        asked = tuple(Scope(it) for it in scopes) or _kept(store, name).host.scopes
        made = make_host_token(
            store, name, asked, by=account(), now_ms=wall_ms(), randomness=os.urandom, days=days, overlap_days=overlap
        )
    hand_over("the token", made, name, out, f"savar host token {name}")


def _kept(store: LedgerStore, name: str) -> KeptHost:
    found = store.host(name)
    if found is None:
        raise NotFound(f"there is no host {name}", fix="two people approve one: POST /v1/proposals/for/hosts")
    return found


@command.command()
@backend_config
@click.argument("name")
@click.option("--rotate", is_flag=True, help="Make the next one; the one before it signs beside it for a week.")
@_OUT
def secret(*, path: Path, name: str, rotate: bool, out: Path | None) -> None:
    """Tell the secret by which the host NAME verifies webhooks."""
    require_new(out)
    key = load_host_key(load_config(path).keys_dir)
    with _ledger(path) as store:
        kept = _kept(store, name)
        if rotate:
            kept = next_secret(store, name, by=account(), now_ms=wall_ms(), overlap_days=HOOK_OVERLAP_DAYS)
    hand_over("the secret", written(secret_of(key, name, kept.generation)), name, out, f"savar host secret {name}")


@command.command()
@backend_config
@click.argument("name")
def resume(*, path: Path, name: str) -> None:
    """Send webhooks to the host NAME again, which was paused: what comes from now on."""
    with _ledger(path) as store:
        resume_host(store, name, by=account(), now_ms=wall_ms())
    click.echo(f"{name} is told again; what was meanwhile it reads by its cursors")


@command.command()
@backend_config
@click.argument("name")
def end(*, path: Path, name: str) -> None:
    """End the host NAME: its tokens open nothing from now on. Its riders stay the city's."""
    with _ledger(path) as store:
        end_host(store, name, by=account(), now_ms=wall_ms())
    click.echo(f"{name} is ended; its riders have their passes as before")


@command.command("list")
@backend_config
@json_option("the hosts")
def list_hosts(*, path: Path, out: str | None) -> None:
    """List every host that there ever was, with the ends of its tokens."""
    with _ledger(path) as store:
        found = store.hosts("", PAGE_MAX)
        ends = [[it.ends_ms for it in store.host_tokens(one.host.name, wall_ms())] for one in found]
    if out is not None:
        write_json(out, [
            {**it.host.words(), "made_ms": it.made_ms, "ended_ms": it.ended_ms, "paused_ms": it.paused_ms,
             "tokens_end_ms": mine}
            for it, mine in zip(found, ends, strict=True)
        ])  # fmt: skip
        return
    for it, mine in zip(found, ends, strict=True):
        ended = "" if it.ended_ms is None else f", ended {_when(it.ended_ms)}"
        ended += "" if it.paused_ms is None else f", webhooks paused {_when(it.paused_ms)}"
        until = ", ".join(f"token until {_when(at)}" for at in mine) or "no token"
        scopes = " ".join(scope.value for scope in it.host.scopes)
        click.echo(f"{it.host.name:20} since {_when(it.made_ms)}{ended}, {until}; {scopes}")
    click.echo(counted(len(found), "host", "hosts"), err=True)


def _when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
