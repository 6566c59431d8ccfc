"""What left our bank account is held against payouts that are marked paid: a person's word is believed until then."""

from pathlib import Path

import pytest

from backend.app.payouts import Payouts
from backend.app.staff import Staff
from backend.core.ledger import Transfer, TransferKind
from backend.core.limits import PAYOUT_DAYS_MAX
from backend.core.reconciliation.classes import ABOUT, Class, Owner
from backend.core.staff.subjects import PayOut
from protocol.localtime import day_begins_ms, service_day
from tests.backend.bus import NOON_MS
from tests.backend.desk import Desk
from tests.backend.test_payouts import IBAN, OMID, SARA
from tests.backend.test_reconciling_money import at, opened, reconcile

pytestmark = pytest.mark.databases
DAY = service_day(NOON_MS)
DAYS = (DAY, DAY + PAYOUT_DAYS_MAX)
OUT = at(NOON_MS)


class Office(Desk):
    """Finance, who owes an owner enough."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        numbers = iter(range(99))
        self.staff = Staff(
            self.store, b"", clock=lambda: self.now_ms,
            randomness=lambda size: next(numbers).to_bytes(size, "big"), waiting=list,
        )  # fmt: skip
        self.paying = Payouts(self.store, lambda: self.now_ms)
        with self.store._writer.transaction() as core:
            owed = Transfer(bytes(32), TransferKind.SETTLEMENT, "operator:bus-1", "owner:ali", 10_000)
            self.store.post(core, [owed], self.now_ms)

    def pay(self, rials: int, reference: str, *, paid: bool = True) -> str:
        it = self.staff.propose(SARA, PayOut("owner", "ali", rials, IBAN), why="of Mehr", key="")
        self.staff.decide(OMID, it.id, it.digest, approves=True, key="")
        self.paying.end(SARA, it.id, paid=paid, reference=reference, key="")
        return it.id

    def told(self, *rows: str, days: tuple[int, int] = DAYS) -> dict[str, int]:
        path = self.folder / "bank.csv"
        path.write_text("reference,amount_rials,booked_at,kind\n" + "".join(f"{row}\n" for row in rows))
        reconcile(self, ("", path), days=days)
        return opened(self)


def test_what_the_bank_has_matches(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.pay(900, "T1")
    office.pay(100, "T2")
    assert office.told(f"T1,900,{OUT},out", f"T2,100,{OUT},out") == {}
    office.close()


def test_a_word_that_the_bank_does_not_have_is_told_when_it_is_due(tmp_path: Path) -> None:
    office = Office(tmp_path)
    payout = office.pay(900, "T1")
    assert office.told(days=(DAY, DAY + PAYOUT_DAYS_MAX - 1)) == {}, "it may still come"
    assert office.told(days=(DAY + 1, DAY + PAYOUT_DAYS_MAX)) == {f"sent-missing:payout/{payout}": 900}
    assert office.told(f"T1,900,{OUT},out") == {}
    office.close()


def test_nothing_is_missing_where_the_banks_days_are_not_held(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.pay(900, "T1")
    late = DAY + PAYOUT_DAYS_MAX
    assert office.told(days=(late, late)) == {}
    office.close()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([f"T1,901,{OUT},out"], {"sent-differs:payout/{id}": 1}),
        ([f"T1,900,{OUT},out", f"T1,900,{OUT},out"], {"sent-doubled:T1": 900}),
        ([f"T1,900,{OUT},out", f"T9,900,{OUT},out"], {"sent-unknown:T9": 900}),
        ([f"T9,900,{OUT},out"], {"sent-unknown:T9": 900, "sent-missing:payout/{id}": 900}),
        ([f"T1,900,{OUT},in"], {"bank-row-unknown:T1": 900, "sent-missing:payout/{id}": 900}),
    ],
)
def test_what_does_not_match_is_told(tmp_path: Path, rows: list[str], expected: dict[str, int]) -> None:
    office = Office(tmp_path)
    payout = office.pay(900, "T1")
    assert office.told(*rows) == {name.format(id=payout): rials for name, rials in expected.items()}
    assert {ABOUT[Class(name.split(":")[0])].owner for name in expected} == {Owner.FINANCE}
    office.close()


def test_a_payout_that_came_back_was_not_sent(tmp_path: Path) -> None:
    """Its entry at the bank is nobody's payout, and a person says what it was."""
    office = Office(tmp_path)
    office.pay(900, "T1", paid=False)
    assert office.told(f"T1,900,{OUT},out") == {"sent-unknown:T1": 900}
    office.close()


def test_two_words_with_one_reference_need_two_entries(tmp_path: Path) -> None:
    office = Office(tmp_path)
    first, second = office.pay(900, "T1"), office.pay(700, "T1")
    assert office.told(f"T1,700,{OUT},out") == {f"sent-missing:payout/{first}": 900}
    assert office.told(f"T1,700,{OUT},out", f"T1,900,{OUT},out") == {}
    assert first != second
    assert day_begins_ms(DAY) < NOON_MS
    office.close()
