"""Riders who apply and the office that answers, over one ledger."""

import os
from pathlib import Path

from backend.app.applications import Applications
from backend.core.concessions.application import Document, Paper
from backend.core.concessions.ports import Applied
from backend.core.ports import Rider as Row
from tests.backend.bus import Rider
from tests.backend.moving.phones import NIMA, TARA
from tests.backend.moving.phones import Office as Phones

STUDENT = 2
CARD = Document(Paper.STUDENT_CARD, "University of Isfahan", "4821")


class Office(Phones):
    """The desks for phones, and the one for applications beside them."""

    def __init__(self, folder: Path, riders: list[Rider]) -> None:
        super().__init__(folder, [], riders)
        self.applications = Applications(self.store, self.staff, clock=lambda: self.now_ms, randomness=os.urandom)

    def row(self, rider: Rider) -> Row:
        """As the ledger has him."""
        found = self.store.rider(rider.credential_id)
        assert found is not None
        return found

    def apply(self, rider: Rider, rider_class: int = STUDENT, words: str = "") -> Applied:
        """With one paper."""
        return self.applications.apply(self.row(rider), rider_class, (CARD,), words)

    def grant_it(self, application_id: str, until_day: int) -> None:
        """Two people."""
        it = self.applications.propose(NIMA, application_id, until_day, "file 12", why="confirmed", key="")
        self.staff.decide(TARA, it.id, it.digest, approves=True, key="")
