"""The script's riders and codes: the same seed gives the same city, and each kind is what it says to the real rules."""

import itertools
from collections import Counter

import pytest

from edge.core.accepted import RecordId
from edge.core.asked import Door
from edge.core.daybook import DayBook
from edge.core.decide import decide
from edge.core.opening import LongFormWanted, open_code
from edge.core.window import Window
from protocol.errors import DamagedCode, NotAFareCode, ProofError, UnknownRider, WireError
from protocol.fares.tariff import RiderClass, Tariff
from protocol.localtime import service_day
from protocol.wire.bundles import Bundle
from protocol.wire.codes import read_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import open_long_pass
from protocol.wire.records import ClockQuality, CodeKind, Instant, Service
from protocol.wire.riders import encode_rows
from protocol.wire.short_passes import Pass, is_short, open_short_pass
from simulators.held_riders import HeldRiders
from simulators.riders import Crowd
from simulators.script import Codes, Kind, Presentation, Script

START_MS = 1_767_240_000_000
TODAY = service_day(START_MS)
ISSUER = SigningKey.from_secret(b"issuer" * 6)
TARIFF = Tariff(version=1, flat_fare_rials=40_000, rider_permille={RiderClass.STUDENT: 500}, repeat_window_s=180)
TICKETS = 60  # some 1,500 showings use up 60
BUSES = ["bus-0001", "bus-0002", "bus-0003"]


def make_crowd(seed: int, count: int = 150) -> Crowd:
    crowd = Crowd(seed, count, (RiderClass.ADULT, RiderClass.ADULT, RiderClass.STUDENT))
    crowd.issue(ISSUER, TODAY)
    crowd.issue_strangers([ISSUER.verifying], TODAY)
    crowd.print_tickets(ISSUER, TODAY, TICKETS)
    return crowd


def table_of(crowd: Crowd) -> HeldRiders:
    table = HeldRiders()
    table.replace([encode_rows(rider.row for rider in crowd.riders)], number=1)
    return table


def opened(text: str, table: HeldRiders) -> Pass:
    payload = read_code(text.encode())
    return open_short_pass(payload, table.find) if is_short(payload) else open_long_pass(payload, [ISSUER.verifying])


def play(seed: int, length: int, crowd: Crowd | None = None) -> list[tuple[Presentation, str, int]]:
    crowd = crowd or make_crowd(seed)
    codes = Codes(crowd)
    script = Script(seed, BUSES, crowd.riders, TARIFF, tickets=TICKETS)
    return [
        (one, codes.text(one, START_MS + one.at_ms), START_MS + one.at_ms) for one in itertools.islice(script, length)
    ]


def test_the_same_seed_replays_and_another_does_not() -> None:
    assert play(7, 200) == play(7, 200)
    assert play(7, 50) != play(8, 50)


@pytest.mark.parametrize("seed", [1, 7])
def test_every_kind_is_answered_by_the_real_rules_as_the_script_says(seed: int) -> None:
    """1,500 showings over three buses are 5 minutes of plan: repeat windows end and begin again within it."""
    issuers = [ISSUER.verifying]
    bundle = Bundle("isfahan", 1, START_MS, (ISSUER.public,), (ISSUER.public,), ISSUER.public, TARIFF)
    doors = {bus: Door(Service(bus, 1), bundle, Window(bundle.window_s), DayBook(bytes(16)), START_MS) for bus in BUSES}
    seen: Counter[Kind] = Counter()
    forms: Counter[CodeKind] = Counter()
    crowd = make_crowd(seed, 400)
    table = table_of(crowd)
    for number, (one, text, now_ms) in enumerate(play(seed, 1_500, crowd)):
        now = Instant(now_ms, now_ms - START_MS, ClockQuality.TRUSTED, 1)
        code = open_code(text.encode(), issuers, table.find)
        assert not isinstance(code, LongFormWanted), one
        decision = decide(code, doors[one.bus], now)
        forms[decision.code_kind] += 1
        assert decision.verdict == one.expected, one
        if decision.accepted is not None:
            doors[one.bus].window.note(decision.accepted, RecordId(1, number), now)
            if decision.accepted.uses_ticket:
                doors[one.bus].tickets.note(decision.accepted, RecordId(1, number), now)
        seen[one.kind] += 1
    assert set(seen) == set(Kind)
    assert 0.6 < seen[Kind.FRESH] / 1_500 < 0.85
    assert min(forms[CodeKind.LONG_PASS], forms[CodeKind.SHORT_PASS]) > 500


def test_a_copy_repeats_its_original_and_each_boarding_is_copied_once_at_most() -> None:
    shown = play(3, 600)
    texts = {one.id: text for one, text, _ in shown}
    copies = [one for one, _, _ in shown if one.of]
    assert {one.kind for one in copies} == {Kind.COPIED, Kind.COPIED_OTHER_BUS}
    assert all(texts[one.id] == texts[one.of] for one in copies)
    assert len({one.of for one in copies}) == len(copies)


def test_a_copy_shown_before_its_original_is_the_same_presentation() -> None:
    shown = {one.id: one for one, _, _ in play(3, 600)}
    copy = next(one for one in shown.values() if one.kind is Kind.COPIED_OTHER_BUS)
    codes = Codes(make_crowd(3))
    first = codes.text(copy, START_MS)
    assert codes.text(shown[copy.of], START_MS + 500) == first


def test_damage_is_of_many_sorts_and_foreign_codes_are_not_ours() -> None:
    faults: set[type[Exception]] = set()
    crowd = make_crowd(5)
    table = table_of(crowd)
    for one, text, _ in play(5, 2_000, crowd):
        if one.kind is Kind.FOREIGN:
            with pytest.raises(NotAFareCode):
                read_code(text.encode())
        if one.kind is Kind.DAMAGED:
            with pytest.raises((WireError, ProofError)) as caught:
                opened(text, table)
            faults.add(type(caught.value))
    assert DamagedCode in faults
    assert len(faults) >= 3
    assert UnknownRider not in faults  # it would be no damage that a door answers


def test_the_counter_is_the_renders_since_local_midnight() -> None:
    crowd = make_crowd(1, 1)
    rider = crowd.riders[0]
    day = 86_400_000
    times = [START_MS, START_MS + 15_000, START_MS + day, START_MS + day + 1]
    passes = [open_long_pass(read_code(rider.render(at, long=True).encode()), [ISSUER.verifying]) for at in times]
    assert [one.counter for one in passes] == [1, 2, 1, 2]


@pytest.mark.parametrize(("known", "long"), [(False, [2, 4, 6, 8]), (True, [4, 8])])
def test_a_phone_alternates_until_it_knows_and_then_shows_the_long_form_each_fourth_time(
    *, known: bool, long: list[int]
) -> None:
    rider = make_crowd(1, 1).riders[0]
    rider.known = known
    shown = [is_short(read_code(rider.render(START_MS).encode())) for _ in range(8)]
    assert [turn for turn, short in enumerate(shown, start=1) if not short] == long


def test_nobody_free_to_board_falls_back_to_a_foreign_code() -> None:
    crowd = make_crowd(1, 2)
    kinds = Counter(one.kind for one, _, _ in play(1, 100, crowd))
    assert kinds[Kind.FRESH] <= 2 * len(BUSES)
    assert kinds[Kind.FOREIGN] > 10
