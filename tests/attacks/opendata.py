"""Who reads what the city publishes, with a list of his own of who was seen where, to learn something of one of them."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from backend.core.errors import Refused
from backend.core.opendata.cells import Count, Key, totals
from protocol.jalali import day_text
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import gives, off
from tests.backend.bus import Bus
from tests.backend.opendata.city import DAY, LATER_MS, MONTH, REDUCED, LineDay, riders, table

Told: TypeAlias = Callable[[Mapping[Key, Count]], dict[Key, int]]
HOURS = [f"{n:02}" for n in range(24)]


def dashed(day: int) -> str:
    """As a table has it."""
    return day_text(day).replace("/", "-")


TODAY = dashed(DAY)
(ANN,) = riders(
    1, 500, REDUCED
)  # whom a neighbour saw board line r9 at 07:40; of what class she rides he wants to know
OTHERS = riders(40)
EARLY = 10 * 86_400_000  # a release so long before the month is settled that buses are still away


def _totals_of_all(told: Told) -> Told:
    """Each total is of all who boarded, as one would have it."""

    def as_it_was(counts: Mapping[Key, Count]) -> dict[Key, int]:
        shown, whole = told(counts), totals({key: it.boardings for key, it in counts.items()})
        return {key: whole.get(key, boardings) for key, boardings in shown.items()}

    return as_it_was


def _day(ground: Ground, at_seven: int) -> LineDay:
    """A line's day, with Ann at 07:40 among so many others."""
    it = LineDay(ground.folder / "ledger", [*OTHERS, ANN])
    ground.closing.callback(it.desk.close)
    it.board(OTHERS[:at_seven], 7, 30)
    it.board([ANN], 7, 40)
    it.board(OTHERS, 8, 5)
    it.board(OTHERS[:25], 9, 5)
    return it


def _at_seven(rows: Mapping[tuple[str, ...], int], group: str = "*") -> int | None:
    return rows.get((TODAY, "r9", "07", group))


@attack(Surface.PRIVACY, Who.WATCHER, Outcome.REFUSED, off("backend.core.opendata.cells:is_told", gives(True)))
def class_of_who_was_seen(ground: Ground) -> Outcome:
    """Somebody who saw a rider board at 07:40 looks up in the city's open data of what class who boarded then was."""
    it = _day(ground, at_seven=0)
    it.bring()
    rows = it.rows()
    assert (TODAY, "r9", "*", "*") in rows
    return refused_if(_at_seven(rows, "reduced") is None)


@attack(Surface.PRIVACY, Who.WATCHER, Outcome.REFUSED, off("backend.core.opendata.cells:is_told", gives(True)))
def ride_back_of_who_was_seen(ground: Ground) -> Outcome:
    """A list of the days on which a rider was seen at 07:40 is laid beside two months' releases, to find when she rides back."""
    it = LineDay(ground.folder / "ledger", [*OTHERS, ANN])
    ground.closing.callback(it.desk.close)
    seen, days = {DAY, DAY + 2}, range(DAY, DAY + 4)  # two of either month
    for day in days:
        it.board(OTHERS, 7, 30, day=day)
        if day in seen:
            it.board([ANN], 7, 40, day=day)
        for hour in (15, 16, 17, 18):
            it.board(OTHERS[hour - 15 :], hour, 5, day=day)
        if day in seen:
            it.board([ANN], 17, 20, day=day)
    it.bring()
    later_ms = LATER_MS + 31 * 86_400_000
    rows = [table(it.release(later_ms, month)) for month in (MONTH, MONTH + 1)]
    assert all(any(row[1:] == ("r9", "*", "*") for row in month) for month in rows), "both months tell of the line"
    there = {hour: {row[0] for month in rows for row in month if row[2:] == (hour, "reduced")} for hour in HOURS}
    return refused_if({dashed(day) for day in seen} not in [days for hour, days in there.items() if hour != "07"])


