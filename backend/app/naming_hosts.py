"""Tokens of hosts, and their end: by a command at the backend's own machine, under its account, told in the log."""

from collections.abc import Callable, Sequence

from backend.app.naming import CONSOLE, after_days, new_secret
from backend.core.errors import NotFound
from backend.core.hosts.host import HostToken, KeptHost, Scope
from backend.core.hosts.ports import EventStore, HostStore
from backend.core.staff.errors import Unfit
from backend.core.staff.log import Entry


def make_host_token(
    store: HostStore, host: str, scopes: Sequence[Scope], *, by: str, now_ms: int,
    randomness: Callable[[int], bytes], days: int, overlap_days: int,
) -> str:  # fmt: skip
    """A new token → it; the host's others end `overlap_days` from now at the latest. Raises NotFound, Unfit."""
    kept = store.host(host)
    if kept is None or kept.ended_ms is not None:
        raise _no_host(host)
    if beyond := [it.value for it in scopes if it not in kept.host.scopes]:
        raise Unfit(
            f"{host} may not {', '.join(beyond)}", fix="two people approve its terms anew: /v1/proposals/for/hosts"
        )
    text, hashed = new_secret(randomness)
    token = HostToken(hashed, host, tuple(scopes), now_ms, after_days(now_ms, days))
    told = f"{' '.join(it.value for it in scopes)} for {days} days; those before end in {overlap_days}"
    entry = Entry(now_ms, by, CONSOLE, "new-host-token", host, told)
    if not store.add_host_token(token, after_days(now_ms, overlap_days), entry):
        raise _no_host(host)
    return text


def end_host(store: HostStore, host: str, *, by: str, now_ms: int) -> None:
    """Its tokens open nothing any more; its riders stay the city's. Raises NotFound."""
    if not store.end_host(host, Entry(now_ms, by, CONSOLE, "end-host", host, "ended")):
        raise _no_host(host)


def next_secret(store: EventStore, host: str, *, by: str, now_ms: int, overlap_days: int) -> KeptHost:
    """The host with the next secret of its webhooks; the one before signs, too, for so long. Raises NotFound."""
    told = f"the one before signs for {overlap_days} days"
    kept = store.next_secret(
        host, after_days(now_ms, overlap_days), Entry(now_ms, by, CONSOLE, "new-host-secret", host, told)
    )
    if kept is None:
        raise _no_host(host)
    return kept


def resume_host(store: EventStore, host: str, *, by: str, now_ms: int) -> None:
    """It is told again what comes from now on. Raises NotFound."""
    if not store.resume_host(host, Entry(now_ms, by, CONSOLE, "resume-host", host, "resumed")):
        raise NotFound(f"{host} is not paused, or is no host", fix="savar host list")


def _no_host(host: str) -> NotFound:
    return NotFound(f"{host} is no host, or was ended", fix="savar host list")
