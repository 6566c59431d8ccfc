"""Payments and payouts as statements tell them: parts that were given back, credits behind midnight, lines that cannot be
read, and an entry of the bank's that two providers name."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.app.reconciling import Reconciling, Source
from backend.core.payments.topup import State, TopUp
from protocol.localtime import day_begins_ms, service_day
from tests.backend.bus import NOON_MS, Rider
from tests.backend.desk import Desk

pytestmark = pytest.mark.databases

DAY = service_day(NOON_MS)
PAID = 1_000_000


def reconcile(desk: Desk, *sources: tuple[str, Path], days: tuple[int, int] = (DAY, DAY)) -> None:
    Reconciling(desk.store, days, [Source.of(*it) for it in sources], now_ms=lambda: desk.now_ms).finish()


def opened(desk: Desk) -> dict[str, int]:
    """Names → rials."""
    return {it.it.name: it.it.rials for it in desk.store.discrepancies(open_only=True, after=None, most=100)}


def statement(folder: Path, rows: Sequence[str], name: str = "s") -> Path:
    path = folder / f"{name}.csv"
    path.write_text("authority,amount_rials,paid_at,kind,fee_rials,payout\n" + "".join(f"{row}\n" for row in rows))
    return path


def bank(folder: Path, *rows: str) -> Path:
    path = folder / "bank.csv"
    path.write_text("reference,amount_rials,booked_at\n" + "".join(f"{row}\n" for row in rows))
    return path


def at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def paid(desk: Desk, name: str, created_ms: int, credited_ms: int, *, back: bool = False) -> None:
    asked = TopUp(name, Rider(1).credential_id, PAID, State.PENDING, f"A{name}", created_ms)
    desk.store.add_topup(asked)
    assert desk.store.pay_topup(name, credited_ms)
    if back:
        assert desk.store.charge_back(name, credited_ms + 1)


def given_back(*parts: int) -> list[str]:
    rows = [f"Aone,{PAID},{at(NOON_MS)},payment,0,"]
    return rows + [f"Aone,{rials},{at(NOON_MS + 1000 * n)},reversal,0," for n, rials in enumerate(parts, start=1)]


@pytest.mark.parametrize(
    ("parts", "rials"), [((10,), PAID - 10), ((10, 20), PAID - 30), ((PAID,), 0), ((PAID - 10, 10), 0), ((), PAID)]
)
def test_all_is_charged_back_here_and_a_part_given_back_there(
    tmp_path: Path, parts: tuple[int, ...], rials: int
) -> None:
    desk = Desk(tmp_path, [], [Rider(1)])
    paid(desk, "one", NOON_MS, NOON_MS, back=True)
    reconcile(desk, ("main", statement(tmp_path, given_back(*parts))))
    assert opened(desk) == ({"reversed-here:main/Aone": rials} if rials else {})
    desk.close()


@pytest.mark.parametrize(("parts", "rials"), [((10,), PAID - 10), ((PAID,), 0)])
def test_a_part_that_was_given_back_hides_no_payment_that_is_not_credited(
    tmp_path: Path, parts: tuple[int, ...], rials: int
) -> None:
    desk = Desk(tmp_path, [], [Rider(1)])
    reconcile(desk, ("main", statement(tmp_path, given_back(*parts))))
    assert opened(desk) == ({"paid-not-credited:main/Aone": rials} if rials else {})
    desk.close()


def test_more_given_back_than_was_paid_is_a_row_too_many(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [], [Rider(1)])
    paid(desk, "one", NOON_MS, NOON_MS)
    reconcile(desk, ("main", statement(tmp_path, given_back(PAID, 10))))
    assert opened(desk) == {"reversed-there:main/Aone": PAID, f"doubled-row:main/Aone:reversal:{DAY}:4": 10}
    desk.close()


def test_what_is_credited_behind_midnight_is_looked_for_some_day(tmp_path: Path) -> None:
    """Asked for at 23:59, credited at 00:01, and the provider knows nothing of it; each day is reconciled by itself."""
    desk = Desk(tmp_path, [], [Rider(1)])
    begun_ms = day_begins_ms(DAY + 1) - 60_000
    paid(desk, "one", begun_ms, begun_ms + 120_000)
    paid(desk, "two", begun_ms, begun_ms + 120_000)
    for day in range(DAY - 1, DAY + 3):
        rows = [f"other{day},{PAID},{at(day_begins_ms(day) + 1000)},payment,0,"]
        if day == DAY:
            rows.append(f"Atwo,{PAID},{at(begun_ms + 1000)},payment,0,")
        reconcile(desk, ("main", statement(tmp_path, rows, str(day))), days=(day, day))
    found = {name for name in opened(desk) if not name.startswith("paid-not-credited")}
    assert found == {"credited-not-paid:main/Aone"}
    desk.close()


def test_a_line_that_cannot_be_read_stays_until_its_statement_is_given_anew(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [], [Rider(1)])
    paid(desk, "one", NOON_MS, NOON_MS)
    row = f"Aone,{PAID},{at(NOON_MS)},payment,0,"
    reconcile(desk, ("main", statement(tmp_path, [row, "half a line"])))
    (before,) = opened(desk)
    assert before.startswith("unreadable-line:")
    reconcile(desk, ("", bank(tmp_path)))
    reconcile(desk, ("saman", statement(tmp_path, [], "saman")))
    reconcile(desk)
    assert set(opened(desk)) == {before}
    reconcile(desk, ("main", statement(tmp_path, [row], "again")))
    assert opened(desk) == {}
    desk.close()


def test_one_entry_of_the_bank_is_not_two_providers_payout(tmp_path: Path) -> None:
    """Both call it P1, and both say that they paid it."""
    desk = Desk(tmp_path, [], [Rider(1)])
    for name in ("main", "saman"):
        paid(desk, name, NOON_MS, NOON_MS)
    rows = {name: [f"A{name},{PAID},{at(NOON_MS)},payment,0,P1"] for name in ("main", "saman")}
    entry, days = f"P1,{PAID},{at(NOON_MS)}", (DAY, DAY + 5)
    told = [(name, statement(tmp_path, of, name)) for name, of in rows.items()]
    reconcile(desk, *told, ("", bank(tmp_path, entry)), days=days)
    money = {name: rials for name, rials in opened(desk).items() if name.startswith(("payout", "bank"))}
    assert money == {"payout-missing:saman/P1": PAID}
    reconcile(desk, *told, ("", bank(tmp_path, entry, entry)), days=days)
    assert not [name for name in opened(desk) if name.startswith(("payout", "bank"))], "two entries are of two payouts"
    reconcile(desk, *told, ("", bank(tmp_path, entry, entry, entry)), days=days)
    assert [name for name in opened(desk) if name.startswith(("payout", "bank"))] == ["bank-row-doubled:P1"]
    desk.close()
