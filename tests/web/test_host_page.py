"""A city app's page with @savar/pass in it, in a real Chromium: before a whole backend, and two buses without a network."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.app.backend import wall_ms
from backend.app.naming_hosts import make_host_token
from backend.core.hosts.host import Host, Scope
from protocol.wire.keys import SigningKey
from simulators.phones import registration
from tests.web.conftest import HOST_PAGE, PASSENGER, walk
from tests.web.host_server import HostServer
from tests.web.strings import Strings
from tests.web.test_passenger import Town

pytestmark = pytest.mark.slow
STRANGER = SigningKey.from_secret(bytes([9]) * 32)


class HostedTown:
    """A town, and before it a city app's server that a walk can turn about."""

    def __init__(self, town: Town, host: HostServer) -> None:
        self._town, self._host = town, host

    def pulled(self, what: str, order: dict[str, Any]) -> None:
        host = self._host
        if what == "user":
            host.user = order["name"]
        elif what == "away":
            host.away = order["is"]
        elif what == "refuses":
            host.refuses = order.get("data")
        elif what == "spoil":
            host.spoil = lambda path, told: _spoilt(told, order["put"]) if path in order["paths"] else told
        elif what == "asked":
            assert [it for it in host.asked if it.startswith(order["what"])], host.asked
        else:
            self._town.pulled(what, order)


def _token_of_a_host(town: Town) -> str:
    """An app that two people have approved."""
    assert town.backend is not None
    store, scopes = town.backend.store, tuple(Scope)
    with store._writer.transaction() as core:
        store.make_host_within(
            core, Host("city-app", "شهر همراه", "City at hand", ("https://city.example",), scopes), 0
        )
    return make_host_token(
        store, "city-app", scopes, by="test", now_ms=wall_ms(), randomness=os.urandom, days=30, overlap_days=0
    )


def _spoilt(told: dict[str, Any], put: dict[str, Any]) -> dict[str, Any]:
    """Something else in its place; `issuer`: a credential whose issuer's signature does not hold."""
    if "issuer" not in put:
        return {**told, **put}
    raw = bytearray.fromhex(told["credential"])
    raw[-1] ^= 1
    return {**told, "credential": raw.hex()}


@pytest.fixture
def host(tmp_path: Path, pages: Path) -> Iterator[tuple[HostServer, HostedTown]]:
    town = Town(tmp_path / "city")
    try:
        town.start()
        # The passengers' app on the same origin: both keep what they keep under one name.
        with HostServer({"/passenger/": PASSENGER, "/": HOST_PAGE}, town.url, _token_of_a_host(town)) as served:
            yield served, HostedTown(town, served)
    finally:
        town.stop()


def test_a_hosts_page_shows_a_code_that_boards(host: tuple[HostServer, HostedTown]) -> None:
    """P7, P10, P17: accepted, one more, already paid, copied; nothing unseen; no second and counter twice."""
    with Strings(host[1].pulled) as strings:
        walk("host", host[0].url, strings.url)


def test_where_a_host_fails_it(host: tuple[HostServer, HostedTown]) -> None:
    """P9, P16: a key that is gone, a host that is away, refuses or lies: said, each with its next step."""
    with Strings(host[1].pulled) as strings:
        walk("host_hard", host[0].url, strings.url)


def test_the_page_gets_no_token(host: tuple[HostServer, HostedTown]) -> None:
    """What a host's server holds for its users stays there."""
    served, _ = host
    challenge = served.answer("GET", "challenge", "", {})[1]["challenge"]
    told = [
        (200, {"challenge": challenge}),
        served.answer("POST", "register", "", registration(STRANGER, challenge)),
        served.answer("GET", "pass", "", {}),
        served.answer("GET", "balance", "", {}),
    ]
    assert [status for status, _ in told] == [200, 200, 200, 200]
    assert "token" not in json.dumps(told)
    assert served.answer("POST", "register", "", registration(STRANGER, challenge))[0] == 403  # answered once
