"""Indexes of a rider's claims begin with their time: each look-up says which, misses nothing, and uses the index."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.adapters.ledger import riders
from backend.adapters.ledger.connection import raw
from backend.adapters.ledger.hot import asked_of_keys
from backend.adapters.ledger.local import (
    BY_KEY,
    DAY,
    QUARTER_S,
    RIDE_DAYS,
    of_ride_days,
    quarter_of,
    quarters,
    ride_day_of,
    ride_days,
)
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite import driver
from backend.core.ledger import TransferKind, tap_key
from protocol.limits import DAY_S, INT63_MAX
from protocol.localtime import day_begins_ms, service_day, week_span_ms
from tests.backend import databases
from tests.backend.bus import NOON_MS
from tests.backend.desk import CITY
from tests.backend.test_store import claim, commit

MOMENTS = st.one_of(st.integers(0, INT63_MAX), st.integers(NOON_MS - 10**10, NOON_MS + 10**10))
DAY_MS = DAY_S * 1000


@given(MOMENTS, st.integers(0, 300 * DAY_MS), st.integers(-DAY_MS, 301 * DAY_MS))
@example(day_begins_ms(20_300), DAY_MS - 1, DAY_MS - 1)
@example(0, INT63_MAX, 5)
def test_a_moment_is_in_one_part_of_a_span_of_days_or_in_none(begin: int, long: int, more: int) -> None:
    end, at = min(begin + long, INT63_MAX), max(begin + more, 0)
    parts = [*ride_days(begin, end)]
    found = [part for part in parts if part[0] <= at <= part[1] and part[2] == service_day(at) % RIDE_DAYS]
    assert len(found) == (begin <= at <= end)
    assert len({number for *_, number in parts}) == len(parts)


@given(st.integers(-DAY_S, 10**10), st.integers(0, DAY_S), st.integers(-DAY_S, 2 * DAY_S))
def test_a_moment_is_in_one_part_of_a_span_of_quarters_or_in_none(begin: int, long: int, more: int) -> None:
    at = max(begin + more, 0)
    found = [part for part in quarters(begin, begin + long) if part[0] <= at <= part[1] and part[2] == at // QUARTER_S]
    assert len(found) == (begin <= at <= begin + long)


def test_a_service_week_is_seven_parts() -> None:
    begin, end = week_span_ms(2_950)
    assert [*ride_days(begin, end)] == [(begin, end, (service_day(begin) + n) % RIDE_DAYS) for n in range(7)]


@pytest.mark.databases
def test_the_databases_number_days_and_quarters_alike(tmp_path: Path) -> None:
    for at in (0, 1, NOON_MS, day_begins_ms(20_300), day_begins_ms(20_300) - 1, INT63_MAX):
        asked = f"SELECT {ride_day_of('CAST(? AS BIGINT)')}, {quarter_of('CAST(? AS BIGINT)')}"
        store = databases.now.open(tmp_path, CITY)
        assert databases.now.rows(tmp_path, asked, (at, at)) == [(service_day(at) % RIDE_DAYS, at // QUARTER_S)]
        store.close()


@pytest.mark.databases
def test_a_riders_claims_are_found_over_all_time(tmp_path: Path) -> None:
    store = databases.now.open(tmp_path, CITY)
    made = commit(1, 4)
    times = [0, NOON_MS, NOON_MS + 2 * RIDE_DAYS * DAY_MS, INT63_MAX]
    claims = [it._replace(wall_ms=at) for it, at in zip(made.claims, times, strict=True)]
    store.commit([replace(made, claims=claims)], NOON_MS)
    credential = claim("bus-1-d1", 1).presentation.credential_id
    assert [it.wall_ms for it in store.charged_claims(credential, None, 9)] == times[::-1]
    assert {it.wall_ms for it in store.claims_between([(credential, 0, INT63_MAX)])} == {*times}
    assert {it.wall_ms for it in store.claims_between([(credential, 1, NOON_MS)])} == {NOON_MS}
    assert len(store.rider_taps(credential, 9)) == 4
    store.close()


def test_every_look_up_goes_by_an_index(tmp_path: Path) -> None:
    """A word that differs from the index's would look through all claims, and find the same."""
    store = databases.now.open(tmp_path, CITY)
    with store._writer.reading() as core:
        raw(core).execute(driver._ASKED)
        theirs = f"{of_ride_days('wall_ms', [3, 5])} AND credential = ? AND charged"
        values = {"days": [3, 5], "credential": b"", "most": 9}
        listed = riders._told(before=False).compile(core).construct_expanded_state(values).statement
        for sql, indexes in (
            (driver._NEAR, {"claim_shown", "claim_time", "claim_boarding", "claim_ends"}),
            (driver._BETWEEN, {"claim_time"}),
            (f"SELECT * FROM claim WHERE {theirs}", {"claim_time"}),
            (listed, {"claim_time"}),
            (str(riders._UNTOLD_AT_THEIR_TIME.compile(core)), {"claim_untold"}),
            (str(riders._untold(at_their_time=True, before=True).compile(core)), {"claim_untold"}),
        ):
            plan = [row[3] for row in raw(core).execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?"))]
            assert not [line for line in plan if line.startswith("SCAN claim")], plan
            assert {line.partition("INDEX ")[2].partition(" ")[0] for line in plan if "claim USING" in line} == indexes
            assert not [line for line in plan if "claim_time" in line and "(<expr>=? AND credential=?" not in line], (
                plan
            )
            assert not [line for line in plan if "claim_shown" in line and "(<expr>=? AND credential=?" not in line], (
                plan
            )
    store.close()


@pytest.mark.parametrize("asked", [f"{BY_KEY} = ?", f"{DAY} IN (0, 5) AND key IN (?, ?)"])
def test_a_key_is_looked_up_by_the_index(tmp_path: Path, asked: str) -> None:
    store = databases.now.open(tmp_path, CITY)
    with store._writer.reading() as core:
        sql = f"EXPLAIN QUERY PLAN SELECT * FROM transfer WHERE {asked}"
        ((*_, plan),) = raw(core).execute(sql, [b""] * asked.count("?")).fetchall()
    assert plan == "SEARCH transfer USING INDEX transfer_once (<expr>=? AND key=?)"
    store.close()


@pytest.mark.databases
def test_a_transfer_of_another_day_than_its_record_tells_is_found_for_its_tap(tmp_path: Path) -> None:
    """Where the clock was not trusted the tap is dated by its chain and its phone, and its record tells what it told."""
    store, later_ms = databases.now.open(tmp_path, CITY), NOON_MS + 40 * DAY_S * 1000
    made = commit(1, 1)
    (told,), (posted,), (tapped,) = made.claims, made.transfers, made.records
    key = tap_key(*told.tap, TransferKind.FARE)
    transfer = replace(posted, key=key, day=service_day(later_ms))
    store.commit([replace(made, claims=[told._replace(wall_ms=later_ms)], transfers=[transfer])], NOON_MS)
    told_ms = tapped.wall_ms
    found = [
        [it.key for it in transfers] for _, transfers in store.standing_taps(told_ms, told_ms + 1, None, 9)[0]
    ]  # fmt: skip
    assert found == [[key]]
    store.close()


def test_postgresql_looks_up_each_key_by_itself_though_it_knows_nothing_of_a_month(database: str) -> None:
    """Else it takes the day alone, of which it thinks that it has few transfers, and reads all of it for some keys."""
    store = PostgresStore(database, CITY, durable=False)
    driver = store._driver
    asked = asked_of_keys(driver.each, "id", (0, 5), 3)
    with store._writer.reading() as core:
        plan = [row for (row,) in driver.rows(raw(core), f"EXPLAIN {asked}", [bytes(32)] * 3)]
    store.close()
    conditions = [row for row in plan if "Cond: " in row and "COALESCE" in row]
    assert conditions, plan
    assert all("(key = " in row for row in conditions), plan
