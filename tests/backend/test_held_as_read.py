"""Two people decide of held money that they read, and of no other that the tap holds by then."""

from pathlib import Path

import pytest

from backend.app.staff import Staff
from backend.core.errors import Refused
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Role
from backend.core.staff.subjects import HeldMoney
from backend.core.staff.two_people import Kind, State, propose
from protocol.wire import cbor
from tests.backend.bus import Bus, Rider
from tests.backend.desk import Desk, check_ledger

pytestmark = pytest.mark.databases
SARA, REZA = Actor("sara", Role.FINANCE), Actor("reza", Role.FINANCE)


class Copied:
    """A boarding that both doors of a bus tell of, and later another bus: what one tap of it holds becomes another's."""

    def __init__(self, folder: Path) -> None:
        self.front, self.rear, self.other = Bus("bus-1-d1"), Bus("bus-1-d2", epoch=22), Bus("bus-2-d1")
        self.rear.begin_shift("d-1", "s-1")
        shown = Rider(1).show(1)
        self.front.tap(shown, fare=50_000)
        self.copy = (self.front.name, self.front.epoch, self.front.last)
        cheap = self.rear.tap(shown, fare=20_000)
        told = self.rear.last
        self.rear.annul(cheap)
        self.other.tap(shown, fare=50_000)
        self.desk = Desk(folder, [self.front, self.rear, self.other], [Rider(1)])
        self.desk.take_whole(self.front)
        self.desk.take((self.rear, self.rear.batch(1, told)))
        numbers = iter(range(99))
        self.staff = Staff(
            self.desk.store, bytes(32), clock=lambda: self.desk.now_ms,
            randomness=lambda size: next(numbers).to_bytes(size, "big"), waiting=list,
        )  # fmt: skip

    def becomes_another(self) -> None:
        """The cheap tap is annulled, so this one is charged; and another vehicle tells of the boarding."""
        self.desk.take_whole(self.rear)
        self.desk.take_whole(self.other)


def test_what_was_read_is_what_is_carried_out(tmp_path: Path) -> None:
    """Read: a copy, whose owner gets nothing. Carried out it would have been the rider's own fare."""
    it = Copied(tmp_path)
    before = it.desk.store.held_tap(it.copy)
    assert before in it.desk.store.held(None, 9)
    asked = HeldMoney(*it.copy, pays=True)
    made, again = (it.staff.propose(SARA, asked, why="as read", key=key) for key in ("one", "two"))
    words = asked.seen(before).words()
    assert (words["vehicle"], words["reason"], words["amount_rials"]) == ("bus-1", before.why.value, before.rials)
    assert made.content == asked.seen(before).content
    it.becomes_another()
    now = it.desk.store.held_tap(it.copy)
    assert (now.why, now.rials) != (before.why, before.rials)
    assert it.staff.propose(SARA, asked, why="as read", key="one") == made, "the same request is the same proposal"
    with pytest.raises(Refused, match="differently by now"):
        it.staff.decide(REZA, made.id, made.digest, approves=True, key="")
    assert it.desk.store.held_tap(it.copy) == now
    assert it.staff.proposal(made.id).state is State.OPEN
    anew = it.staff.propose(SARA, asked, why="as it stands", key="")
    assert anew.digest != made.digest
    it.staff.decide(REZA, anew.id, anew.digest, approves=True, key="")
    assert it.desk.store.held_tap(it.copy) is None
    assert it.staff.decide(REZA, again.id, again.digest, approves=False, key="").state is State.REFUSED
    with pytest.raises(Refused, match="nothing is held"):
        it.staff.propose(SARA, asked, why="once more", key="")
    check_ledger(it.desk)
    it.desk.close()


def test_a_proposal_of_before_is_read_and_can_only_be_refused(tmp_path: Path) -> None:
    """Its bytes have neither reason nor amount."""
    it = Copied(tmp_path)
    money = HeldMoney(*it.copy, pays=False)
    content = cbor.encode([*it.copy, False])
    assert money.content == content
    old = propose("0" * 32, Kind.HELD, money.subject, content, why="seen", by=SARA, now_ms=it.desk.now_ms)
    it.desk.store.add_proposal(old, Entry(1, "sara", "finance", "propose-held", old.id, "proposed"))
    with pytest.raises(Refused, match="does not say how it stood"):
        it.staff.decide(REZA, old.id, old.digest, approves=True, key="")
    assert it.desk.store.held_tap(it.copy) is not None
    it.staff.decide(REZA, old.id, old.digest, approves=False, key="")
    it.desk.close()
