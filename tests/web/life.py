"""A city for one rider's whole day: three buses of real parts, transfers and a cap, money, telephones and finance."""

import os
from base64 import b64decode
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

FARE, CAP, WINDOW_S = 50_000, 80_000, 60
BUSES = {1: FRONT, 2: "bus-2-d1", 3: "bus-3-d1"}


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
            self._cameras[order["bus"]].hold([b64decode(order["png"])])
            until(lambda: len(self.charged()) == order["rides"], self.charged)
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
