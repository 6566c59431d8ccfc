"""A senior's printed card, from the PDF to the ledger: rendered, worn and photocopied before a door's camera.

What reads it is the door's own decode loop, what answers is its Boarding, and its records go into the office's ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.adapters.paper.card_pdf import Paper, cards_pdf
from backend.app.ingest import Incoming
from backend.core.cards.card import Card, Ended
from backend.core.moving import VERSION_MAX
from backend.core.ports import Device
from protocol.fares.verdicts import TABLE, Lamp, Reason, Verdict
from simulators.camera import STILL
from simulators.camera.conditions import Ranges
from simulators.camera.streams import printed_stream
from tests.backend.cards.door import NAME, TARIFF, Door
from tests.backend.cards.office import CLERK, TODAY, CardOffice, senior
from tests.backend.cards.paper import printed
from tests.edge.door import DEVICE, at

DAY_S = 86_400
CAP = 2
BOARDS = (Verdict.ACCEPTED_CONCESSION, Reason.NONE)
HELD = Ranges(distance_mm=(150, 220), tilt_deg=(0, 20), turn_deg=(-25, 25), tremor_px=(0.3, 1.0))
WORN = {
    "new": HELD,
    "worn": Ranges(medium=("worn card",), fading=(0.2, 0.5), creases=range(1, 3), distance_mm=(150, 220)),
    "soiled": Ranges(medium=("soiled card",), fading=(0.1, 0.3), creases=range(1, 2), distance_mm=(150, 220)),
    "photocopy": Ranges(medium=("photocopy",), fading=(0.0, 0.3), distance_mm=(150, 220)),
    "photocopy of a photocopy": Ranges(medium=("second copy",), fading=(0.0, 0.2), distance_mm=(150, 220)),
}


@dataclass
class PrintedCard:
    """What came out of the printer, and how it looks before a camera."""

    document: bytes
    seed: int = 3

    def frames(self, under: Ranges) -> list[np.ndarray]:
        """Held up once, as worn as that; between frames in which nobody is there."""
        shown = {"card": printed(self.document)}
        return [it.shot.take().grey for it in printed_stream(shown, under, self.seed, pace=STILL)]


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def of(office: CardOffice, card: Card) -> PrintedCard:
    """As the office prints it."""
    return PrintedCard(cards_pdf([office.cards.print_card(CLERK, card.number, key="")], Paper.CARD, "isfahan"))


@pytest.mark.parametrize("wear", WORN)
def test_it_boards_at_the_concession_however_worn(tmp_path: Path, wear: str) -> None:
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior(rides=CAP))
    door = Door()
    assert door.shown(of(office, card).frames(WORN[wear]), 0) == [BOARDS]
    assert door.panel.shown[-1].fare_rials == 0  # a senior's; the city pays


def test_the_cap_holds_at_each_bus_and_begins_anew_the_next_day(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior(rides=CAP))
    paper = of(office, card)
    new, copied = paper.frames(WORN["new"]), paper.frames(WORN["photocopy"])
    door = Door()
    day = [door.shown(frames, hour * 3_600) for hour, frames in enumerate((new, copied, new, copied))]
    refused = [(Verdict.BEARER_DENIED, Reason.DAY_CAP)]
    assert day == [[BOARDS], [BOARDS], refused, refused]
    assert door.shown(new, DAY_S) == [BOARDS]
    assert Door().shown(copied, 5 * 3_600) == [BOARDS]  # another bus knows nothing of it: what a photocopy is worth


def test_blocked_it_is_amber_at_every_synced_bus_and_its_replacement_boards(tmp_path: Path) -> None:
    """The words tell to show the driver: whoever holds it may be an old man whose card was copied."""
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior(rides=CAP))
    frames = of(office, card).frames(WORN["worn"])
    office.cards.block(CLERK, card.number, Ended.STOLEN, key="")
    new = office.cards.replace(CLERK, card.number, Ended.STOLEN, key="")
    deny = dict.fromkeys(office.store.blocked_cards(TODAY), VERSION_MAX)
    for synced in (Door(deny), Door(deny)):
        assert synced.shown(frames, 0) == [(Verdict.BEARER_DENIED, Reason.DENY_LIST)]
        assert TABLE[Verdict.BEARER_DENIED].lamp is Lamp.AMBER
        assert "driver" in TABLE[Verdict.BEARER_DENIED].rider_en.lower()
        assert synced.shown(of(office, new).frames(WORN["worn"]), 60) == [BOARDS]
    assert Door().shown(frames, 0) == [BOARDS]  # one that has not heard of it: a fact, and `copied` owes it (P16)


def test_what_a_door_carried_of_it_goes_to_the_city_and_what_rode_behind_the_block_to_nobody(tmp_path: Path) -> None:
    office = CardOffice(tmp_path, tariff=TARIFF)
    office._devices[NAME] = (Device(NAME, "s0", "bus-1", 1, DEVICE.public), DEVICE.verifying)
    (card,) = office.issue(senior(rides=CAP))
    frames = of(office, card).frames(WORN["soiled"])
    door = Door()
    assert [door.shown(frames, hour * 3_600) for hour in range(3)] == [
        [BOARDS], [BOARDS], [(Verdict.BEARER_DENIED, Reason.DAY_CAP)]
    ]  # fmt: skip
    office.now_ms = at(DAY_S).wall_ms
    office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    assert door.shown(frames, DAY_S + 60) == [BOARDS]  # it has not heard
    assert office.ingest.take([Incoming(NAME, door.batch())])
    assert office.payers() == ["ticket", "ticket", "copied"]
    owed = dict(office.rows("SELECT id, debits - credits FROM account"))
    fare = TARIFF.flat_fare_rials
    assert (owed["city:class:3"], owed["copied:city"], owed["operator:bus-1"]) == (2 * fare, fare, -2 * fare)
