"""A page of a rider's rides is read from the newest day on until it is full: nothing newer is left out, no day in vain."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.adapters.ledger.local import RIDE_DAYS, ride_day_of
from backend.adapters.ledger.walking import days_before, walk
from backend.core.ledger.verifying import Broken
from backend.core.repeats import Claim
from protocol.limits import INT63_MAX
from protocol.localtime import service_day
from protocol.wire.passes import Presentation
from tests.backend import databases
from tests.backend.bus import NOON_MS
from tests.backend.desk import CITY
from tests.backend.test_store import RIDER, commit
from tests.backend.verifying_books import Books

DAY_MS = 86_400_000
Ride = tuple[int, int]  # time, row


class Asked:
    """A rider's rides by the number of their day; what is noted of a number is of others' times, too."""

    def __init__(self, rides: Sequence[Ride], others: Sequence[int]) -> None:
        times = [*others, *(at for at, _ in rides)]
        self.of_day: dict[int, list[Ride]] = {service_day(at) % RIDE_DAYS: [] for at in times}
        for it in rides:
            self.of_day[service_day(it[0]) % RIDE_DAYS].append(it)
        newest = {service_day(at) % RIDE_DAYS: at for at in sorted(times)}
        self.days = sorted(newest.items(), key=lambda it: (-it[1], it[0]))
        self.asked: list[int] = []
        self.statements = 0

    def __call__(self, numbers: Sequence[int], limit: int) -> list[Ride]:
        self.asked += numbers
        self.statements += 1
        return sorted((it for number in numbers for it in self.of_day[number]), reverse=True)[:limit]


TIMES = st.one_of(
    st.integers(0, 600).map(lambda day: NOON_MS + day * DAY_MS),  # days of the same numbers, and several on one
    st.sampled_from([0, NOON_MS, INT63_MAX]),
)


@given(st.lists(TIMES, max_size=60), st.integers(1, 12), st.lists(TIMES, max_size=60))
@example([NOON_MS + DAY_MS * RIDE_DAYS, NOON_MS, NOON_MS + 3 * DAY_MS], 2, [NOON_MS + 9 * DAY_MS])
def test_a_page_is_the_newest_of_all_whatever_clocks_told(times: list[int], limit: int, others: list[int]) -> None:
    """The example: the page is full of a day of two years, and a day behind it has a ride between."""
    rides = [(at, row) for row, at in enumerate(times)]
    ask = Asked(rides, others)
    found = walk(ask.days, limit, lambda numbers: ask(numbers, limit), lambda it: it)
    assert found == sorted(rides, reverse=True)[:limit]
    assert len(ask.asked) == len(set(ask.asked)), "no day twice"
    assert ask.statements <= 9  # as many again each time


def test_days_behind_a_full_page_are_not_asked() -> None:
    ask = Asked([(NOON_MS + n * DAY_MS, n) for n in range(200)], [])
    assert len(walk(ask.days, 20, lambda numbers: ask(numbers, 20), lambda it: it)) == 20
    assert ask.asked == [service_day(NOON_MS + n * DAY_MS) % RIDE_DAYS for n in range(199, 179, -1)]


def test_a_rider_who_hardly_rides_is_looked_for_in_few_statements() -> None:
    ask = Asked([(NOON_MS, 0)], [NOON_MS + n * DAY_MS for n in range(RIDE_DAYS)])
    assert walk(ask.days, 20, lambda numbers: ask(numbers, 20), lambda it: it) == [(NOON_MS, 0)]
    assert ask.statements == 4


@pytest.mark.databases
def test_it_is_noted_between_which_times_the_claims_of_a_number_lie(tmp_path: Path) -> None:
    """Groups of one day and of several, days of one number, what came later and is older; and a claim that is gone."""
    store = databases.now.open(tmp_path, CITY)
    far = RIDE_DAYS * DAY_MS
    groups = [[NOON_MS, NOON_MS + 5], [NOON_MS + 2], [NOON_MS - 7, NOON_MS + DAY_MS], [NOON_MS + far, INT63_MAX, 0]]
    first = 1
    for times in groups:
        made = commit(first, first + len(times) - 1)
        claims = [it._replace(wall_ms=at) for it, at in zip(made.claims, times, strict=True)]
        store.commit([replace(made, claims=claims)], NOON_MS)
        first += len(times)
    number = f"{ride_day_of('wall_ms')}"
    held = f"SELECT {number}, min(wall_ms), max(wall_ms) FROM claim GROUP BY 1 ORDER BY 1"
    noted = "SELECT number, oldest_ms, newest_ms FROM claim_day ORDER BY 1"
    found = databases.now.rows(tmp_path, noted, ())
    assert found == databases.now.rows(tmp_path, held, ())
    assert (service_day(NOON_MS) % RIDE_DAYS, NOON_MS - 7, NOON_MS + far) in found
    with store._reader.reading() as core:
        days = days_before(core, None)
        assert [newest for _, newest in days] == sorted((it[2] for it in found), reverse=True)
        same = service_day(NOON_MS) % RIDE_DAYS
        assert {number for number, _ in days_before(core, NOON_MS - 7)} == {same, service_day(0) % RIDE_DAYS}
        assert {number for number, _ in days_before(core, NOON_MS - 8)} == {service_day(0) % RIDE_DAYS}
    store.close()


@pytest.mark.databases
def test_rides_and_receipts_of_days_far_apart_come_page_by_page(tmp_path: Path) -> None:
    """More days than there are numbers; the oldest told last, though it is the newest to come."""
    store = databases.now.open(tmp_path, CITY)
    times = [NOON_MS + n * 37 * DAY_MS for n in range(1, 22)] + [NOON_MS]
    made = commit(1, 22)
    records = [replace(it, wall_ms=at) for it, at in zip(made.records, times, strict=True)]
    claims = [
        it._replace(presentation=Presentation(RIDER.credential_id, n, n), wall_ms=at)
        for n, (it, at) in enumerate(zip(made.claims, times, strict=True))
    ]
    store.commit([replace(made, records=records, claims=claims)], NOON_MS)
    rides: list[int] = []
    before: Ride | None = None
    while page := store.rider_taps(RIDER.credential_id, 2, before):
        rides += [it.wall_ms for it in page]
        before = page[-1].wall_ms, page[-1].row
    assert rides == sorted(times, reverse=True)
    receipts: list[Claim] = []
    while more := store.charged_claims(
        RIDER.credential_id, (receipts[-1].wall_ms, *receipts[-1].tap) if receipts else None, 2
    ):
        receipts += more
    assert [it.wall_ms for it in receipts] == rides
    store.close()


@pytest.mark.databases
@pytest.mark.parametrize(
    ("change", "sound"),
    [
        ("UPDATE claim_day SET newest_ms = newest_ms - 86400000", False),
        ("UPDATE claim_day SET oldest_ms = oldest_ms + 86400000", False),
        ("DELETE FROM claim_day", False),
        ("UPDATE claim_day SET newest_ms = newest_ms + 1, oldest_ms = oldest_ms - 1", True),
    ],
)
def test_a_day_of_which_less_is_noted_than_there_is_is_named(tmp_path: Path, change: str, *, sound: bool) -> None:
    """V13. Noted more is what forgetting leaves."""
    books = Books(tmp_path)
    try:
        numbers = books.rows("SELECT number FROM claim_day ORDER BY 1")
        books.forge(change)
        named = [(Broken.LISTED, f"claims of day number {number}") for (number,) in numbers]
        assert numbers
        assert sorted(books.wrong(), key=str) == ([] if sound else sorted(named, key=str))
    finally:
        books.close()
