"""The office's pages in a real Chromium with a virtual authenticator, before a whole backend."""

import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from backend.app.backend import Backend, wall_ms
from backend.app.config import load_config
from backend.app.naming import invite, name_without_token
from backend.app.staff import Staff
from backend.core.staff.roles import Actor, Role
from backend.core.staff.subjects import Posting, read
from backend.core.staff.two_people import State
from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from tests.web.conftest import OFFICE, walk

pytestmark = pytest.mark.slow
POSTING = Posting("suspense", "operator:metro", 60_000)
OWN = Posting("suspense", "operator:metro", 4_000)


@pytest.fixture
def backend(tmp_path: Path, pages: Path) -> Iterator[tuple[Backend, str]]:
    root = tmp_path / "city"
    create_city(
        root, name="isfahan", tariff=Tariff(1, 60_000), now=datetime.now(UTC), randomness=os.urandom, broker_port=1
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin = f"http://localhost:{port}"
    config = root / "backend" / "backend.toml"
    config.write_text(
        config.read_text().replace("port = 8080", f"port = {port}")
        + f"\n[passkeys]\norigin = {json.dumps(origin)}\npages = {json.dumps(str(OFFICE))}\n"
    )
    made = Backend(load_config(config))
    made.start()
    try:
        yield made, origin
    finally:
        made.stop()


def test_an_invitation_a_passkey_and_a_decision(backend: tuple[Backend, str]) -> None:
    """The second person's approval, from the page; the ledger has the money then, and not before."""
    served, origin = backend
    store = served.store
    for name in ("sara", "omid"):
        name_without_token(store, name, Role.FINANCE, by="test", now_ms=wall_ms())
    spent, code = (
        invite(store, "sara", by="test", now_ms=wall_ms(), randomness=os.urandom) for _ in range(2)
    )  # fmt: skip
    desk = Staff(store, b"", clock=wall_ms, randomness=os.urandom, waiting=list)
    desk.propose(Actor("omid", Role.FINANCE), POSTING, why="شمرده در پایانه", key="")
    assert store.balance(POSTING.credit) == 0
    told = json.loads(walk("office", origin, f"{code} {spent}").splitlines()[-1])
    assert store.balance(POSTING.credit) == POSTING.rials
    (passkey,) = store.passkeys("sara")
    assert passkey.label == "رایانهٔ دفتر"
    assert [passkey.sign_count] == told["counts"]
    assert store.session(sha256(told["cookie"].encode()).digest()) is None
    (_, made), _ = store.proposals(None, 9)
    assert (made.proposer, made.state, read(made.kind, made.content)) == ("sara", State.OPEN, OWN)
    log = [(it.entry.person, it.entry.action) for it in store.log(0, 99)]
    assert log[-6:] == [
        ("sara", "add-passkey"), ("sara", "sign-in"), ("sara", "decide-posting"), ("sara", "propose-posting"),
        ("sara", "decide-posting"), ("sara", "sign-out"),
    ]  # fmt: skip
