"""A city for one rider's whole day: three buses of real parts, transfers and a cap, money, telephones and finance."""

import os
import time
from base64 import b64decode
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backend.app.verifying import verify
from backend.core.ledger import rider_account
from protocol.fares.tariff import Tariff
from provisioning.app.broker import write_broker
from provisioning.app.devices import add_device
from tests.backend import databases
from tests.integration.two_doors import FRONT, until
from tests.web.holding import Screen
from tests.web.rights import Rights

FARE, CAP, WINDOW_S = 50_000, 80_000, 90
HELD_EVERY_S, HELD_AGAIN = 6, 3  # within a code's 30 s
BUSES = {1: FRONT, 2: "bus-2-d1", 3: "bus-3-d1"}


class Repeats:
    """A phone that is held up again while nothing is charged: a crowded machine's camera misses frames."""

    def __init__(self, what: Callable[[], None]) -> None:
        self._what, self._next_s, self._left = what, 0.0, HELD_AGAIN

    def due(self) -> bool:
        """Hold it up if it is time to; never true, so that it may stand before what is waited for."""
        if self._left and time.monotonic() >= self._next_s:
            self._what()
            self._next_s, self._left = time.monotonic() + HELD_EVERY_S, self._left - 1
        return False


class Life(Rights):
    """`ride` names its bus; `ledger` holds every amount that the screen says against what is posted."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, Tariff(1, FARE, {}, 180, transfer_window_s=WINDOW_S, day_cap_rials=CAP))
        for number, device in BUSES.items():
            if number > 1:
                add_device(
                    self.root, device=device, vehicle=f"bus-{number}", door=1, cameras=[("front", "folder:none")],
                    clock_trust="operator", now=datetime.now(UTC), randomness=os.urandom,
                )  # fmt: skip
        write_broker(self.root, port=self.broker.port)
        self._quicken()
        self._cameras = {number: Screen() for number in BUSES}

    def begin(self) -> None:
        """All three take fares."""
        self.start_office()
        for number, device in BUSES.items():
            self.start_door(device, self._cameras[number])

    def pulled(self, what: str, order: dict[str, Any]) -> object:
        if what == "ride":
            camera, pngs = self._cameras[order["bus"]], [b64decode(it) for it in order["pngs"]]
            held = Repeats(lambda: camera.hold(pngs))
            until(lambda: held.due() or len(self.charged()) == order["rides"], self.charged)
        elif what == "ledger":
            assert order == self._ledger(), f"the ledger has {self._ledger()}"
        else:
            return super().pulled(what, order)
        return None

    def _ledger(self) -> dict[str, object]:
        """What is posted: each boarding, newest first, what was given back, what came in, and what is left."""
        assert self.backend is not None
        store, rider = self.backend.store, self.rider()
        with closing(databases.now.reading(self.root / "backend" / "data")) as guarded:
            done = verify(guarded, "testabad", (), lambda *_: None)
        assert done.findings.kept == [], done.findings.kept
        given = [it.given_rials for _, it in store.disputes_of(rider, None, 10)]
        return {"charged": self.charged(), "given": given, "balance": store.balance(rider_account(rider))}