@attack(Surface.PRIVACY, Who.WATCHER, Outcome.REFUSED, off("backend.core.opendata.cells:both_told", gives(True)))
def class_of_who_was_seen_in_a_crowd(ground: Ground) -> Outcome:
    """The same among twenty others, all adults: whose class is told alone, or by what is left, is everybody's there."""
    it = _day(ground, at_seven=20)
    it.bring()
    rows = it.rows()
    everybody, adults = _at_seven(rows), _at_seven(rows, "adult")
    assert everybody == 21
    return refused_if(adults is None)


@attack(Surface.PRIVACY, Who.WATCHER, Outcome.REFUSED, off("backend.core.opendata.cells:told", _totals_of_all))
def what_a_total_leaves(ground: Ground) -> Outcome:
    """An hour that is not told is counted from the day's total, less all the hours that are."""
    it = _day(ground, at_seven=2)
    it.bring()
    rows = it.rows()
    hours = [count for (_, line, hour, group), count in rows.items() if line == "r9" and hour != "*" and group == "*"]
    left = rows[TODAY, "r9", "*", "*"] - sum(hours)
    return refused_if(left != 3)


@attack(Surface.PRIVACY, Who.WATCHER, Outcome.REFUSED, off("backend.core.opendata.cells:told", _totals_of_all))
def ride_back_alone_in_its_hour(ground: Ground) -> Outcome:
    """On which day did she ride back at noon, with nobody else? It is looked for in what is missing and what totals leave."""
    it = LineDay(ground.folder / "ledger", [*OTHERS, ANN])
    ground.closing.callback(it.desk.close)
    days = range(DAY, DAY + 2)
    for day in days:
        for hour in (7, 8, 15, 16):
            it.board(OTHERS, hour, 5, day=day)
        if day == DAY + 1:
            it.board([ANN], 12, 20, day=day)
    it.bring()
    rows = it.rows()
    assert all((dashed(day), "r9", "07", "*") in rows for day in days)
    return refused_if(len({_looks(rows, dashed(day)) for day in days}) == 1)


def _looks(rows: Mapping[tuple[str, ...], int], day: str) -> tuple[frozenset[tuple[str, ...]], int]:
    """Which rows of a day are listed, and what its total is above its hours."""
    there = {key[1:]: count for key, count in rows.items() if key[0] == day}
    hours = sum(count for (line, hour, group), count in there.items() if "*" not in (line, hour) and group == "*")
    return frozenset(there), there["*", "*", "*"] - hours


@attack(Surface.PRIVACY, Who.WATCHER, Outcome.REFUSED, off("backend.core.opendata.cells:require_settled", gives(None)))
def two_releases_of_a_month(ground: Ground) -> Outcome:
    """A bus was away, and one rider was seen on it: last month's release is compared with today's of the same month."""
    it = _day(ground, at_seven=20)
    late = Bus("bus-2-d1", epoch=2_002)
    it.desk.enrol(late)
    crowd = riders(12, 600, REDUCED)
    for rider in crowd:
        it.desk.store.add_rider(rider.row)
    it.board(crowd, 7, 10)
    it.board(riders(1, 600, REDUCED), 7, 45, bus=late)
    it.bring()
    try:
        before = table(it.release(LATER_MS - EARLY))
    except Refused:
        before = {}
    it.bring(late)
    after = table(it.release(LATER_MS))
    more = {key for key, count in before.items() if key[2] == "07" and after.get(key) == count + 1}
    return refused_if((TODAY, "r9", "07", "reduced") not in more)


@attack(Surface.PRIVACY, Who.PHONES, Outcome.SUCCEEDED)
def crowd_of_his_own_phones(ground: Ground) -> Outcome:
    """Somebody boards beside a rider with ten phones of each class but one, and takes his own away from what is told."""
    mine, theirs = riders(10, 700), riders(9, 800, REDUCED)
    it = LineDay(ground.folder / "ledger", [*mine, *theirs, ANN])
    ground.closing.callback(it.desk.close)
    it.board([*mine, *theirs, ANN], 7, 40)
    it.bring()
    told = _at_seven(it.rows(), "reduced")
    return refused_if(told is None or told - len(theirs) != 1)
