"""A driver's shift in Chromium on a real validator without a network; later the ledger says what the last screen said."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backend.core.ledger import TransferKind, driver_account
from edge.adapters.console_panel import SilentPanel
from edge.app.config import load_config
from edge.app.served_terminal import ServedTerminal, beside
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.codes import write_code
from protocol.wire.passes import render_long_pass
from protocol.wire.staff import make_row
from provisioning.app.bundles import make_bundle
from provisioning.core.bundle_changes import Changes
from simulators.disk_facts import read_city
from tests.integration.two_doors import BACK, FARE, FRONT, EmptyDoorway, TwoDoors, until
from tests.web.conftest import walk
from tests.web.strings import Strings

pytestmark = [pytest.mark.integration, pytest.mark.slow]
TERMINAL = """
[terminal]
port = 0
far_door = 2
pages = {pages}
complaint_number = "137"

[[terminal.line]]
route = "91"
towards_fa = ["میدان امام حسین", "دانشگاه اصفهان"]
towards_en = ["Emam Hossein Square", "University of Isfahan"]
"""


class RealBus(TwoDoors):
    """The bus of the integration tests, with a terminal at its front door and riders who come one after another."""

    def __init__(self, root: Path, pages: Path) -> None:
        super().__init__(root)
        row = make_row("4021", "1234", os.urandom(16))
        make_bundle(self.root, Changes(drivers={"4021": row}), now=datetime.now(UTC))
        config = self.folder(FRONT) / "validator.toml"
        config.write_text(config.read_text() + TERMINAL.format(pages=json.dumps(str(pages))))
        self.served: ServedTerminal | None = None
        self._next, self._last = 0, b""

    def start_front(self) -> ServedTerminal:
        loaded = load_config(self.folder(FRONT) / "validator.toml")
        assert loaded.terminal is not None
        door, self.served = beside(loaded, loaded.terminal, SilentPanel(), sources={"front": EmptyDoorway()})
        door.start()
        self.doors[FRONT] = door
        self.served.start()
        return self.served

    def stop_front(self) -> None:
        if self.served is not None:
            self.served.stop()
            self.served = None

    def close(self) -> None:
        self.stop_front()
        super().close()

    def pulled(self, what: str, order: dict[str, Any]) -> None:
        """A rider before the front door's camera; `again`: the one before, with a new render."""
        assert what == "ride"
        assert self.served is not None
        if order["verdict"] != Verdict.ALREADY_PAID:
            self._next += 1
        self._shown += 1
        key, credential = self._riders[self._next]
        raw = render_long_pass(
            credential, key, time_s=int(time.time()), counter=self._shown, party=order["persons"] - 1
        )
        if order["door"] == 2:
            self._rear_follows(free=order["verdict"] == Verdict.BOARD_FREE)
        door = self.doors[FRONT if order["door"] == 1 else BACK]
        outcome = self.show(door, write_code(raw).encode())
        assert outcome.showing.verdict == order["verdict"], outcome.showing
        if order["door"] == 1:  # the rear door's answers come by its records
            self.served.answered(outcome, self._clock.read())

    def _rear_follows(self, *, free: bool) -> None:
        rear = self.doors[BACK].boarding
        until(lambda: rear.service.shift is not None and (rear._door.free_ride is not Reason.NONE) == free)
        assert (rear.service.route, rear.service.direction) == ("91", 1)


@pytest.fixture
def bus(tmp_path: Path, pages: Path) -> Iterator[RealBus]:
    made = RealBus(tmp_path, pages)
    try:
        yield made
    finally:
        made.close()


def test_the_last_screen_says_what_the_ledger_will_say(bus: RealBus) -> None:
    served = bus.start_front()
    bus.start_door(BACK)
    bus.wait_linked()
    with Strings(bus.pulled) as strings:
        said = json.loads(walk("real", served.server.url, strings.url).splitlines()[-1])
    # one, three, one who got off, two on the float, two free, one; at the rear door one, one who got off, and one free
    assert said == {"boarded": 1 + 3 + 2 + 2 + 1 + 1 + 1, "tomans": 8 * FARE / 10, "float_tomans": 2 * FARE / 10}
    until(lambda: bus.doors[BACK].boarding.service.shift is None)
    bus.start_office()
    until(lambda: not any(door.backlog for door in bus.doors.values()))
    bus.stop_front()
    for device in (FRONT, BACK):
        bus.stop_door(device)
    found = read_city(bus.root)
    assert (found.broken, found.quarantined) == ([], 0)
    fares = [it for it in found.postings if it.kind is TransferKind.FARE]
    taken_back = [it for it in found.postings if it.kind is TransferKind.FARE_CORRECTION]
    assert sum(it.rials for it in fares) - sum(it.rials for it in taken_back) == said["tomans"] * 10
    assert [it.rials for it in taken_back] == [FARE, FARE]  # one by each door's own annulment
    by_float = [it.rials for it in fares if it.debit == driver_account("4021")]
    assert sum(by_float) == said["float_tomans"] * 10
