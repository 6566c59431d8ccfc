"""Paying out: two people, never more than is owed, once; the bank's word ends it."""

import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from backend.app.payouts import Payouts
from backend.app.staff import Staff
from backend.core.errors import NotAllowed, NotFound, Refused
from backend.core.ledger import Transfer, TransferKind
from backend.core.limits import PAYOUT_WAITS_DAYS
from backend.core.paying.payout import Payable, State, is_iban
from backend.core.settlement.parties import Party, Role
from backend.core.staff.errors import NotNamed, OnePerson, Unfit
from backend.core.staff.roles import FIRST, Actor
from backend.core.staff.roles import Role as StaffRole
from backend.core.staff.subjects import PayOut
from backend.core.staff.two_people import Proposal
from protocol.limits import DAY_S
from tests.backend import databases
from tests.backend.bus import NOON_MS
from tests.backend.desk import CITY

pytestmark = pytest.mark.databases
SARA, OMID = Actor("sara", StaffRole.FINANCE), Actor("omid", StaffRole.FINANCE)
NIMA = Actor("nima", StaffRole.OPERATIONS)
IBAN = "IR062960000000100324200001"
METRO, REZAEI = Party(Role.OPERATOR, "metro"), Party(Role.OWNER, "rezaei")


class Office:
    """Two of finance, a ledger that owes metro 1,000 and rezaei 300, and a clock in hand."""

    def __init__(self, folder: Path) -> None:
        self.store, self.now_ms = databases.now.open(folder, CITY), NOON_MS
        made = iter(range(1_000))
        self.staff = Staff(
            self.store, sha256(b"first").digest(), clock=lambda: self.now_ms,
            randomness=lambda size: next(made).to_bytes(size, "big"), waiting=list,
        )  # fmt: skip
        self.desk = Payouts(self.store, lambda: self.now_ms)
        self.owe("operator-payable:metro", 1_000)
        self.owe("owner:rezaei", 300)

    def owe(self, account: str, rials: int) -> None:
        key = sha256(f"{account} {rials} {self.now_ms}".encode()).digest()
        with self.store._writer.transaction() as core:
            it = Transfer(key, TransferKind.SETTLEMENT, "operator:bus-1", account, rials)
            self.store.post(core, [it], self.now_ms)

    def propose(self, rials: int, party: Party = METRO, by: Actor = SARA) -> Proposal:
        return self.staff.propose(by, PayOut(party.role.value, party.name, rials, IBAN), why="of Mehr", key="")

    def approve(self, it: Proposal, by: Actor = OMID) -> Proposal:
        return self.staff.decide(by, it.id, it.digest, approves=True, key="")

    def pay(self, rials: int, party: Party = METRO) -> str:
        return self.approve(self.propose(rials, party)).id

    def end(self, payout_id: str, *, paid: bool, by: Actor = SARA) -> State:
        return self.desk.end(by, payout_id, paid=paid, reference="trace-1", key="").state

    def owed(self, party: Party = METRO) -> tuple[int, int]:
        (found,) = (it for it in self.desk.payables() if it.party == party)
        return found.owed_rials, found.on_its_way_rials


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.store.close()


def test_what_is_owed_is_paid_by_two_people_and_the_banks_word(office: Office) -> None:
    assert office.desk.payables() == [Payable(METRO, 1_000, 0), Payable(REZAEI, 300, 0)]
    payout = office.pay(600)
    assert office.owed() == (1_000, 600)
    assert office.store.balance("bank") == 0
    ((_, it),) = office.desk.payouts(None, 10)
    assert (it.id, it.party, it.rials, it.iban, it.state) == (payout, METRO, 600, IBAN, State.ON_ITS_WAY)
    assert (it.proposer, it.approver, it.ended_ms) == ("sara", "omid", None)
    office.now_ms += 1
    assert office.end(payout, paid=True) is State.PAID
    assert office.owed() == (400, 0)
    assert office.store.balance("bank") == 600  # credits of an asset: it has gone out
    assert office.desk.payouts(None, 10)[0][1].ended_ms == office.now_ms
    told = [(it.entry.action, it.entry.on, it.entry.outcome) for it in office.store.log(0, 99)]
    assert told[-1] == ("end-payout", payout, "paid: trace-1")


def test_nothing_is_paid_that_is_not_owed_or_on_its_way_already(office: Office) -> None:
    too_much, most = office.propose(1_001), office.propose(1_000)
    with pytest.raises(Refused):
        office.approve(too_much)
    assert office.staff.proposal(too_much.id).state.value == "open"
    office.approve(most)
    with pytest.raises(Refused):
        office.pay(1)
    with pytest.raises(Refused):
        office.pay(301, REZAEI)
    assert office.owed() == (1_000, 1_000)
    assert office.owed(REZAEI) == (300, 0)


