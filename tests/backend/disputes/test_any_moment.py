"""Whenever batches come and whenever two people decide: no rider has back more than he is charged, and books agree."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from backend.core.disputes.dispute import State
from backend.core.errors import Refused, RequestError
from backend.core.reconciliation.taps import judge
from protocol.fares.tariff import Tariff
from protocol.localtime import day_begins_ms, service_day
from tests.backend.bus import FARE, NOON_MS, Bus, Rider
from tests.backend.disputes.office import Office

CAPPED = Tariff(3, FARE, {2: 500}, 180, transfer_window_s=3_600, day_cap_rials=3 * FARE)
RIDERS = [Rider(1), Rider(2, rider_class=2)]


def buses(seed: int) -> tuple[list[Bus], list[tuple[Rider, Bus, int]]]:
    """Two buses that carry both riders, tell some codes twice and take some boardings back."""
    choose = random.Random(seed)
    made = [Bus("bus-1-d1"), Bus("bus-2-d1", epoch=1_002)]
    taps: list[tuple[Rider, Bus, int]] = []
    for bus in made:
        bus.begin_shift("ali", f"s-{bus.vehicle}")
    for n in range(6):
        rider = choose.choice(RIDERS)
        shown = rider.show(n, party=choose.choice((0, 0, 1)), time_s=NOON_MS // 1000 + 900 * n)
        for bus in choose.sample(made, choose.choice((1, 1, 2))):
            bus.now_ms = NOON_MS + 900_000 * n
            fare = choose.choice((None, None, FARE // 2))
            tap = bus.tap(shown, fare=fare)
            taps.append((rider, bus, tap))
            if choose.random() < 0.25:
                bus.annul(tap)
    return made, taps


@pytest.mark.databases
@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None, phases=(Phase.explicit, Phase.generate))  # a seed is no smaller than another
def test_no_more_goes_back_than_is_charged(seed: int) -> None:
    made, taps = buses(seed)
    choose = random.Random(seed)
    with TemporaryDirectory() as folder:
        office = Office(Path(folder), made, RIDERS, CAPPED)
        waiting = [(bus, bus.batch(at, at)) for bus in made for at in range(1, bus.last + 1)]
        left = {bus.name: [it for it in waiting if it[0] is bus] for bus in made}
        proposed: list[str] = []
        while any(left.values()):
            bus = choose.choice([it for it in made if left[it.name]])
            office.take(left[bus.name].pop(0))
            if choose.random() < 0.5:
                rider, of, tap = choose.choice(taps)
                try:
                    it = office.dispute(rider, of, tap).dispute
                    office.refund(it.id, choose.randint(1, it.charged_rials), by_house=choose.random() < 0.3)
                    proposed.append(it.id)
                except RequestError:
                    pass  # nothing is charged for it, it was disputed before, or others bear what went back before
            holds(office, taps)
        for name, rials in office.money().items():
            assert not name.startswith(("operator:", "held:")) or rials >= 0, "nobody was paid less than nothing"
        day = day_begins_ms(service_day(NOON_MS))
        found, _ = office.store.standing_taps(day, day + 86_400_000, None, 999)
        assert [one for it, transfers in found for one in judge(it, transfers)] == [], "reconciliation finds nothing"
        office.agrees(*((bus.name, bus.epoch, tap) for _, bus, tap in taps))
        for it in proposed:
            assert office.disputes.shown(it).dispute.state in (State.REFUNDED, State.PARTLY)
            with pytest.raises((Refused, RequestError)):
                office.refund(it, 1)
        office.close()


def holds(office: Office, taps: list[tuple[Rider, Bus, int]]) -> None:
    """What each rider has paid is the sum of what his taps cost less what went back; none is paid for riding."""
    paid = {rider.account: 0 for rider in RIDERS}
    for rider, bus, tap in taps:
        claim = office.store.claim_at(bus.name, bus.epoch, tap)
        if claim is None:
            continue
        net = claim.rials - claim.given_back_rials
        assert 0 <= net <= claim.rials
        assert 0 <= claim.city_back_rials <= claim.city_rials
        paid[rider.account] += net
    for account, rials in paid.items():
        assert office.store.balance(account) == -rials
