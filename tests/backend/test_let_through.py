"""P15 at the office: each ride that was let through is counted once, under its policy and cause, with what it cost."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend.core.chaintime import ChainTime
from backend.core.let_through import LetThrough, let_through
from cli.main import cli
from protocol.fares.verdicts import Reason, Verdict
from protocol.limits import RIALS_MAX
from protocol.localtime import service_day
from protocol.wire.records import decode_record
from tests.backend import databases
from tests.backend.bus import FARE, NOON_MS, TARIFF, Bus, Rider
from tests.backend.desk import CITY, Desk, check_ledger

pytestmark = pytest.mark.databases

DAY = service_day(NOON_MS)
EXPECTED = [
    LetThrough(0, "", Reason.NO_TRUSTED_CLOCK, DAY, 1, 1, 0, FARE),
    LetThrough(0, "", Reason.READER_OUT, DAY, 1, 1, FARE, 0),
    LetThrough(3, "flood-1", Reason.CRISIS, DAY, 2, 4, 4 * FARE, 0),
    LetThrough(3, "office-2", Reason.EXPIRED_RIDES, DAY, 1, 1, 0, FARE),
]


def a_day(folder: Path) -> tuple[Desk, Bus]:
    """Free by order, free by the driver, on two graces, and paid."""
    bus, riders = Bus(), [Rider(n) for n in range(1, 7)]
    free, grace = Verdict.BOARD_FREE, Verdict.ACCEPTED_GRACE
    flood = {"verdict": free, "reason": Reason.CRISIS, "policy": (3, "flood-1"), "fare": 0}
    bus.tap(riders[0].show(1, party=2), **flood, forgone=3 * FARE)  # type: ignore[arg-type]
    bus.tap(riders[1].show(1), **flood, forgone=FARE)  # type: ignore[arg-type]
    bus.tap(riders[2].show(1), verdict=free, reason=Reason.READER_OUT, fare=0, forgone=FARE)
    bus.tap(riders[3].show(1), verdict=grace, reason=Reason.EXPIRED_RIDES, policy=(3, "office-2"))
    bus.tap(riders[4].show(1), verdict=grace, reason=Reason.NO_TRUSTED_CLOCK)
    bus.tap(riders[5].show(1))
    return Desk(folder, [bus], riders), bus


@pytest.mark.parametrize("cuts", [[(1, 8)], [(1, 4), (3, 8), (1, 8)], [(1, 4), (1, 5), (5, 8), (5, 8)]])
def test_each_counts_once_however_the_records_come(tmp_path: Path, cuts: list[tuple[int, int]]) -> None:
    desk, bus = a_day(tmp_path)
    for first, last in cuts:
        desk.take((bus, bus.batch(first, last)))
    assert list(desk.store.let_through()) == EXPECTED
    forgone = sum(it.forgone_rials for it in EXPECTED)
    assert desk.store.balance("memo:forgone") == -desk.store.balance("memo:free-rides") == forgone
    assert desk.store.counts()["posted_rials"] == 3 * FARE  # no money
    check_ledger(desk)


def test_a_grace_is_charged_and_a_free_ride_is_not(tmp_path: Path) -> None:
    desk, bus = a_day(tmp_path)
    desk.take_whole(bus)
    assert desk.store.balance(bus.operator) == 3 * FARE


def test_a_device_cannot_forgo_more_than_the_dearest_fare_of_all_who_boarded() -> None:
    bus = Bus()
    bus.tap(Rider(1).show(1, party=1), verdict=Verdict.BOARD_FREE, fare=0, forgone=RIALS_MAX)
    tap, time = decode_record(bus.records[-1]), ChainTime(NOON_MS)
    assert let_through(tap, time, TARIFF) == LetThrough(0, "", Reason.NONE, DAY, 1, 2, 2 * FARE, 0)  # type: ignore[arg-type]
    dearer = replace(TARIFF, flat_fare_rials=3 * FARE)
    assert let_through(tap, time, dearer).forgone_rials == 6 * FARE  # type: ignore[arg-type,union-attr]
    assert let_through(tap, time, None).forgone_rials == RIALS_MAX  # type: ignore[arg-type,union-attr]


def test_of_a_party_that_grew_on_grace_those_count_who_came() -> None:
    bus = Bus()
    bus.tap(Rider(1).show(1, party=3), verdict=Verdict.PARTY_EXTENDED, policy=(3, "office-2"), fare=2 * FARE)
    counted = let_through(decode_record(bus.records[-1]), ChainTime(NOON_MS), TARIFF)  # type: ignore[arg-type]
    assert counted is not None
    assert (counted.rides, counted.persons) == (1, 2)


def test_the_command_tells_finance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, bus = a_day(tmp_path)
    desk.take_whole(bus)

    monkeypatch.setattr("cli.backend.load_config", lambda _: None)
    monkeypatch.setattr("cli.backend.open_ledger", lambda _: databases.now.open(tmp_path, CITY))
    got = CliRunner().invoke(cli, ["backend", "let-through", "--config", "any", "--json", "-"])
    assert got.exit_code == 0, got.output
    assert [(row["order"], row["reason"], row["rides"], row["forgone_rials"]) for row in json.loads(got.output)] == [
        ("", "NO_TRUSTED_CLOCK", 1, 0), ("", "READER_OUT", 1, FARE), ("flood-1", "CRISIS", 2, 4 * FARE),
        ("office-2", "EXPIRED_RIDES", 1, 0),
    ]  # fmt: skip
    words = CliRunner().invoke(cli, ["backend", "let-through", "--config", "any"]).output
    assert "CRISIS, flood-1 of policies 3: 2 rides of 4 persons, 200,000 rials forgone, 0 charged" in words
    assert "READER_OUT, no policy: 1 ride of 1 person, 50,000 rials forgone" in words
