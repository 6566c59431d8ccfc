"""Tariffs, policies and riders' days for property tests."""

from collections import defaultdict
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from protocol import limits
from protocol.fares.policies import BoardFree, Cause, Grace, GraceKind, Policies
from protocol.fares.pricing import Ridden
from protocol.fares.tariff import Band, LineFare, Peak, ProductRule, Tariff
from protocol.localtime import day_begins_ms, service_day, service_week

names = st.text("abcxyz019-", min_size=1, max_size=8)
rials = st.integers(0, limits.FLAT_FARE_MAX_RIALS)
shares = st.integers(0, 1000)


@st.composite
def line_fares(draw: st.DrawFn) -> LineFare:
    metres = sorted(draw(st.sets(st.integers(0, limits.TARIFF_METRES_MAX), max_size=4)))
    if not metres:
        return LineFare(draw(rials))
    fares = sorted(draw(st.lists(rials, min_size=len(metres), max_size=len(metres))))
    return LineFare(0, tuple(Band(*band) for band in zip(metres, fares, strict=True)))


@st.composite
def _peaks(draw: st.DrawFn) -> Peak:
    begin, end = sorted(draw(st.sets(st.integers(0, 1439), min_size=2, max_size=2)))
    return Peak(draw(st.integers(1, 127)), begin, end, draw(st.integers(0, limits.PEAK_MAX_PERMILLE)))


tariffs = st.builds(
    Tariff, st.integers(0, limits.UINT32_MAX), rials, st.dictionaries(st.integers(0, 15), shares),
    st.integers(0, limits.REPEAT_WINDOW_MAX_S), st.integers(0, limits.INT63_MAX),
    st.just(0) | st.integers(0, limits.TRANSFER_WINDOW_MAX_S),
    st.just(0) | st.integers(0, limits.RIALS_MAX), st.just(0) | st.integers(0, limits.RIALS_MAX),
    lines=st.dictionaries(names, line_fares(), max_size=4), peaks=st.sets(_peaks(), max_size=4).map(
        lambda found: tuple(sorted(found, key=lambda it: (it.weekdays, it.from_minute, it.to_minute, it.permille)))
    ),
    free_days=st.frozensets(st.integers(0, 30_000), max_size=4),
    products=st.dictionaries(
        st.integers(1, 15), st.builds(ProductRule, shares, st.frozensets(names, max_size=3), st.booleans()), max_size=3
    ),
    tap_out=st.booleans(),
)  # fmt: skip


@st.composite
def orders(draw: st.DrawFn) -> BoardFree:
    begin, end = draw(_terms)
    bound = draw(st.integers(0, limits.RIALS_MAX))
    return BoardFree(draw(names), draw(st.sampled_from(Cause)), begin, end, draw(_some), draw(_some), bound)


@st.composite
def graces(draw: st.DrawFn) -> Grace:
    kind, (begin, end) = draw(st.sampled_from(GraceKind)), draw(_terms)
    raised = draw(st.integers(1, limits.ALLOWANCE_RAISE_MAX_RIALS)) if kind is GraceKind.ALLOWANCE_RAISED else 0
    bound = draw(st.integers(1, limits.RIALS_MAX))
    return Grace("g" + draw(names), kind, begin, end, bound, raised, draw(_some), draw(_some))


_some = st.frozensets(names, max_size=3)
_terms = st.tuples(
    st.integers(0, limits.INT63_MAX - limits.POLICY_MAX_S * 1000), st.integers(1, limits.POLICY_MAX_S * 1000)
).map(lambda term: (term[0], sum(term)))


def _by_name(found: list[Any]) -> tuple[Any, ...]:
    return tuple(sorted(found, key=lambda it: it.order))


policies = st.builds(
    Policies, st.integers(1, limits.INT63_MAX),
    st.lists(orders(), max_size=4, unique_by=lambda it: it.order).map(_by_name), st.frozensets(names, max_size=3),
    st.lists(graces(), max_size=4, unique_by=lambda it: it.order).map(_by_name),
)  # fmt: skip

# Rides of two weeks around a Saturday, close enough that windows, days and weeks meet.
WEEK_BEGINS_MS = day_begins_ms(20_715)  # Saturday 28 Shahrivar 1405
rides = st.lists(
    st.builds(Ridden, st.integers(-3 * 86_400_000, 3 * 86_400_000).map(lambda ms: WEEK_BEGINS_MS + ms // 600_000 * 600_000),
              st.integers(0, 200_000), st.sampled_from((0, 333, 500, 1000)), st.sampled_from((0, 333, 500, 1000))),
    max_size=12,
)  # fmt: skip
rules = st.builds(
    Tariff, st.just(1), st.just(60_000), transfer_window_s=st.sampled_from((0, 600, 3_600, 7_200)),
    day_cap_rials=st.sampled_from((0, 1, 100_000, 250_000)), week_cap_rials=st.sampled_from((0, 99_999, 600_000)),
)  # fmt: skip


def naive(tariff: Tariff, ridden: list[Ridden]) -> int:
    """What is owed, as the rule's words say it: every choice of rides that are apart is tried."""
    weeks: dict[int, list[Ridden]] = defaultdict(list)
    for it in ridden:
        weeks[service_week(it.wall_ms)].append(it)
    whole = 0
    for week in weeks.values():
        days: dict[int, list[Ridden]] = defaultdict(list)
        for it in week:
            days[service_day(it.wall_ms)].append(it)
        of_week = 0
        for day in days.values():
            apart = [
                some
                for size in range(len(day) + 1)
                for some in combinations(day, size)
                if all(abs(a.wall_ms - b.wall_ms) >= tariff.transfer_window_s * 1000 for a, b in combinations(some, 2))
            ]
            dearest = max(sum(it.adult_rials * it.permille // 1000 for it in some) for some in apart)
            of_week += under(dearest, tariff.day_cap_rials, day)
        whole += under(of_week, tariff.week_cap_rials, week)
    return whole


def under(rials: int, cap: int, ridden: list[Ridden]) -> int:
    return min(rials, cap * max(it.cap_permille for it in ridden) // 1000) if cap else rials
