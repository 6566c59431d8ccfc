"""Codes that were accepted while the bus stood still for long: a case about a vehicle. Pure.

Rules:
- where a bus was is what its taps say, and only trusted places count (P14): one with a doubt says nothing;
- a stand is a run of taps within PARKED_RADIUS_M of its first one, none further than PARKED_GAP_MS from the next:
  nobody knows what a bus did that was not seen for longer, so a jammed hour makes no stand;
- riders board at a terminal, too, and for as long as a layover: told is a stand of PARKED_MIN_MS and more in which
  PARKED_TAPS_MIN codes were charged. At a depot there are no riders.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from backend.core.conduct import Case, CaseKind, of_vehicle, some
from backend.core.day_facts import DayFacts, Placed
from backend.core.limits import PARKED_GAP_MS, PARKED_MIN_MS, PARKED_RADIUS_M, PARKED_TAPS_MIN
from protocol.geometry import metres_between


def parked(facts: DayFacts) -> Iterator[Case]:
    """Taps by vehicle and time → a case for each vehicle's longest stand, if that is one."""
    for vehicle, taps in groupby(facts.placed, key=lambda it: it.vehicle):
        stands = [it for it in _stands(taps) if _is_told(it)]
        if stands:
            yield _case(facts, vehicle, max(stands, key=lambda it: it[-1].wall_ms - it[0].wall_ms))


def _stands(taps: Iterable[Placed]) -> Iterator[list[Placed]]:
    stand: list[Placed] = []
    for tap in taps:
        if stand and not _goes_on(stand, tap):
            yield stand
            stand = []
        stand.append(tap)
    if stand:
        yield stand


def _goes_on(stand: list[Placed], tap: Placed) -> bool:
    first, last = stand[0], stand[-1]
    if tap.wall_ms - last.wall_ms > PARKED_GAP_MS:
        return False
    return metres_between(first.lat_e6, first.lon_e6, tap.lat_e6, tap.lon_e6) <= PARKED_RADIUS_M


def _is_told(stand: list[Placed]) -> bool:
    charged = sum(it.charged for it in stand)
    return stand[-1].wall_ms - stand[0].wall_ms >= PARKED_MIN_MS and charged >= PARKED_TAPS_MIN


def _case(facts: DayFacts, vehicle: str, stand: list[Placed]) -> Case:
    minutes = (stand[-1].wall_ms - stand[0].wall_ms) // 60_000
    charged = [(it.device, it.epoch, it.sequence) for it in stand if it.charged]
    shifts = {(vehicle, it.shift) for it in stand if it.shift is not None}
    return Case(
        CaseKind.PARKED, of_vehicle(vehicle), facts.day,
        f"{len(charged)} codes accepted in {minutes} minutes on one spot",
        {
            "charged": len(charged), "minutes": minutes, "lat_e6": stand[0].lat_e6, "lon_e6": stand[0].lon_e6,
            "from_ms": stand[0].wall_ms, "without_shift": sum(it.charged and it.shift is None for it in stand),
            "drivers": sorted({facts.drivers[it] for it in shifts if it in facts.drivers}),
        },
        some(charged),
    )  # fmt: skip
