"""People, proposals, the log and repeated requests in the ledger, in both databases."""

import os
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from backend.adapters.ledger.store import LedgerStore
from backend.app.approvals import StoredApprovals
from backend.app.naming import end_person, name_person
from backend.app.staff import Staff, granted_classes
from backend.core.concessions.grant import Grant
from backend.core.errors import NotFound, Refused, StoreFailed
from backend.core.ledger import Transfer, debt_account, rider_account
from backend.core.limits import (
    IDEMPOTENCY_KEPT_MS,
    IDEMPOTENCY_KEYS_MAX,
    IDEMPOTENCY_UNDER_WAY_MS,
    PROPOSAL_DAYS,
)
from backend.core.payments.topup import TopUp
from backend.core.staff.errors import AnotherContent, Decided, Lapsed, OnePerson, Unfit
from backend.core.staff.log import Entry, check
from backend.core.staff.ports import Deed, Remembered
from backend.core.staff.roles import FIRST, Actor, Role
from backend.core.staff.subjects import Concession, Decreed, HeldMoney, Posting, Release
from backend.core.staff.two_people import Kind, State
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from tests.backend import databases
from tests.backend.bus import NOON_MS, Bus, Proof, Rider
from tests.backend.desk import CITY, Desk, check_ledger
from tests.protocol.samples import key

pytestmark = pytest.mark.databases

SARA, OMID = Actor("sara", Role.FINANCE), Actor("omid", Role.FINANCE)
NIMA, TARA = Actor("nima", Role.OPERATIONS), Actor("tara", Role.OPERATIONS)
POSTING = Posting("suspense", "operator:bus-1", 60_000)
TARIFF = Tariff(4, 60_000)
UNTIL = service_day(NOON_MS) + 365


