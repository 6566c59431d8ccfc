"""What lies near claims, asked for all riders of a group in one query.

A group asks of a thousand riders at once: row by row, each would be a round trip to PostgreSQL. What is asked lies in
rows of one shape, `Asked`, by kind; a database's driver makes a relation `asked` of them.
"""

from collections.abc import Collection, Iterable
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from backend.adapters.ledger.local import QUARTER_S, quarter_of, quarters, ride_day_of, ride_days
from backend.core.repeats import Claim
from protocol import limits


class Kind(IntEnum):
    """What a row looks up, and what `one` and `other` are in it."""

    CODE = 1  # rides of that code: time, counter
    THEN = 2  # of that vehicle about then: from, until
    ENDS = 3  # tap-outs that name that tap: epoch, sequence
    OUT_CLOCK = 4  # taps that a tap-out names, so far around it, by the record's time …
    OUT_PHONE = 5  # … and by the phone's
    NAMED = 6  # which those are: epoch, sequence
    WAY_CLOCK = 7  # companions so far around what is paid by the way
    WAY_PHONE = 8
    COMPANION_CLOCK = 9  # what companions may have come with, so far around them
    COMPANION_PHONE = 10
    RIDER = 11  # all of a rider in that span: from, until


class Asked(NamedTuple):
    """One look-up."""

    kind: Kind
    credential: bytes
    vehicle: str
    one: int
    other: int
    lies: int = 0  # the quarter of an hour or the day of it, by which its index begins: `local`


