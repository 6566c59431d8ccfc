"""What two people post by hand is settled on the day that the chain has: its time is in no hash."""

from pathlib import Path

import pytest

from backend.app.settlement_desk import SettlementDesk
from backend.app.staff import Staff
from backend.app.verifying import verify
from backend.core.ledger.verifying import Broken
from backend.core.settlement.api import By
from backend.core.settlement.contracts import Contract
from backend.core.settlement.parties import Party, Role
from backend.core.settlement.ports import Titles
from backend.core.staff.roles import Actor
from backend.core.staff.roles import Role as Work
from backend.core.staff.subjects import Posting
from protocol.localtime import day_begins_ms, service_day
from tests.backend import databases
from tests.backend.bus import NOON_MS
from tests.backend.desk import CITY, Desk

pytestmark = pytest.mark.databases
DAY = service_day(NOON_MS)
ME = By("maryam", "finance")
SARA, REZA = Actor("sara", Work.FINANCE), Actor("reza", Work.FINANCE)


def _posted(folder: Path) -> tuple[Desk, SettlementDesk]:
    """A bus was sold, and on its first day with its new owner two people post what it is owed."""
    folder.mkdir()
    desk = Desk(folder, [], [])
    settling = SettlementDesk(desk.store, CITY, lambda: desk.now_ms)
    for party in (Party(Role.OPERATOR, "metro"), Party(Role.OWNER, "ali"), Party(Role.OWNER, "reza")):
        settling.name(party, Titles("نام", "name"), by=ME)
    settling.contract(Contract("bus-1", DAY - 9, "metro", "ali", 1000), by=ME)
    settling.contract(Contract("bus-1", DAY, "metro", "reza", 1000), by=ME)
    staff = Staff(desk.store, bytes(32), clock=lambda: desk.now_ms, randomness=bytes, waiting=list)
    it = staff.propose(SARA, Posting("adjustments", "operator:bus-1", 10**9), why="the council's word", key="")
    desk.now_ms = NOON_MS
    staff.decide(REZA, it.id, it.digest, approves=True, key="")
    desk.now_ms = day_begins_ms(DAY + 1) + 4 * 3_600_000
    return desk, settling


def _paid(settling: SettlementDesk, desk: Desk) -> dict[str, int]:
    settling.freeze(DAY, by=ME)
    assert settling.verify() == []
    return dict(desk.rows("SELECT id, credits FROM account WHERE id LIKE 'owner:%' AND credits > 0"))


def test_a_posting_by_hand_is_settled_on_the_day_that_the_chain_has(tmp_path: Path) -> None:
    """P9: whoever moves its time moves no money to the bus's owner of before."""
    paid = []
    for name, moved in (("honest", 0), ("moved", 1)):
        desk, settling = _posted(tmp_path / name)
        databases.now.change(tmp_path / name, "UPDATE transfer SET at_ms = at_ms - 86400000 * ?", (moved,))
        paid.append(_paid(settling, desk))
        assert desk.rows("SELECT DISTINCT kind, day FROM transfer ORDER BY kind") == [
            ("manual", DAY), ("settlement", DAY),
        ]  # fmt: skip
        desk.close()
    assert paid == [{"owner:reza": 10**9}] * 2


@pytest.mark.parametrize("day", ["day - 1", "NULL"])
def test_another_day_of_a_posting_by_hand_is_told(tmp_path: Path, day: str) -> None:
    desk, _ = _posted(tmp_path / "moved")
    databases.now.change(tmp_path / "moved", f"UPDATE transfer SET day = {day}")
    guarded = databases.now.reading(tmp_path / "moved")
    found = verify(guarded, CITY, [], lambda *_: None).findings.kept
    guarded.close()
    desk.close()
    assert [it.what for it in found] == [Broken.CHAIN]