def test_what_came_back_is_owed_again(office: Office) -> None:
    payout = office.pay(1_000)
    assert office.end(payout, paid=False) is State.RETURNED
    assert office.owed() == (1_000, 0)
    assert office.end(office.pay(1_000), paid=True) is State.PAID
    assert office.owed() == (0, 0)


def test_the_banks_word_is_told_once(office: Office) -> None:
    payout = office.pay(600)
    before = len(office.store.log(0, 99))
    assert office.end(payout, paid=True) is office.end(payout, paid=True) is State.PAID
    assert len(office.store.log(0, 99)) == before + 1
    with pytest.raises(Refused):
        office.end(payout, paid=False)
    assert office.owed() == (400, 0)


def test_a_payout_of_which_nothing_was_heard_lapses(office: Office) -> None:
    payout = office.pay(600)
    office.now_ms += PAYOUT_WAITS_DAYS * DAY_S * 1000 - 1
    assert office.store.expire_due(office.now_ms, 10) == 0
    office.now_ms += 1
    assert office.store.expire_due(office.now_ms, 10) == 1
    assert office.desk.payouts(None, 10)[0][1].state is State.LAPSED
    assert office.owed() == (1_000, 0)
    with pytest.raises(Refused):
        office.end(payout, paid=True)


def test_it_takes_two_of_finance(office: Office) -> None:
    proposal = office.propose(10)
    with pytest.raises(OnePerson):
        office.approve(proposal, SARA)
    for by in (NIMA, FIRST):
        with pytest.raises((NotAllowed, NotNamed)):
            office.approve(proposal, by)
        with pytest.raises((NotAllowed, NotNamed)):
            office.propose(10, by=by)
    with pytest.raises(NotFound):  # a proposal is no payout
        office.end(proposal.id, paid=True)
    payout = office.approve(proposal).id
    for by in (NIMA, FIRST):
        with pytest.raises((NotAllowed, NotNamed)):
            office.end(payout, paid=True, by=by)


def test_pages(office: Office) -> None:
    made = [office.pay(n) for n in (1, 2, 3)]
    office.propose(4)
    (_, newest), (cursor, second) = office.desk.payouts(None, 2)
    ((_, oldest),) = office.desk.payouts(cursor, 2)
    assert [newest.id, second.id, oldest.id] == made[::-1]


@pytest.mark.parametrize(
    "wrong",
    [
        ("driver", "d-1", 10, IBAN),
        ("operator", "metro", 0, IBAN),
        ("operator", "metro", 10, "IR062960000000100324200002"),
        ("operator", "metro", 10, "DE89370400440532013000"),
        ("operator", "metro", 10, IBAN.lower()),
    ],
)
def test_what_is_no_payout(wrong: tuple[str, str, int, str]) -> None:
    with pytest.raises(Unfit):
        PayOut(*wrong)


def test_one_wrong_digit_is_no_iban() -> None:
    assert is_iban(IBAN)
    for at in range(2, len(IBAN)):
        other = str((int(IBAN[at]) + 1) % 10)
        assert not is_iban(IBAN[:at] + other + IBAN[at + 1 :])


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_in_whatever_order_no_more_is_paid_than_was_owed(office: Office, seed: int) -> None:
    """Owed, taken back, proposed, approved, booked, returned, lapsed at random: the bank never gave what was not owed."""
    rng = random.Random(seed)
    waiting: list[Proposal] = []
    sent: list[str] = []
    owed = 1_000
    for step in range(60):
        office.now_ms += rng.randrange(1, 9 * DAY_S * 1000)
        office.store.expire_due(office.now_ms, 10)
        match rng.randrange(5):
            case 0:
                office.owe("operator-payable:metro", more := rng.randrange(1, 500))
                owed += more
            case 1:
                waiting.append(office.propose(rng.randrange(1, 700)))
            case 2 if waiting:
                try:
                    sent.append(office.approve(waiting.pop(rng.randrange(len(waiting)))).id)
                except Refused:
                    assert step
            case 3 | 4 if sent:
                try:
                    office.end(sent.pop(rng.randrange(len(sent))), paid=rng.random() < 0.6)
                except Refused:
                    assert step  # lapsed meanwhile
        paid = [it for _, it in office.desk.payouts(None, 100) if it.state is State.PAID]
        away = [it for _, it in office.desk.payouts(None, 100) if it.state is State.ON_ITS_WAY]
        assert sum(it.rials for it in paid) == office.store.balance("bank")
        assert office.owed() == (owed - sum(it.rials for it in paid), sum(it.rials for it in away))
        assert sum(it.rials for it in paid + away) <= owed
