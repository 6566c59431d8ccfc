"""A stolen tap key, with its certificate and no rider's key, mints 1,000 rides: none is paid, each is a case."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from backend.core.limits import PROXY_PERSONS_A_DAY_MAX, PROXY_PERSONS_VEHICLE_DAY_MAX
from protocol.fares.tariff import LineFare, Tariff
from protocol.fares.verdicts import Verdict
from protocol.limits import RIALS_MAX
from protocol.wire.records import ClockQuality, CodeKind
from tests.backend.bus import FARE, ISSUER, NOON_MS, TARIFF, Bus, Proof, Rider, key
from tests.backend.desk import Desk, check_ledger
from tests.backend.tickets import Printed, issue, printed

pytestmark = pytest.mark.databases

RIDES = 1_000
RIDERS = [Rider(1), Rider(2, rider_class=2), Rider(3, rider_class=3)]
FORGED = [Rider(99, issuer=key("thief")), Rider(1, issuer=key("thief"), holder=key("thief"))]  # no id of ours, and one
SINGLES = issue("singles")
TICKETS = printed(SINGLES, 40)
UNLISTED = Printed(SINGLES, bytes(8))
DEAREST = 90_000
BRT = Tariff(8, FARE, lines={"brt": LineFare(DEAREST)})
DAY_S = 86_400


class Thief:
    """Holds the key of one door. What he has seen: codes that riders showed on an honest bus, and printed tickets."""

    def __init__(self, honest: Bus, stolen: Bus) -> None:
        self.honest, self.bus = honest, stolen
        self.seen = [rider.show(n, party=n % 3, time_s=NOON_MS // 1000 + n) for n in range(30) for rider in RIDERS]
        for code in self.seen:
            honest.now_ms = code.time_s * 1000
            honest.tap(code, verdict=Verdict.ACCEPTED_CONCESSION if code.rider.rider_class else Verdict.ACCEPTED)
        for n, ticket in enumerate(TICKETS):
            honest.now_ms = NOON_MS + n * 1000
            honest.tap(ticket, fare=FARE)

    def mint(self, rides: int) -> Counter[str]:
        """So many accepted rides, shape by shape → how many of each."""
        shapes = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("shape_")]
        made: Counter[str] = Counter()
        for n in range(rides):
            shape = shapes[n % len(shapes)]
            self.bus.now_ms, self.bus.quality = NOON_MS + 60_000 + n * 1000, ClockQuality.TRUSTED
            shape(n, self.seen[n % len(self.seen)])
            made[shape.__name__] += 1
        return made

    def shape_no_proof(self, n, code) -> None:  # noqa: ANN001
        self.bus.tap(code, proof=(Proof.STRIPPED, Proof.BARE, Proof.MOVED, Proof.FORGED)[n % 4], fare=RIALS_MAX)

    def shape_old_proof_now(self, _, code) -> None:  # noqa: ANN001
        self.bus.now_ms += DAY_S * 1000
        self.bus.tap(code, fare=FARE)

    def shape_old_proof_then(self, n, code) -> None:  # noqa: ANN001
        """The record's time is the phone's, or a little earlier; and the fare is lower than on the honest bus."""
        self.bus.now_ms = code.time_s * 1000 - (n % 20) * 1000
        self.bus.tap(code, fare=(FARE * (1 + code.party), 1, 0)[n % 3])

    def shape_old_proof_no_clock(self, _, code) -> None:  # noqa: ANN001
        self.bus.quality = ClockQuality.UNTRUSTED
        self.bus.tap(code, fare=4 * FARE)

    def shape_companions(self, _, code) -> None:  # noqa: ANN001
        self.bus.now_ms = code.time_s * 1000
        self.bus.tap(code, verdict=Verdict.PARTY_EXTENDED, party=15, fare=RIALS_MAX)

    def shape_forged_credential(self, n, _) -> None:  # noqa: ANN001
        self.bus.tap(FORGED[n % 2].show(n, time_s=self.bus.now_ms // 1000), fare=FARE)

    def shape_unknown_tariff(self, n, code) -> None:  # noqa: ANN001
        self.bus.tap(code, proof=Proof.STRIPPED, party=15 * (n % 2), tariff=999, fare=RIALS_MAX)

    def shape_unknown_ticket(self, n, _) -> None:  # noqa: ANN001
        ticket = (UNLISTED, replace(TICKETS[0], signer=key("thief")), replace(TICKETS[1], signer=key("other")))[n % 3]
        self.bus.tap(ticket, fare=FARE)

    def shape_used_ticket(self, n, _) -> None:  # noqa: ANN001
        self.bus.tap(TICKETS[n % len(TICKETS)], fare=(FARE, 1)[n % 2])

    def shape_proxy_of_nobody(self, n, _) -> None:  # noqa: ANN001
        """In no shift, in one that nobody began, and in that of the honest bus."""
        self.bus.shift = (None, "s-99", "s-17")[n % 3]
        self.bus.tap(None, kind=CodeKind.PROXY, party=15, fare=RIALS_MAX)
        self.bus.shift = None


def money(desk: Desk) -> dict[str, int]:
    check_ledger(desk)
    return dict(desk.rows("SELECT id, credits - debits FROM account"))


def test_a_stolen_tap_key_mints_a_thousand_rides_and_is_paid_for_none(tmp_path: Path) -> None:
    honest, stolen = Bus("bus-1-d1"), Bus("bus-9-d1")
    honest.begin_shift("d-17", "s-17")
    thief = Thief(honest, stolen)
    desk = Desk(tmp_path, [honest, stolen], RIDERS, tickets=TICKETS, tariffs=[BRT])
    desk.take_whole(honest)
    before = money(desk)
    assert before[honest.operator] > 0
    made = thief.mint(RIDES)
    assert len(made) == 10
    assert stolen.last - 2 == RIDES, "each ride is one record behind the opening and the day key"
    for batch in stolen.batches(100):
        desk.take((stolen, batch))
    after = money(desk)

    assert after.get(stolen.operator, 0) == 0, "nothing is payable to the owner"
    assert after.get("driver:d-17", 0) == before.get("driver:d-17", 0)
    for account, rials in before.items():
        if account.startswith(("rider:", "city:class", "tickets:")):
            assert after[account] >= rials, f"{account} pays more than before"
    assert not [account for account in after if account.startswith(("rider:", "driver:")) and account not in before]
    cases = []
    while page := desk.store.held(cases[-1].tap if cases else None, 300):
        cases += page
    minted = {it.sequence: it for it in cases if it.device == stolen.name}
    assert set(minted) == set(range(3, stolen.last + 1)), "each ride is a case, once"
    assert sum(it.rials for it in minted.values()) == after[stolen.held]
    assert {it.why.value for it in minted.values()} == {
        "no-proof", "stale-proof", "unknown-credential", "copied", "contested",
    }  # fmt: skip
    assert max(it.rials for it in minted.values()) <= 16 * DEAREST, "no record is worth more than the dearest fares"
    assert sum(it.taps for it in desk.store.held_sums()) == len(cases)
    paid = sum(rials for account, rials in after.items() if account.startswith(("operator:", "held:")))
    owed = sum(-rials for account, rials in after.items() if not account.startswith(("operator:", "held:")))
    assert paid == owed


def drive(stolen: Bus, drivers: list[str]) -> int:
    """A shift of each one's, one behind the other, with 80 persons → of how many taps."""
    taps = 0
    for number, driver in enumerate(drivers):
        stolen.now_ms = NOON_MS + number * 45 * 60_000 // len(drivers)
        stolen.begin_shift(driver, f"made-up-{number}")
        for _ in range(PROXY_PERSONS_A_DAY_MAX // 16):
            stolen.now_ms += 1000
            stolen.tap(None, kind=CodeKind.PROXY, party=15, fare=RIALS_MAX)
            taps += 1
    return taps


def test_drivers_whom_it_invents_pay_for_none(tmp_path: Path) -> None:
    """1,040 rides of one day in the shifts of thirteen drivers whom no staff list has ever named."""
    stolen = Bus("bus-9-d1")
    taps = drive(stolen, [f"ghost-{n}" for n in range(13)])
    desk = Desk(tmp_path, [stolen], RIDERS, staff=["d-17"])
    for batch in stolen.batches(40):
        desk.take((stolen, batch))
    after = money(desk)
    assert after == {stolen.held: 1_040 * FARE, "suspense": -1_040 * FARE}, "nothing is payable, and no float moved"
    assert [it.why.value for it in desk.store.held(None, 300)] == ["no-proof"] * taps, "each is a case"


def test_the_names_on_its_own_staff_list_pay_for_a_vehicles_day_and_no_more(tmp_path: Path) -> None:
    """Thirteen real drivers, whom the device's own list names: it can read that."""
    stolen = Bus("bus-9-d1")
    drivers = [f"d-{n}" for n in range(13)]
    taps = drive(stolen, drivers)
    desk = Desk(tmp_path, [stolen], RIDERS, staff=drivers)
    for batch in stolen.batches(40):
        desk.take((stolen, batch))
    after = money(desk)
    paid = PROXY_PERSONS_VEHICLE_DAY_MAX // 16 * 16
    assert after[stolen.operator] == paid * FARE
    assert after[stolen.held] == (1_040 - paid) * FARE
    assert [it.why.value for it in desk.store.held(None, 300)] == ["over-float"] * (taps - paid // 16)
    assert sorted(account for account in after if account.startswith("driver:")) == ["driver:d-0", "driver:d-1"]


def test_what_a_stolen_key_still_gets_is_bounded(tmp_path: Path) -> None:
    """A shift that it makes up in a driver's name: a day's float and no more. A code that no bus has told: once (P10)."""
    stolen = Bus("bus-9-d1")
    stolen.now_ms = NOON_MS
    for n in range(4):
        stolen.begin_shift("d-17", f"made-up-{n}")
        for _ in range(50):
            stolen.tap(None, kind=CodeKind.PROXY, fare=RIALS_MAX)
    code = RIDERS[0].show(1)
    for _ in range(10):
        stolen.tap(code, fare=RIALS_MAX)
    ticket = TICKETS[0]
    for _ in range(10):
        stolen.tap(ticket, fare=RIALS_MAX)
    desk = Desk(tmp_path, [stolen], RIDERS, tickets=TICKETS)
    desk.take_whole(stolen)
    after = money(desk)
    assert after["driver:d-17"] == -PROXY_PERSONS_A_DAY_MAX * FARE
    assert after[RIDERS[0].account] == after[ticket.account] == -FARE
    assert after[stolen.operator] == (PROXY_PERSONS_A_DAY_MAX + 2) * FARE
    assert after[stolen.held] == (200 - PROXY_PERSONS_A_DAY_MAX + 9 + 9) * FARE


def test_the_thief_is_what_he_says(tmp_path: Path) -> None:
    """The honest day alone is paid whole, so that the zero above is not of a desk that pays nobody."""
    honest = Bus("bus-1-d1")
    thief = Thief(honest, Bus("bus-9-d1"))
    desk = Desk(tmp_path, [honest], RIDERS, tickets=TICKETS)
    desk.take_whole(honest)
    assert desk.store.held(None, 9) == []
    assert len(thief.seen) == 90
    assert money(desk)[honest.operator] >= len(TICKETS) * FARE
    assert ISSUER.verifying == SINGLES.issuer
    assert TARIFF.version not in (999, BRT.version)
