"""What a bus counts as spent behind a tap-out: of companions, behind a start, and of what was taken back."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.accepted import RecordId
from edge.core.memory import Memory
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire import chain
from protocol.wire.driver_records import Annulment, AnnulReason
from protocol.wire.passes import Presentation
from protocol.wire.records import Link
from tests.edge.door import FARE, Rider, at, paid, told
from tests.edge.pair import Pair
from tests.edge.test_tap_out import TARIFF, here
from tests.protocol import samples

ON, MORE, OFF = (Presentation(b"a-rider.", second, 1) for second in (0, 20, 900))
BEHIND: dict[str, object] = {"party": 2, "verdict": Verdict.PARTY_EXTENDED, "fare_rials": 2 * FARE}
LEFT = paid(OFF, wall_ms=at(900).wall_ms, verdict=Verdict.TAPPED_OUT, closes=RecordId(11, 1))


def test_companions_who_left_are_spent_no_more_behind_a_start_either_and_those_of_the_next_ride_are() -> None:
    next_ride = [Presentation(ON.credential_id, second, 1) for second in (1_000, 1_010)]
    boardings = [
        paid(ON), paid(MORE, wall_ms=at(20).wall_ms, **BEHIND), LEFT,
        paid(next_ride[0], wall_ms=at(1_000).wall_ms), paid(next_ride[1], wall_ms=at(1_010).wall_ms, **BEHIND),
    ]  # fmt: skip
    memory = Memory(7_200, bytes(16))
    memory.begin(at(1_020), RecordId(11, 5), list(enumerate(boardings, start=1)))
    assert memory.daybook.spent(ON.credential_id) == FARE + 3 * FARE


@pytest.mark.parametrize("proven", [True, False])
def test_companions_who_came_by_the_other_door_leave_once_their_record_is_held_here(*, proven: bool) -> None:
    """P9: its word alone makes nothing unspent; who was told and left is counted once all the same."""
    memory = Memory(7_200, bytes(16))
    memory.begin(at(), RecordId(11, 0), [])
    memory.accepted(paid(ON), RecordId(11, 1), at())
    memory.heard_of([told(MORE, **BEHIND)], at(20), own_door=1)
    plain = replace(samples.tap_values(chain.GENESIS), reason=Reason.NONE, tariff_version=7, **BEHIND)
    memory.records_came([replace(plain, link=Link("d", 12, 3, chain.GENESIS))] if proven else [])
    assert memory.daybook.spent(ON.credential_id) == 3 * FARE
    memory.accepted(LEFT, RecordId(11, 2), at(900))
    assert memory.daybook.spent(ON.credential_id) == (FARE if proven else 2 * FARE)


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("out_rials", [FARE, 2 * FARE, 3 * FARE, 4 * FARE])
def test_companions_whom_word_alone_tells_are_paid_for_once(out_rials: int, *, seen: bool) -> None:
    """What was told stands until the backend has its record; what all of them paid beyond it is unseen."""
    memory = Memory(7_200, bytes(16))
    memory.begin(at(), RecordId(11, 0), [])
    memory.accepted(paid(ON), RecordId(11, 1), at())
    memory.heard_of([told(MORE, **BEHIND)], at(20), own_door=1)
    memory.daybook.receipted(12, 3 if seen else 0)
    memory.accepted(replace(LEFT, fare_rials=out_rials), RecordId(11, 2), at(900))
    word = 0 if seen else 2 * FARE
    assert memory.daybook.spent(ON.credential_id) == max(word, out_rials)


@pytest.mark.parametrize("way", ["here", "by the other door", "over a start"])
def test_a_tap_out_leaves_the_companions_of_the_next_boarding_where_they_are(way: str) -> None:
    """Its rider boarded anew at the other door, which had heard of no boarding, before the tap-out became known."""
    next_ride = [Presentation(ON.credential_id, second, 1) for second in (600, 610)]
    boardings = [
        (RecordId(11, 1), paid(ON)), (RecordId(11, 2), paid(next_ride[0], wall_ms=at(600).wall_ms)),
        (RecordId(11, 3), paid(next_ride[1], wall_ms=at(610).wall_ms, **BEHIND)),
    ]  # fmt: skip
    memory = Memory(7_200, bytes(16))
    kept = [(it.sequence, of) for it, of in boardings]
    if way == "over a start":
        memory.begin(at(900), RecordId(11, 4), [*kept, (4, LEFT)])
    else:
        memory.begin(at(), RecordId(11, 0), [])
        for record, of in boardings:
            memory.accepted(of, record, at(of.presentation.time_s))
    if way == "here":
        memory.accepted(LEFT, RecordId(11, 4), at(900))
    if way == "by the other door":
        out = {"fare_rials": FARE, "verdict": Verdict.TAPPED_OUT, "closes": (11, 1)}
        memory.heard_of([told(OFF, **out)], at(900), own_door=1)
        plain = replace(samples.tap_values(chain.GENESIS), party=0, reason=Reason.NONE, tariff_version=7)
        memory.records_came([
            replace(plain, link=Link("d", 12, 3, chain.GENESIS), **(out | {"closes": RecordId(11, 1)}))
        ])  # fmt: skip
    assert memory.daybook.spent(ON.credential_id) == FARE + FARE + 2 * FARE


@pytest.mark.parametrize("companions", [True, False])
@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("order", ["out first", "taken back first", "over a start", "told and taken back", "told last"])
def test_what_was_taken_back_is_not_spent_by_its_tap_out_either(order: str, *, seen: bool, companions: bool) -> None:
    """Its companions stay, at what they were shown, as the office counts them."""
    boarded, more = RecordId(11, 1), RecordId(11, 2)
    word = told(OFF, verdict=Verdict.TAPPED_OUT, closes=boarded)
    memory = Memory(7_200, bytes(16))
    kept = [(1, paid(ON, annulled=True)), (2, paid(MORE, **BEHIND))][: 1 + companions]
    if order == "over a start":
        memory.begin(at(910), RecordId(11, 3), [*kept, (3, LEFT)])
    else:
        memory.begin(at(), RecordId(11, 0), [])
        memory.accepted(paid(ON), boarded, at())
        if companions:
            memory.accepted(paid(MORE, **BEHIND), more, at(20))
        memory.daybook.receipted(11, 1 if seen else 0)
        if order in ("taken back first", "told last"):
            memory.taken_back(boarded)
        if order.startswith("told"):
            memory.heard_of([word], at(900), own_door=1)
        if order == "told and taken back":
            plain = replace(samples.tap_values(chain.GENESIS), party=0, reason=Reason.NONE, tariff_version=7)
            memory.records_came([
                replace(plain, link=Link("d", 12, 3, chain.GENESIS), fare_rials=FARE, verdict=Verdict.TAPPED_OUT,
                        closes=boarded)
            ])  # fmt: skip
        elif not order.startswith("told"):
            memory.accepted(LEFT, RecordId(11, 3), at(900))
        memory.taken_back(boarded)
        memory.taken_back(boarded)
    assert memory.daybook.spent(ON.credential_id) == 2 * FARE * companions
    memory.daybook.receipted(11, 2)
    assert memory.daybook.spent(ON.credential_id) == 0


def test_our_own_tap_out_stands_until_the_other_doors_record_takes_its_boarding_back() -> None:
    """P9: its word alone makes nothing unspent; nor does a tap-out that it tells of a record of ours."""
    memory = Memory(7_200, bytes(16))
    memory.begin(at(), RecordId(11, 0), [])
    memory.accepted(paid(MORE), RecordId(11, 1), at(20))
    memory.heard_of([told(ON)], at(30), own_door=1)
    plain = replace(samples.tap_values(chain.GENESIS), party=0, reason=Reason.NONE, tariff_version=7)
    link = Link("d", 12, 3, chain.GENESIS)
    memory.records_came([replace(plain, link=link, fare_rials=FARE, verdict=Verdict.ACCEPTED)])
    memory.accepted(replace(LEFT, closes=RecordId(12, 3)), RecordId(11, 2), at(900))
    lie = Presentation(ON.credential_id, 901, 1)
    memory.heard_of(
        [told(lie, epoch=11, sequence=1, verdict=Verdict.TAPPED_OUT, closes=(12, 3)), told(ON, annulled=True)],
        at(901), own_door=1,
    )  # fmt: skip
    assert memory.daybook.spent(ON.credential_id) == 3 * FARE, "ours, the tap-out and what it tells"
    memory.records_came([Annulment(replace(link, sequence=4), at(902), "bus-1", "s-1", 3, AnnulReason.TWICE)])
    assert memory.daybook.spent(ON.credential_id) == 2 * FARE


def test_a_told_tap_out_takes_no_companions_along_before_its_record_is_here() -> None:
    """Nor where the boarding itself is seen already, and only they are not; nor ever those of the ride after it."""
    memory = Memory(7_200, bytes(16))
    memory.begin(at(), RecordId(11, 0), [])
    memory.accepted(paid(ON), RecordId(11, 1), at())
    memory.accepted(paid(MORE, **BEHIND), RecordId(11, 2), at(20))
    memory.daybook.receipted(11, 1)
    word = told(OFF, fare_rials=FARE + 5, verdict=Verdict.TAPPED_OUT, closes=(11, 1))
    memory.heard_of([word], at(900), own_door=1)
    assert memory.daybook.spent(ON.credential_id) == 2 * FARE
    memory.accepted(paid(Presentation(ON.credential_id, 1_000, 1)), RecordId(11, 3), at(1_000))
    memory.accepted(paid(Presentation(ON.credential_id, 1_010, 1), **BEHIND), RecordId(11, 4), at(1_010))
    plain = replace(samples.tap_values(chain.GENESIS), party=0, reason=Reason.NONE, tariff_version=7)
    link = Link("d", 12, 3, chain.GENESIS)
    memory.records_came([
        replace(plain, link=link, fare_rials=FARE + 5, verdict=Verdict.TAPPED_OUT, closes=RecordId(11, 1))
    ])  # fmt: skip
    assert memory.daybook.spent(ON.credential_id) == 5 + 3 * FARE


@pytest.mark.parametrize("out", ["front", "rear"])
def test_a_start_weighs_a_tap_out_by_what_was_seen_before_it(tmp_path: Path, out: str) -> None:
    """The boarding was receipted, so the rest of the ride is what nobody has seen, before a restart and behind it."""
    pair, rider = Pair(tmp_path, tariff=TARIFF), Rider(5)
    pair.plug()
    pair.front.along = pair.rear.along = (here(1_000, trip=None), None)
    pair.front.board(rider, at(0))
    pair.talk(at(1))
    pair.front.station.message_came(pair.front.receipt(pair.front.journal.head.sequence, at(2)))
    pair.talk(at(2))
    door = getattr(pair, out)
    door.along = (here(8_000, trip=None), None)
    door.board(rider, at(900), counter=2)
    assert door.panel.shown[-1].verdict is Verdict.TAPPED_OUT

    def unseen() -> int:
        return getattr(pair, out).station.boarding._memory.daybook.spent(rider.credential_id)

    assert unseen() == 0
    door.station.end(at(901))
    pair.restart(door, at(910))
    assert unseen() == 0