def asked(claims: Collection[Claim], companions: Collection[Claim], window_ms: int) -> list[Asked]:
    """What is looked up for some claims of any riders; `companions`: those among them, and near them, by the way."""
    rides = [it for it in claims if it.closes is None]
    outs = [it for it in claims if it.closes is not None]
    by_way = [it for it in claims if it.closes is not None or it.steps]
    codes = {it.presentation for it in rides}
    found = {Asked(Kind.CODE, it.credential_id, "", it.time_s, it.counter, it.time_s // QUARTER_S) for it in codes}
    found |= {Asked(Kind.ENDS, it.presentation.credential_id, "", it.epoch, it.sequence) for it in rides}
    found |= {Asked(Kind.NAMED, it.presentation.credential_id, "", *it.closes) for it in outs if it.closes is not None}
    return [
        *found,
        *_spans(Kind.THEN, _by_clock(rides), window_ms),
        *_far(Kind.OUT_CLOCK, Kind.OUT_PHONE, outs),
        *_far(Kind.WAY_CLOCK, Kind.WAY_PHONE, by_way),
        *_far(Kind.COMPANION_CLOCK, Kind.COMPANION_PHONE, companions),
    ]


_PARTS: Final = {
    Kind.THEN: ride_days, Kind.OUT_CLOCK: ride_days, Kind.WAY_CLOCK: ride_days, Kind.COMPANION_CLOCK: ride_days,
    Kind.OUT_PHONE: quarters, Kind.WAY_PHONE: quarters, Kind.COMPANION_PHONE: quarters,
}  # fmt: skip
_Place: TypeAlias = tuple[bytes, str, int]  # credential, vehicle, moment


def _by_clock(claims: Iterable[Claim]) -> Iterable[_Place]:
    return ((it.presentation.credential_id, it.vehicle, it.wall_ms) for it in claims)


def _far(clock: Kind, phone: Kind, claims: Collection[Claim]) -> list[Asked]:
    """As far around claims as a boarding and its tap-out may be apart."""
    shown = ((it.presentation.credential_id, it.vehicle, it.presentation.time_s) for it in claims)
    return [
        *_spans(clock, _by_clock(claims), limits.TAP_OUT_WITHIN_S * 1000),
        *_spans(phone, shown, limits.TAP_OUT_WITHIN_S),
    ]


def _spans(kind: Kind, places: Iterable[_Place], within: int) -> list[Asked]:
    """Everything so near to some claims, by the rider, vehicle and time of each: no moment twice."""
    found: list[Asked] = []
    for credential, vehicle, at in sorted(set(places)):
        begin, end = at - within, min(at + within, limits.INT63_MAX)
        if found and found[-1][1:3] == (credential, vehicle) and begin <= found[-1].other:
            begin = found.pop().one
        found.append(Asked(kind, credential, vehicle, begin, end))
    return [Asked(*it[:3], *part) for it in found for part in _PARTS[kind](it.one, it.other)]


def of_riders(spans: Iterable[tuple[bytes, int, int]]) -> list[Asked]:
    """All of some riders, each from so many milliseconds until others."""
    return [Asked(Kind.RIDER, credential, "", *part) for credential, *span in spans for part in ride_days(*span)]


# --- the queries ------------------------------------------------------------------------------------------------------

_OF_RIDER = "claim.credential = asked.credential AND "
# The plus takes the column's affinity away: with it SQLite would not see that an index begins with this expression.
_THAT_DAY = f"{ride_day_of('claim.wall_ms')} = +asked.lies AND "
_THAT_QUARTER = f"{quarter_of('claim.time_s')} = +asked.lies AND "
_ABOARD = "claim.{} BETWEEN asked.one AND asked.other AND claim.vehicle = asked.vehicle"
_CLOCK, _PHONE = _THAT_DAY + _ABOARD.format("wall_ms"), _THAT_QUARTER + _ABOARD.format("time_s")
_IS_NAMED = (
    " AND (claim.credential, claim.epoch, claim.sequence)"  # noqa: S608 - ours
    f" IN (SELECT credential, one, other FROM asked WHERE kind = {Kind.NAMED.value})"
)
# Every boarding of the same codes, of the same vehicle about then, and near tap-outs, which reach far by the record's
# time and by the phone's, those that they name. By the way also the companions that a tap-out may take along: they are
# looked for around whatever comes, and around them all that they may have come with.
_BOARDINGS: Final = {
    Kind.CODE: _THAT_QUARTER + "claim.time_s = asked.one AND claim.counter = asked.other",
    Kind.THEN: _CLOCK,
    Kind.OUT_CLOCK: _CLOCK + _IS_NAMED,
    Kind.OUT_PHONE: _PHONE + _IS_NAMED,
    Kind.WAY_CLOCK: _CLOCK + " AND claim.extends",
    Kind.WAY_PHONE: _PHONE + " AND claim.extends",
    Kind.COMPANION_CLOCK: _CLOCK,
    Kind.COMPANION_PHONE: _PHONE,
}


def _of(kind: Kind) -> str:
    return f"(SELECT * FROM asked WHERE kind = {kind.value}) AS asked"  # noqa: S608 - ours


def near_sql(joined: str) -> str:
    """Every claim of the boardings that `asked` looks up, and every tap-out that names one of their taps.

    `joined`: this database's way to say that claims are looked up for each row of `{of}` on `{on}`, by an index, and
    `{what}` is taken of them.
    """
    boardings = " UNION ".join(
        joined.format(what="claim.boarding", of=_of(kind), on=_OF_RIDER + on) for kind, on in _BOARDINGS.items()
    )
    near = joined.format(
        what="claim.*", of="named", on="claim.boarding = named.boarding AND claim.closes_sequence IS NULL"
    )
    taps = (
        "(SELECT credential, epoch AS one, sequence AS other FROM near UNION"  # noqa: S608 - ours
        f" SELECT credential, one, other FROM asked WHERE kind = {Kind.ENDS.value}) AS asked"
    )
    ends = joined.format(
        what="claim.*", of=taps, on=_OF_RIDER + "claim.closes_epoch = asked.one AND claim.closes_sequence = asked.other"
    )
    return f"named AS ({boardings}), near AS ({near}) SELECT * FROM near UNION ALL {ends}"  # noqa: S608 - ours


def between_sql(joined: str) -> str:
    """Every claim of riders in spans of time."""
    on = _OF_RIDER + _THAT_DAY + "claim.wall_ms BETWEEN asked.one AND asked.other"
    return joined.format(what="claim.*", of=_of(Kind.RIDER), on=on)