class Office:
    """The staff's desk over a ledger, with a clock in hand."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.now_ms = folder, databases.now.open(folder, CITY), NOON_MS
        self.desk = Staff(
            self.store, sha256(b"first").digest(), clock=lambda: self.now_ms, randomness=os.urandom,
            waiting=lambda: [TARIFF],
        )  # fmt: skip

    def rows(self, sql: str) -> list[tuple]:
        return databases.now.rows(self.folder, sql)

    def told(self) -> list[tuple[str, str, str, str]]:
        """What was proposed and decided, without the digest behind it."""
        told = [it.entry for it in self.store.log(0, 99)]
        return [(it.person, it.action, it.outcome.partition(" ")[0], it.key) for it in told]

    def holds(self) -> None:
        assert check(self.store.log(0, 10_000), self.store.log_mark(), {}) is None


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.holds()
    made.store.close()


def test_a_person_is_named_once_and_known_by_the_token_until_ended(office: Office) -> None:
    def add(name: str, role: Role = Role.FINANCE) -> str:
        return name_person(office.store, name, role, by="root", now_ms=office.now_ms, randomness=os.urandom)

    token = add("sara")
    assert office.desk.actor(token) == SARA
    assert office.desk.actor("first") == FIRST
    assert [office.desk.actor(other) for other in ("", token[:-1], "sara")] == [None] * 3
    for again in ("sara", "administrator", "Sara"):
        with pytest.raises(Unfit):
            add(again)
    with pytest.raises(Unfit):
        add("rider", Role.RIDER)
    assert token.encode() not in b"".join(row[0] for row in office.rows("SELECT hash FROM staff_token"))
    end_person(office.store, "sara", by="root", now_ms=office.now_ms + 5)
    assert office.desk.actor(token) is None
    for gone in ("sara", "nobody"):
        with pytest.raises(NotFound):
            end_person(office.store, gone, by="root", now_ms=office.now_ms)
    with pytest.raises(Unfit):
        add("sara")
    (sara,) = office.store.people("", 9)
    assert (sara.name, sara.role, sara.ended_ms) == ("sara", Role.FINANCE, office.now_ms + 5)
    assert office.told() == [("root", "add-person", "finance", ""), ("root", "end-person", "ended", "")]


def test_people_come_page_by_page(office: Office) -> None:
    for name in ("cc", "aa", "bb"):
        name_person(office.store, name, Role.DRIVER, by="root", now_ms=1, randomness=os.urandom)
    assert [it.name for it in office.store.people("", 2)] == ["aa", "bb"]
    assert [it.name for it in office.store.people("bb", 2)] == ["cc"]


def test_a_posting_moves_money_once_and_with_its_entry(office: Office) -> None:
    """P8: the decision, the transfer and the entry are one transaction; a repeat is refused and posts nothing."""
    it = office.desk.propose(SARA, POSTING, why="counted at the depot", key="k-1")
    assert office.desk.propose(SARA, POSTING, why="counted at the depot", key="k-1") == it
    assert office.store.balance("operator:bus-1") == 0
    with pytest.raises(OnePerson):
        office.desk.decide(SARA, it.id, it.digest, approves=True, key="")
    done = office.desk.decide(OMID, it.id, it.digest, approves=True, key="k-2")
    assert (done.state, done.decided_by) == (State.APPROVED, "omid")
    for approves in (True, False):
        with pytest.raises(Decided):
            office.desk.decide(OMID, it.id, it.digest, approves=approves, key="")
    assert (office.store.balance("operator:bus-1"), office.store.balance("suspense")) == (60_000, -60_000)
    assert office.rows("SELECT kind, debit, credit, rials FROM transfer") == [
        ("manual", "suspense", "operator:bus-1", 60_000)
    ]
    assert office.told() == [
        ("sara", "propose-posting", "proposed", "k-1"), ("sara", "decide-posting", "OnePerson", ""),
        ("omid", "decide-posting", "approved", "k-2"), ("omid", "decide-posting", "Decided", ""),
        ("omid", "decide-posting", "Decided", ""),
    ]  # fmt: skip
    outcomes = [one.entry.outcome for one in office.store.log(0, 99) if " " in one.entry.outcome]
    assert outcomes == [f"proposed {it.digest.hex()}", f"approved {it.digest.hex()}"], "and of which content"


def test_debt_forgiven_by_two_people_ends_the_denial_for_it(office: Office) -> None:
    rider, store = bytes(7) + b"\x05", office.store
    store.add_topup(TopUp("back", rider, 500_000, "pending", "A", office.now_ms))
    store.pay_topup("back", office.now_ms)
    forgiven: list[int] = []

    def by_hand(debit: str, credit: str, rials: int) -> None:
        it = office.desk.propose(SARA, Posting(debit, credit, rials), why="the council's word", key="")
        office.desk.decide(OMID, it.id, it.digest, approves=True, key="")
        forgiven.append(len(store.denials(open_only=True)))

    by_hand(rider_account(rider), "operator:bus-1", 500_000)
    store.charge_back("back", office.now_ms)
    assert len(store.denials(open_only=True)) == 1
    for rials in (499_999, 1):
        by_hand("adjustments", debt_account(rider), rials)
    assert forgiven == [0, 1, 0]
    assert [it.ended_ms for it in store.denials(open_only=False)] == [office.now_ms]


def test_a_decision_whose_posting_fails_is_none(office: Office) -> None:
    """Nothing of it is stored: neither the state, nor the entry, nor half a transfer."""
    it = office.desk.propose(SARA, POSTING, why="counted", key="")
    decided = office.desk.proposal(it.id)
    twice: list[Transfer] = [POSTING.transfer(it.id, 20_000)] * 2
    with pytest.raises(StoreFailed):
        office.store.decide(decided, Deed(twice), Entry(1, "omid", "finance", "decide-posting", it.id, "approved"))
    assert office.desk.proposal(it.id).state is State.OPEN
    assert office.rows("SELECT count(*) FROM transfer") == [(0,)]
    assert [outcome for _, _, outcome, _ in office.told()] == ["proposed"]


def test_of_two_who_decide_at_once_one_does(office: Office) -> None:
    it = office.desk.propose(SARA, POSTING, why="counted", key="")
    other = Office(office.folder)
    ended: list[str] = []

    def decide(desk: Staff, *, approves: bool) -> None:
        try:
            ended.append(desk.decide(OMID, it.id, it.digest, approves=approves, key="").state.value)
        except Decided:
            ended.append("too late")

    threads = [threading.Thread(target=decide, args=(one.desk,), kwargs={"approves": True}) for one in (office, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.store.close()
    assert sorted(ended) == ["approved", "too late"]
    assert office.rows("SELECT count(*) FROM transfer") == [(1,)]


def test_one_that_lapsed_is_carried_out_by_nobody(office: Office) -> None:
    it = office.desk.propose(SARA, POSTING, why="counted", key="")
    office.now_ms += PROPOSAL_DAYS * 86_400_000
    assert office.desk.proposal(it.id).state is State.LAPSED
    with pytest.raises(Lapsed):
        office.desk.decide(OMID, it.id, it.digest, approves=True, key="")
    office.now_ms -= 1  # a clock that is set back brings it not back
    with pytest.raises(Lapsed):
        office.desk.decide(OMID, it.id, it.digest, approves=True, key="")
    assert office.rows("SELECT count(*) FROM transfer") == [(0,)]
    assert [outcome for _, _, outcome, _ in office.told()] == ["proposed", "lapsed", "Lapsed"]


def test_a_key_is_one_proposal_for_ever(office: Office) -> None:
    office.desk.propose(SARA, POSTING, why="counted", key="k")
    with pytest.raises(AnotherContent):
        office.desk.propose(SARA, Posting("suspense", "operator:bus-1", 1), why="counted", key="k")
    office.desk.propose(OMID, POSTING, why="counted", key="k")  # another person's key is another one
    assert len(office.store.proposals(None, 9)) == 2


def test_proposals_come_newest_first_page_by_page(office: Office) -> None:
    made = [office.desk.propose(SARA, Posting("suspense", "bank", n), why="counted", key="").id for n in (1, 2, 3)]
    ((cursor, _),) = office.desk.proposals(None, 3)[1:2]
    assert [it.id for _, it in office.desk.proposals(None, 9)] == made[::-1]
    assert [it.id for _, it in office.desk.proposals(cursor, 9)] == made[:1]


def test_a_concession_is_granted_to_a_key(office: Office) -> None:
    public = key("phone").public
    it = office.desk.propose(NIMA, Concession(public, 2, "file 12", UNTIL), why="a student", key="")
    assert granted_classes(office.store, public) == {}
    office.desk.decide(TARA, it.id, it.digest, approves=True, key="")
    assert granted_classes(office.store, public) == {2: Grant(2, UNTIL)}
    assert granted_classes(office.store, key("other").public) == {}


def test_a_refused_one_grants_nothing(office: Office) -> None:
    it = office.desk.propose(NIMA, Concession(key("phone").public, 2, "file 12", UNTIL), why="a student", key="")
    office.desk.decide(TARA, it.id, it.digest, approves=False, key="")
    assert granted_classes(office.store, key("phone").public) == {}


def test_tariffs_and_releases_are_asked_for_when_a_bundle_is_announced(office: Office) -> None:
    approvals = StoredApprovals(office.store, {3: Tariff(3, 50_000)}, lambda: office.now_ms)
    assert approvals.tariff(Tariff(3, 50_000))  # announced before
    assert not approvals.tariff(Tariff(3, 50_001))
    assert not approvals.tariff(TARIFF)
    it = office.desk.propose(NIMA, office.desk.waiting_tariff(4, "1405/88"), why="the decree", key="")
    office.desk.decide(SARA, it.id, it.digest, approves=True, key="")
    assert approvals.tariff(TARIFF)
    assert not approvals.tariff(Tariff(5, 60_000))
    with pytest.raises(NotFound):
        office.desk.waiting_tariff(5, "1405/88")
    lost = bytes(7) + b"\x09"
    it = office.desk.propose(NIMA, Release(lost, 3), why="found again", key="")
    assert not approvals.release(lost, 3)
    office.desk.decide(TARA, it.id, it.digest, approves=True, key="")
    assert [approvals.release(lost, version) for version in (2, 3, 4)] == [True, True, False]
    approvals.used([lost])
    assert not approvals.release(lost, 3)  # denied again, it needs another approval
    assert isinstance(Decreed(TARIFF, "1405/88").words()["flat_fare_rials"], int)
    assert office.store.approved(Kind.RELEASE, lost.hex()) == []


@pytest.mark.parametrize("pays", [True, False])
def test_what_is_held_is_paid_or_written_off_by_two_people_once(tmp_path: Path, *, pays: bool) -> None:
    bus = Bus("bus-1-d1")
    bus.tap(Rider(1).show(1), proof=Proof.STRIPPED)
    desk = Desk(tmp_path, [bus], [Rider(1)])
    desk.take_whole(bus)
    (held,) = desk.store.held(None, 9)
    office = Office(tmp_path)
    money = HeldMoney(*held.tap, pays=pays)
    first, second = (office.desk.propose(SARA, money, why="seen on camera", key="") for _ in range(2))
    assert desk.store.held(None, 9), "proposed is not done"
    office.desk.decide(OMID, first.id, first.digest, approves=True, key="")
    assert desk.store.held(None, 9) == []
    assert (desk.store.balance("operator:bus-1"), desk.store.balance("held:bus-1")) == (held.rials if pays else 0, 0)
    with pytest.raises(Refused, match="nothing is held"):
        office.desk.decide(OMID, second.id, second.digest, approves=True, key="")
    assert office.desk.proposal(second.id).state is State.OPEN
    assert [outcome for _, _, outcome, _ in office.told()] == ["proposed", "proposed", "approved", "Refused"]
    check_ledger(desk)
    office.holds()
    office.store.close()
    desk.close()


def test_the_log_is_one_chain_though_two_write(office: Office) -> None:
    other = Office(office.folder)

    def write(store: LedgerStore) -> None:
        for n in range(20):
            store.note(Entry(n, "sara", "finance", "see-cases", "", "shown"))

    threads = [threading.Thread(target=write, args=(one.store,)) for one in (office, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.store.close()
    assert [it.number for it in office.store.log(0, 99)] == list(range(1, 41))
    assert [it.number for it in office.store.log(38, 99)] == [39, 40]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE staff_log SET person = 'omid' WHERE number = 2",
        "DELETE FROM staff_log WHERE number = 2",
        "DELETE FROM staff_log WHERE number = 3",
        "UPDATE staff_mark SET number = 2",
    ],
)
def test_what_is_done_to_the_log_behind_our_back_is_seen(tmp_path: Path, sql: str) -> None:
    office = Office(tmp_path)
    for n in range(3):
        office.store.note(Entry(n, "sara", "finance", "see-cases", "", "shown"))
    office.holds()
    databases.now.change(tmp_path, sql)
    assert check(office.store.log(0, 99), office.store.log_mark(), {}) is not None
    office.store.close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE proposal SET decided_by = proposer, state = 'approved'",
        "UPDATE proposal SET state = 'approved'",
    ],
)
def test_the_tables_know_of_two_people_too(office: Office, sql: str) -> None:
    office.desk.propose(SARA, POSTING, why="counted", key="")
    with pytest.raises(Exception, match=r"two_people|approved_by_somebody"):
        databases.now.change(office.folder, sql)


# --- repeated requests -----------------------------------------------------------------------------------------------


def test_a_key_is_taken_answered_and_forgotten_after_its_time(office: Office) -> None:
    begin, end = office.store.begin_once, office.store.end_once
    assert begin("staff:sara", "k", b"one", 1) is None
    assert begin("staff:sara", "k", b"one", 2) == Remembered(b"one", None, 1)
    assert begin("staff:omid", "k", b"two", 2) is None
    end("staff:sara", "k", "{}")
    assert begin("staff:sara", "k", b"other", 2 + IDEMPOTENCY_KEPT_MS - 1) == Remembered(b"one", "{}", 1)
    assert begin("staff:sara", "k", b"other", 2 + IDEMPOTENCY_KEPT_MS) is None
    end("staff:sara", "k", None)
    assert office.rows("SELECT caller FROM once") == [("staff:omid",)]


def test_a_request_that_died_with_its_process_is_asked_anew(office: Office) -> None:
    begin = office.store.begin_once
    assert begin("staff:sara", "k", b"one", 1) is None
    assert begin("staff:sara", "k", b"one", 1 + IDEMPOTENCY_UNDER_WAY_MS) is not None
    assert begin("staff:sara", "k", b"two", 2 + IDEMPOTENCY_UNDER_WAY_MS) is not None  # another one does not get it
    assert begin("staff:sara", "k", b"one", 2 + IDEMPOTENCY_UNDER_WAY_MS) is None


def test_of_each_caller_so_many_are_kept(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert IDEMPOTENCY_KEYS_MAX > 3
    monkeypatch.setattr("backend.adapters.ledger.once.IDEMPOTENCY_KEYS_MAX", 3)
    assert office.store.begin_once("staff:omid", "k", b"", 0) is None
    for n in range(6):
        assert office.store.begin_once("staff:sara", f"k{n}", b"", n) is None
    assert sorted(office.rows("SELECT caller, request_key FROM once")) == [
        ("staff:omid", "k"), ("staff:sara", "k3"), ("staff:sara", "k4"), ("staff:sara", "k5"),
    ]  # fmt: skip
