"""Cities whose line is paid by the way: where buses are, who taps out, and what that may cost.

One city in `CITIES_EVERY` has bands and tap-out. A bus goes round its line without end; each fifth round its receiver
is jammed, and nothing it says is trusted. Riders leave by either door, some twice, most forget it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from protocol.fares.pricing import band_of
from protocol.fares.tariff import Band, LineFare, Tariff
from protocol.wire.records import Tap, decode_record
from protocol.wire.sister import Along
from simulators.checkers import TapId
from simulators.seeded.truth import Green, Truth

CITIES_EVERY = 5
LINE = "r9"
_BANDS = ((4_000, 30_000), (9_000, 50_000), (20_000, 70_000))
_ROUND_S = 3_000
_SPEED_MPS = 6  # with stops: 18 km a round
_JAMMED_EVERY = 5
_LAST_M = (_ROUND_S - 1) * _SPEED_MPS  # where the round ends
_ENDED_S = 300  # for so long who rode to the last stop may still tap out


def by_the_way(seed: int) -> bool:
    """Whether this city's line is paid by the way."""
    return seed % CITIES_EVERY == CITIES_EVERY - 1


def with_bands(tariff: Tariff, seed: int) -> Tariff:
    """The tariff of this city."""
    if not by_the_way(seed):
        return tariff
    return replace(tariff, lines={LINE: LineFare(0, tuple(Band(*it) for it in _BANDS))}, tap_out=True)


def true_metres(now_ms: int) -> tuple[int, int]:
    """(round, metres along the line) of every bus."""
    turn, second = divmod(now_ms // 1000, _ROUND_S)
    return turn, second * _SPEED_MPS


def along(now_ms: int, seed: int) -> tuple[Along | None, Along | None]:
    """What a door is told of its place at this true time."""
    if not by_the_way(seed):
        return None, None
    turn, metres = true_metres(now_ms)
    here = None if turn % _JAMMED_EVERY == 0 else Along(LINE, 0, f"t{turn}", metres)
    over = metres < _ENDED_S * _SPEED_MPS and (turn - 1) % _JAMMED_EVERY
    return here, Along(LINE, 0, f"t{turn - 1}", _LAST_M) if over else None


def _companions(boarded: Green, left_ms: int, greens: Sequence[Green]) -> list[Green]:
    """Who came later, with the rider of a boarding; of several boardings of one ride nobody says with which.

    With a boarding that was destroyed nobody can say that they came: they pay what they were shown, and it is not paid.
    """
    if boarded.destroyed:
        return []
    aboard = [
        it
        for it in greens
        if it.presentation.credential_id == boarded.presentation.credential_id
        and it.vehicle == boarded.vehicle
        and boarded.at_ms < it.at_ms <= left_ms
    ]
    return aboard if all(it.extends for it in aboard) else []


def true_way_m(boarded_ms: int, left_ms: int) -> int:
    """How far a ride was on its trip: who leaves in a later round has ridden this one to its end."""
    (turn, boarded_m), (left_turn, left_m) = true_metres(boarded_ms), true_metres(left_ms)
    return (left_m if left_turn == turn else _LAST_M) - boarded_m


def check_ways(
    raw: Sequence[tuple[str, int, int, bytes, bytes]], paid: Callable[[TapId], int], known: Callable[[TapId], bool],
    truth: Truth,
) -> None:  # fmt: skip
    """P20: who tapped out pays for that ride no more than was shown then, nor than the true way costs.

    `raw`: the office's records; `paid`: what a tap's rider has paid; `known`: whether the tap's own proof held.
    """
    taps = {it[:3]: tap for it in raw if isinstance(tap := decode_record(it[4]), Tap)}
    greens = {(it.epoch, it.sequence): it for it in truth.greens if (it.device, it.epoch) not in truth.diverged}
    for place, tap in taps.items():
        green = None if tap.closes is None else greens.get(tap.closes)
        if green is None or not known(place):
            continue
        boarded = (green.device, green.epoch, green.sequence)
        rials = paid(boarded)
        behind = _companions(green, truth.tapped_ms.get(place, 0), list(greens.values()))
        whole = rials + sum(paid((it.device, it.epoch, it.sequence)) for it in behind)
        told = f"record {place[2]} of {place[0]} ends a ride for"
        if whole > tap.fare_rials:
            truth.violate("P20", "tapped-out-as-shown", f"{told} {whole} rials, and shows {tap.fare_rials}")
        turn, _ = true_metres(green.at_ms)
        if tap.metres is None or not turn % _JAMMED_EVERY or boarded not in taps or place not in truth.tapped_ms:
            continue
        way_m = true_way_m(green.at_ms, truth.tapped_ms[place])
        most = (1 + taps[boarded].party) * _BANDS[band_of([it for it, _ in _BANDS], way_m)][1]
        if rials > most:
            truth.violate("P20", "no-more-than-the-way", f"{told} {rials} rials, which cost {most} at most")
