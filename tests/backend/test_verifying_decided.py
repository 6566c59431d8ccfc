"""What is posted by hand or paid out without two people is told by whoever verifies the ledger."""

from pathlib import Path

import pytest

from backend.app.staff import Staff
from backend.app.verifying import verify
from backend.core.ledger import Transfer, TransferKind
from backend.core.ledger.two_phase import Phase
from backend.core.ledger.verifying import Broken
from backend.core.paying.payout import payout_key
from backend.core.staff import two_people
from backend.core.staff.log import Entry
from backend.core.staff.ports import Deed
from backend.core.staff.roles import Actor, Role
from backend.core.staff.subjects import PayOut, Posting, Subject
from backend.core.staff.two_people import Kind
from protocol.localtime import service_day
from tests.backend import databases
from tests.backend.bus import NOON_MS
from tests.backend.desk import CITY, Desk

pytestmark = pytest.mark.databases
SARA, REZA = Actor("sara", Role.FINANCE), Actor("reza", Role.FINANCE)
IBAN = "IR062960000000100324200001"


def told(desk: Desk) -> list[tuple[Broken, str]]:
    guarded = databases.now.reading(desk.folder)
    found = verify(guarded, CITY, [], lambda *_: None).findings.kept
    guarded.close()
    return [(it.what, it.where) for it in found]


def post(desk: Desk, it: Transfer) -> None:
    with desk.store._writer.transaction() as core:
        desk.store.post(core, [it], NOON_MS)


def test_what_two_people_decided_is_sound_and_what_nobody_did_is_told(tmp_path: Path) -> None:
    """Who has the database appends rows whose chain, head and balances follow."""
    desk = Desk(tmp_path)
    numbers = iter(range(9))
    staff = Staff(
        desk.store, bytes(32), clock=lambda: NOON_MS,
        randomness=lambda size: next(numbers).to_bytes(size, "big"), waiting=list,
    )  # fmt: skip
    decided: list[Subject] = [Posting("adjustments", "owner:ali", 900), PayOut("owner", "ali", 400, IBAN)]
    names = []
    for subject in decided:
        it = staff.propose(SARA, subject, why="the council's word", key="")
        staff.decide(REZA, it.id, it.digest, approves=True, key="")
        names.append(it.id)
    opened = staff.propose(SARA, Posting("adjustments", "owner:me", 5), why="still open", key="")
    assert told(desk) == []
    assert desk.store.end_payout(
        names[1], Phase.POSTED, Entry(NOON_MS, "sara", "finance", "paid", names[1], "paid"), "T-1"
    )
    assert told(desk) == [], "the bank's word is no decision of its own"
    post(desk, Transfer(bytes(32), TransferKind.MANUAL, "adjustments", "owner:me", 10**9, 1))
    post(desk, Transfer(payout_key("made up"), TransferKind.PAYOUT, "owner:ali", "bank", 100))
    post(desk, Posting("adjustments", "owner:me", 5).transfer(opened.id, 1))  # proposed, and by nobody approved
    assert told(desk) == [(Broken.UNDECIDED, f"transfer {row}") for row in (4, 5, 6)]
    desk.close()


@pytest.mark.parametrize("change", ["credit = 'owner:me'", "rials = 901"])
def test_what_differs_from_its_proposal_is_told(tmp_path: Path, change: str) -> None:
    """Also where the chain was made anew behind it."""
    desk = Desk(tmp_path)
    staff = Staff(desk.store, bytes(32), clock=lambda: NOON_MS, randomness=bytes, waiting=list)
    it = staff.propose(SARA, Posting("adjustments", "owner:ali", 900), why="the council's word", key="")
    staff.decide(REZA, it.id, it.digest, approves=True, key="")
    databases.now.change(tmp_path, f"UPDATE transfer SET {change}")
    assert (Broken.UNDECIDED, "transfer 1") in told(desk)
    desk.close()


def test_an_older_ledger_in_which_a_dispute_was_refused_is_sound(tmp_path: Path) -> None:
    """`refused charged-rightly` of a dispute is no digest: older approvals behind it were bare, too."""
    desk = Desk(tmp_path)
    desk.store.note(Entry(NOON_MS, "sara", "finance", "answer-dispute", "d-1", "refused charged-rightly", ""))
    it = Posting("adjustments", "owner:ali", 900)
    made = two_people.propose("a" * 32, Kind.POSTING, it.subject, it.content, why="seen", by=SARA, now_ms=NOON_MS)
    desk.store.add_proposal(made, Entry(NOON_MS, "sara", "finance", "propose-posting", made.id, "proposed", ""))
    done = two_people.decide(made, by=REZA, digest=made.digest, approves=True, now_ms=NOON_MS)
    said = Entry(NOON_MS, "reza", "finance", "decide-posting", made.id, "approved", "")
    assert desk.store.decide(done, Deed([it.transfer(made.id, service_day(NOON_MS))]), said)
    assert told(desk) == []
    desk.close()
