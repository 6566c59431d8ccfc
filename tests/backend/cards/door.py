"""A door of a bus before which printed cards are held: its own decode loop and Boarding."""

from dataclasses import dataclass, field

import numpy as np

from edge.adapters.readers.choose import make_sight
from edge.app.looking import Looker
from edge.core.sightings import Sighting
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.batches import encode_batch
from tests.backend.bus import ISSUER, SEALING
from tests.edge.cameras import FakeCamera, HandClock
from tests.edge.door import MemoryJournal, RememberingPanel, at, boarding, bundle

NAME = "bus-1-d1"  # as tests/edge/door calls it
TARIFF = bundle().tariff
SIGHT = make_sight(["zxing", "pyzbar"])


@dataclass
class Door:
    """Door 1 of a bus: its decode loop over frames, its Boarding, and what the bundle in force denies."""

    deny: dict[bytes, int] = field(default_factory=dict)
    issuer_keys: tuple[bytes, ...] = (ISSUER.public,)

    def __post_init__(self) -> None:
        self.panel, self.journal = RememberingPanel(), MemoryJournal()
        self.service = boarding(
            self.journal, self.panel, issuer_keys=self.issuer_keys, deny=self.deny, sealing_key=SEALING.public
        )
        self.service.begin(at())

    def shown(self, frames: list[np.ndarray], seconds: float) -> list[tuple[Verdict, Reason]]:
        """What it answers to these frames, at this second after noon."""
        before = len(self.panel.shown)

        def present(_: str, sighting: Sighting, __: int) -> bool:
            return self.service.present(sighting.text, at(seconds), settled=sighting.settled) is not None

        looker = Looker([("front", FakeCamera([frames], live=False))], SIGHT.reading, HandClock(), present)
        looker.start()
        assert looker.wait_ended(60)
        looker.stop()
        return [(it.verdict, it.reason) for it in self.panel.shown[before:]]

    def batch(self) -> bytes:
        """Everything that its journal has, as it goes to the office."""
        rows = self.journal.read(1, 999, 1 << 20)
        return encode_batch(NAME, self.journal.head.epoch, 1, [it.raw for it in rows], rows[-1].signature)

    def answers(self, code: bytes) -> tuple[Verdict, Reason]:
        """To a code that was read, at noon."""
        self.service.present(code, at(), settled=True)
        return self.panel.shown[-1].verdict, self.panel.shown[-1].reason
