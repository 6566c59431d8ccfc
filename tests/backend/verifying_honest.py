"""A world of `test_any_order`, with disputes and held money decided at random, taken in by an office."""

import os
import random
from contextlib import closing
from pathlib import Path

from backend.app.disputes import Disputes
from backend.app.forgetting import Forgetting
from backend.app.staff import Staff
from backend.app.verifying import verify
from backend.core.disputes.dispute import Reason
from backend.core.ledger.verifying import Finding
from backend.core.limits import TRAVEL_DAYS_MIN
from backend.core.staff.roles import Actor, Role
from protocol.errors import SavarError
from protocol.localtime import service_day
from tests.backend import databases
from tests.backend.desk import CITY, Desk
from tests.backend.test_any_order import arrivals, world

SARA, OMID = Actor("sara", Role.FINANCE), Actor("omid", Role.FINANCE)


class Honest:
    """`disputed`: how many of the charged claims are disputed and in part given back, between two groups."""

    def __init__(self, folder: Path, seed: int, disputed: float) -> None:
        self.folder = folder
        happened, choose = world(seed), random.Random(seed + 5)
        self.desk: Desk = happened.desk(folder)
        self.staff = Staff(
            self.desk.store, b"", clock=lambda: self.desk.now_ms, randomness=os.urandom, waiting=list
        )  # fmt: skip
        self.disputes = Disputes(self.desk.store, self.staff, clock=lambda: self.desk.now_ms, randomness=os.urandom)
        for group in list(arrivals(choose, happened.buses)):
            self.desk.take(*group)
            self._dispute(choose, disputed)

    def _dispute(self, choose: random.Random, disputed: float) -> None:
        charged = "SELECT device, epoch, sequence, credential, rials FROM claim WHERE charged AND rials > 0"
        for device, epoch, sequence, credential, rials in self.desk.rows(f"{charged} ORDER BY 1, 2, 3"):
            if choose.random() >= disputed:
                continue
            back = choose.randint(1, max(1, rials // 3))
            try:
                it = self.disputes.open(bytes(credential), (device, epoch, sequence), Reason.NOT_MINE, "")
                made = self.disputes.propose(
                    SARA, it.dispute.id, back, "sorry", by_house=choose.random() < 0.5, why="seen", key=""
                )  # fmt: skip
                self.staff.decide(OMID, made.id, made.digest, approves=True, key="")
            except SavarError:
                continue  # disputed before, or others bear it

    def forget(self, seed: int) -> None:
        self.desk.now_ms += (TRAVEL_DAYS_MIN + 60) * 86_400_000
        day = service_day(self.desk.now_ms) - TRAVEL_DAYS_MIN - seed % 40
        Forgetting(self.desk.store, lambda: self.desk.now_ms, TRAVEL_DAYS_MIN).forget(day)

    def told(self) -> list[Finding]:
        with closing(databases.now.reading(self.folder)) as guarded:
            return verify(guarded, CITY, [], lambda *_: None, {}).findings.kept
