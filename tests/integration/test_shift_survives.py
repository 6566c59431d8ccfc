"""The near door's process is killed in the middle of a shift: the total at its end is what the ledger says."""

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from backend.core.ledger import TransferKind, driver_account
from protocol.wire.driver_records import AnnulReason, FreeCause
from protocol.wire.staff import make_row
from provisioning.app.bundles import make_bundle
from provisioning.core.bundle_changes import Changes
from simulators.disk_facts import read_city
from simulators.mosquitto import free_port
from tests.integration.namespaces import DoorProcess
from tests.integration.two_doors import BACK, FARE, FRONT, TwoDoors, until

pytestmark = pytest.mark.integration
TERMINAL = """
[terminal]
port = {port}
far_door = 2
pages = {pages}
complaint_number = "137"

[[terminal.line]]
route = "91"
towards_fa = ["الف", "ب"]
towards_en = ["A", "B"]
"""


class Bus(TwoDoors):
    """The front door is a process of its own, with the terminal; the rear door lives here."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        make_bundle(
            self.root, Changes(drivers={"4021": make_row("4021", "1234", os.urandom(16))}), now=datetime.now(UTC)
        )
        pages, port = root / "pages", free_port()
        pages.mkdir()
        (pages / "index.html").write_text("<!doctype html>")
        config = self.folder(FRONT) / "validator.toml"
        config.write_text(config.read_text() + TERMINAL.format(port=port, pages=json.dumps(str(pages))))
        self._url = f"http://127.0.0.1:{port}/v1"
        self._page = build_opener(HTTPCookieProcessor(CookieJar()))
        self.front: DoorProcess | None = None

    def start_front(self) -> DoorProcess:
        config = self.folder(FRONT) / "validator.toml"
        self.front = DoorProcess([sys.executable, "-m", "tests.integration.door_process", config])
        return self.front

    def close(self) -> None:
        if self.front is not None:
            self.front.stop()
        super().close()

    def order(self, act: str, **what: object) -> None:
        """A touch on the terminal."""
        request = Request(f"{self._url}/{act}", json.dumps(what).encode() if what else b"", method="POST")
        request.add_header("Content-Type", "application/json")
        self._page.open(request, timeout=30).close()

    def view(self) -> dict[str, Any]:
        with self._page.open(f"{self._url}/state", timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def rear_follows(self, *, linked: bool = True) -> None:
        rear = self.doors[BACK].boarding
        until(lambda: rear.service.shift is not None and rear.service.route == "91")
        if linked:
            until(lambda: self.view()["doors"][1]["follows"])


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    made = Bus(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_a_killed_doors_shift_ends_with_the_ledgers_total(bus: Bus) -> None:
    front = bus.start_front()
    rear = bus.start_door(BACK)
    bus.order("sign-in", number="4021", pin="1234")
    bus.order("serve", route="91", direction=1)
    bus.rear_follows()
    for _ in range(3):
        assert front.show(bus.code())["verdict"] == "ACCEPTED"
    bus.board(rear)
    bus.order("proxy", companions=1)
    third = next(it for it in bus.view()["last"] if it["door"] == 1 and not it["proxy"])
    bus.order("annul", door=1, sequence=third["sequence"], reason=int(AnnulReason.LEFT_BUS))
    until(lambda: bus.view()["doors"][1]["boarded"] == 1)
    said = bus.view()["shift"]
    front.kill()
    bus.board(rear)  # while the front door is dead

    front = bus.start_front()
    after = bus.view()
    assert (after["stage"], after["mine"]) == ("driving", False)
    assert {**after["shift"], "boarded": 0, "charged_rials": 0} == {**said, "boarded": 0, "charged_rials": 0}
    assert front.show(bus.code())["verdict"] == "ACCEPTED"  # nobody has signed in yet: it is of the shift all the same
    bus.order("sign-in", number="4021", pin="1234")
    bus.order("free-ride", cause=int(FreeCause.CROWD))
    assert front.show(bus.code())["verdict"] == "BOARD_FREE"
    front.kill()
    front = bus.start_front()
    assert front.show(bus.code())["verdict"] == "BOARD_FREE"
    bus.order("sign-in", number="4021", pin="1234")
    bus.order("free-ride", cause=None)
    until(lambda: bus.view()["doors"][1]["boarded"] == 2)
    bus.order("end")
    total = bus.view()["shift"]

    bus.start_office()
    until(lambda: not any(door["queue"] for door in bus.view()["doors"]) and not rear.backlog)
    front.stop()
    bus.front = None
    bus.stop_door(BACK)
    found = read_city(bus.root)
    assert (found.broken, found.quarantined) == ([], 0)
    fares = [it for it in found.postings if it.kind is TransferKind.FARE]
    back = [it for it in found.postings if it.kind is TransferKind.FARE_CORRECTION]
    # three, one of whom got off; two on the float; one after the kill; two at the rear door; two free
    assert (total["boarded"], total["free"], total["annulled"]) == (3 - 1 + 2 + 1 + 2 + 2, 2, 1)
    assert total["charged_rials"] == sum(it.rials for it in fares) - sum(it.rials for it in back) == 7 * FARE
    assert total["annulled_rials"] == sum(it.rials for it in back) == FARE
    assert total["proxy_rials"] == sum(it.rials for it in fares if it.debit == driver_account("4021")) == 2 * FARE
