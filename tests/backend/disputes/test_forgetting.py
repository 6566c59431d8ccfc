"""An answered dispute goes with its ride; one that waits for its answer keeps the ride until then."""

from pathlib import Path

import pytest

from backend.core.disputes.dispute import Why
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.disputes.office import SARA, Office

pytestmark = pytest.mark.databases
ADULT = Rider(1)


def test_a_dispute_goes_with_its_ride_and_an_open_one_keeps_it(tmp_path: Path) -> None:
    bus = Bus()
    taps = [bus.tap(ADULT.show(n)) for n in range(3)]
    office = Office(tmp_path, [bus], [ADULT])
    office.take_whole(bus)
    money = office.money()
    waits, done = (office.dispute(ADULT, bus, tap, "not me").dispute.id for tap in taps[:2])
    office.disputes.refuse(SARA, done, Why.PROVEN, "your phone signed it", key="")
    swept = office.store.forget_claims(None, NOON_MS + 86_400_000, 99)
    assert (swept.gone, swept.kept) == (2, 1)
    assert [it.dispute.id for _, it in office.disputes.listed(0, 9, open_only=False)] == [waits]
    assert office.money() == money
    office.disputes.refuse(SARA, waits, Why.PROVEN, "your phone signed it", key="")
    assert office.store.forget_claims(None, NOON_MS + 86_400_000, 99).gone == 1
    assert office.rows("SELECT count(*) FROM dispute") == [(0,)]
    office.close()
