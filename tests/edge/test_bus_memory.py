"""What a bus answers is what one memory would, whichever door is asked: boardings, companions, annulments, restarts."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.driver_records import Annulment, AnnulReason, encode_annulment
from tests.edge.door import FARE, Rider, at
from tests.edge.pair import FRONT, Door, Pair

REPEAT_S = 180  # of the test city's tariff
COPY_S = 600  # a presentation is kept so long at least
RIDERS = (Rider(1), Rider(2))

STEPS = 120
WAITS_S = (1, 1, 1, 2, 2, 3, 5, 20, 60, 179, 181)
WHAT = ("shows", "shows", "shows", "shows", "again", "again", "taken back", "taken back", "restarts", "restarts")


@dataclass
class Ridden:
    """One boarding as the model remembers it."""

    rider: int
    code: bytes
    second: int
    party: int
    first: bool  # the rider's own
    front: bool
    sequence: int
    stands: bool = True


class Model:
    """A bus with one memory for both doors, that forgets nothing."""

    def __init__(self) -> None:
        self.ridden: list[Ridden] = []

    def answer(self, rider: int, second: int, party: int) -> tuple[Verdict, int]:
        lately = [it for it in self.ridden if it.rider == rider and it.stands and second - it.second < REPEAT_S]
        if not any(it.first for it in lately):
            return Verdict.ACCEPTED, (1 + party) * FARE
        more = party - max(it.party for it in lately)
        return (Verdict.PARTY_EXTENDED, more * FARE) if more > 0 else (Verdict.ALREADY_PAID, 0)


class Bus:
    """Both doors with the cable in, and an office that has seen everything: no allowance is in the way."""

    def __init__(self, folder: Path) -> None:
        self.pair, self.model = Pair(folder), Model()
        self.second = self.shown = 0
        self.pair.plug()
        self.settle()

    def door(self, *, front: bool) -> Door:
        return self.pair.front if front else self.pair.rear

    def settle(self) -> None:
        self.pair.talk(at(self.second))
        for door in (self.pair.front, self.pair.rear):
            head = door.journal.head
            for hearer in (self.pair.front, self.pair.rear):
                hearer.station.boarding.seen_elsewhere(head.epoch, head.sequence)

    def shows(self, front: bool, rider: int, party: int) -> None:  # noqa: FBT001
        self.shown += 1
        code = RIDERS[rider].code(at(self.second), counter=self.shown, party=party)
        expected = self.model.answer(rider, self.second, party)
        door = self.door(front=front)
        door.show(code, at(self.second))
        it = door.panel.shown[-1]
        assert (it.verdict, it.fare_rials) == expected
        if it.verdict is not Verdict.ALREADY_PAID:
            first = it.verdict is Verdict.ACCEPTED
            sequence = door.journal.head.sequence
            self.model.ridden.append(Ridden(rider, code, self.second, party, first, front, sequence))

    def shows_the_same(self, front: bool, back: int) -> None:  # noqa: FBT001
        if len(self.model.ridden) < back or self.second - self.model.ridden[-back].second > COPY_S:
            return
        before, door = self.model.ridden[-back], self.door(front=front)
        door.show(before.code, at(self.second))
        it = door.panel.shown[-1]
        where = Reason.SAME_DOOR if before.front == front else Reason.OTHER_DOOR
        assert (it.verdict, it.reason) == (Verdict.COPIED, where)

    def taken_back(self, front: bool) -> None:  # noqa: FBT001
        held = [it for it in self.model.ridden if it.front == front and it.stands]
        if not held:
            return
        tap, now = held[-1].sequence, at(self.second)
        self.door(front=front).station.boarding.annul(
            tap, lambda link: encode_annulment(Annulment(link, now, "bus-1", "s-1", tap, AnnulReason.TWICE))
        )
        held[-1].stands = False

    def restarts(self, front: bool) -> None:  # noqa: FBT001
        again = self.pair.restart(self.door(front=front), at(self.second))
        assert (again.name == FRONT) == front
        self.pair.plug()


@pytest.mark.parametrize("seed", range(6))
def test_both_doors_answer_from_one_memory(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    bus = Bus(tmp_path)
    for _ in range(STEPS):
        bus.second += rng.choice(WAITS_S)
        front = rng.random() < 0.5
        match rng.choice(WHAT):
            case "shows":
                bus.shows(front, rng.randrange(len(RIDERS)), rng.randrange(3))
            case "again":
                bus.shows_the_same(front, rng.randint(1, 4))
            case "taken back":
                bus.taken_back(front)
            case _:
                bus.restarts(front)
        bus.settle()
    for door in (bus.pair.front, bus.pair.rear):
        door.copies.close()  # type: ignore[attr-defined]
