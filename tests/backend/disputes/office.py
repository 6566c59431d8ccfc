"""Buses, riders and finance over one ledger: disputes are opened, refused, and refunded by two people."""

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from backend.app.disputes import Disputes
from backend.app.explaining import Explaining
from backend.app.staff import Staff
from backend.app.verifying import verify
from backend.core.disputes.dispute import Reason
from backend.core.disputes.ports import Shown
from backend.core.ledger import TapId
from backend.core.staff.roles import Actor, Role
from protocol.fares.tariff import Tariff
from tests.backend import databases
from tests.backend.bus import TARIFF, Bus, Rider
from tests.backend.desk import CITY, Desk, check_ledger

SARA, OMID = Actor("sara", Role.FINANCE), Actor("omid", Role.FINANCE)


class Office(Desk):
    """The desk of ingest, and the one for disputes beside it."""

    def __init__(
        self, folder: Path, buses: Sequence[Bus], riders: Sequence[Rider], tariff: Tariff = TARIFF, **more: object
    ) -> None:
        super().__init__(folder, buses, riders, tariff=tariff, **more)  # type: ignore[arg-type]
        self.tariff = tariff
        self.staff = Staff(self.store, b"", clock=lambda: self.now_ms, randomness=os.urandom, waiting=list)
        self.disputes = Disputes(self.store, self.staff, clock=lambda: self.now_ms, randomness=os.urandom)

    def dispute(self, rider: Rider, bus: Bus, tap: int, words: str = "") -> Shown:
        """Its rider says that he did not ride."""
        return self.disputes.open(rider.credential_id, (bus.name, bus.epoch, tap), Reason.NOT_MINE, words)

    def refund(self, dispute_id: str, rials: int, *, by_house: bool = False) -> None:
        """Two people give so much back."""
        it = self.disputes.propose(
            SARA, dispute_id, rials, "we are sorry", by_house=by_house, why="the door's camera", key=""
        )
        self.staff.decide(OMID, it.id, it.digest, approves=True, key="")

    def money(self) -> dict[str, int]:
        """Every account that holds something; the ledger's own rules hold."""
        check_ledger(self)
        return {account: rials for account, rials in self.rows("SELECT id, credits - debits FROM account") if rials}

    def agrees(self, *taps: TapId) -> None:
        """What stands for each tap is what is posted for it, and the whole ledger verifies."""
        explaining = Explaining(self.store, {self.tariff.version: self.tariff})
        for tap in taps:
            found = explaining.of(tap)
            assert found.agrees, found
        with closing(databases.now.reading(self.folder)) as guarded:
            done = verify(guarded, CITY, (), lambda *_: None)
        assert done.findings.kept == [], done.findings.kept
