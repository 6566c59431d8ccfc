"""A settled day is not written anew: what goes back of its fares is an adjustment of the next, and all still balances."""

from pathlib import Path

import pytest

from backend.app.settlement_desk import SettlementDesk
from backend.core.limits import SETTLE_AFTER_S
from backend.core.settlement.api import By
from backend.core.settlement.contracts import Contract
from backend.core.settlement.parties import Party, Role
from backend.core.settlement.ports import Titles
from backend.core.settlement.telling import joint, told
from protocol.localtime import day_begins_ms, service_day
from tests.backend.bus import FARE, NOON_MS, Bus, Rider
from tests.backend.disputes.office import Office

pytestmark = pytest.mark.databases
DAY = service_day(NOON_MS)
RIDERS = [Rider(n, rider_class=2 if n % 2 else 0) for n in range(1, 7)]
ME = By("maryam", "finance")


@pytest.mark.parametrize("by_house", [False, True])
def test_refunds_of_a_settled_day_are_adjustments_of_the_next(tmp_path: Path, *, by_house: bool) -> None:
    buses = [Bus("bus-1-d1"), Bus("bus-2-d1", epoch=1_002)]
    taps = [(rider, buses[n % 2], buses[n % 2].tap(rider.show(n))) for n, rider in enumerate(RIDERS)]
    office = Office(tmp_path, buses, RIDERS)
    office.take(*((bus, bus.batch()) for bus in buses))
    settling = SettlementDesk(office.store, "testabad", lambda: office.now_ms)
    office.now_ms = day_begins_ms(DAY + 1) + SETTLE_AFTER_S * 1000
    for name in ("metro", "sherkat"):
        settling.name(Party(Role.OPERATOR, name), Titles("نام", name), by=ME)
    settling.name(Party(Role.OWNER, "rezaei"), Titles("رضایی", "Rezaei"), by=ME)
    settling.contract(Contract("bus-1", DAY, "metro", "rezaei", 333), by=ME)
    settling.contract(Contract("bus-2", DAY, "sherkat"), by=ME)
    first = settling.freeze(DAY, by=ME)
    before = office.money()

    given = {}
    for n, (rider, bus, tap) in enumerate(taps[:4]):
        it = office.dispute(rider, bus, tap).dispute
        given[n] = it.charged_rials if n else it.charged_rials // 3 + 1
        office.refund(it.id, given[n], by_house=by_house)
    office.now_ms += 86_400_000
    second = settling.freeze(DAY + 1, by=ME)
    assert second.previous == first.hash
    assert (joint(first).balance, joint(second).balance) == (0, 0)
    assert {it.of_day for it in second.shares} == {DAY}, "the day of the rides, not of the refund"
    after = office.money()
    city = told(second, Party(Role.CITY, "")).total_rials
    owed = {name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}}
    parties = [name for name in owed if name.startswith(("operator-payable:", "owner:"))]
    if by_house:
        assert city == 0
        assert [owed[name] for name in parties] == [0] * 3, "to the rial: the house stands in the riders' place"
        assert owed["refunds"] == -sum(given.values())
    else:
        assert city == owed["city:class:2"] * -1
        assert sum(owed[name] for name in parties) == -sum(given.values()) + city
        assert after.get("refunds", 0) == 0
    # The owner's part is of all that his bus brought in the end, as if it had never been more.
    brought = sum(it.rials for it in (*first.shares, *second.shares) if it.vehicle == "bus-1")
    lines = [(it.line, it.rials) for it in (*first.shares, *second.shares) if it.vehicle == "bus-1"]
    of_line = {line: sum(rials for of, rials in lines if of is line) for line, _ in lines}
    assert after["owner:rezaei"] == sum(rials * 333 // 1000 for rials in of_line.values())
    assert after["owner:rezaei"] + after["operator-payable:metro"] == brought
    assert settling.verify() == []
    office.agrees(*((bus.name, bus.epoch, tap) for _, bus, tap in taps))
    assert FARE > 0
    office.close()
