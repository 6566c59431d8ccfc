"""What drivers' own records say of a day: who drove which line when, and when everybody rode free by whose word. Pure.

Rules:
- a duty lasts from the record that names a line to the next of its shift in that journal, and to the last that is heard
  of it where no end came;
- a free ride lasts until the next word on it, and at most FREE_RIDE_S: then the bus ends it or says it anew;
- the bus says it anew only where its own self-test failed (rule S4 of `edge.core.shift`): a free ride that was said
  again when FREE_RIDE_S were over, without "fares again" between, both times READER_OUT, *went on by itself*. Its time
  is a fault's, nobody's conduct. Who gives it anew before it lapses, or after it ended, gives it by his own hand;
- both doors may tell the same: times are joined and never added.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TypeAlias

from backend.core.ledger import TapId
from backend.core.limits import FREE_RIDE_AGAIN_WITHIN_S, FREE_RIDE_S
from protocol.localtime import day_begins_ms, since_midnight_s
from protocol.wire.driver_records import Annulment, Event, EventKind, FreeCause, Shift, ShiftStep
from protocol.wire.record_parts import Link

ShiftId: TypeAlias = tuple[str, str]  # vehicle, name
Told: TypeAlias = Shift | Event | Annulment
Spans: TypeAlias = list[tuple[int, int]]  # from, until, in Unix milliseconds

_HOUR_MS = 3_600_000
_FREE_MS = FREE_RIDE_S * 1000


@dataclass(slots=True)
class Duties:
    """Of each shift. `lines`: when which line was driven; `free`: when all rode free by its driver's hand.

    `faulty`: when they rode free because the self-test failed;
    `given`: when they were given by hand, and the records that say so.
    """

    lines: dict[ShiftId, dict[str, Spans]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    free: dict[ShiftId, Spans] = field(default_factory=lambda: defaultdict(list))
    faulty: dict[ShiftId, Spans] = field(default_factory=lambda: defaultdict(list))
    given: dict[ShiftId, list[tuple[int, TapId]]] = field(default_factory=lambda: defaultdict(list))

    def times_given(self, shift: ShiftId) -> int:
        """How often its driver gave a free ride, by the door that tells of most."""
        told: dict[str, int] = defaultdict(int)
        for _, (device, _, _) in self.given.get(shift, ()):
            told[device] += 1
        return max(told.values(), default=0)


def duties_of(told: Sequence[Told], last_ms: Mapping[ShiftId, int], day: int) -> Duties:
    """Drivers' records by journal and sequence, and each shift's last tap → the duties of one service day."""
    found = Duties()
    for _, journal in groupby(told, key=lambda it: (it.link.device, it.link.epoch)):
        rows = list(journal)
        _lines([it for it in rows if isinstance(it, Shift)], rows[-1].at.wall_ms, last_ms, found)
        _free_rides([it for it in rows if not isinstance(it, Annulment)], found)
    begin, end = day_begins_ms(day), day_begins_ms(day + 1)
    for lines in found.lines.values():
        for line, spans in lines.items():
            lines[line] = joined(clipped(spans, begin, end))
    for shift, given in found.given.items():
        found.given[shift] = [it for it in given if begin <= it[0] < end]
    for kept in (found.free, found.faulty):
        for shift, spans in kept.items():
            kept[shift] = joined(clipped(spans, begin, end))
    return found


def _lines(rows: list[Shift], journal_ms: int, last_ms: Mapping[ShiftId, int], into: Duties) -> None:
    for it, after in pairwise([*rows, None]):
        assert it is not None
        shift = (it.vehicle, it.shift)
        if it.step is ShiftStep.END or it.route is None:
            continue
        end_ms = after.at.wall_ms if after is not None else max(journal_ms, last_ms.get(shift, 0))
        if end_ms > it.at.wall_ms:
            into.lines[shift][it.route].append((it.at.wall_ms, end_ms))


def _free_rides(rows: list[Shift | Event], into: Duties) -> None:
    """One journal's free rides."""
    said = [it for it in rows if not isinstance(it, Event) or it.what in (EventKind.FREE_RIDE, EventKind.FARES_AGAIN)]
    went_on = False
    for it, after in pairwise([*said, None]):
        if not isinstance(it, Event) or it.what is not EventKind.FREE_RIDE or it.shift is None:
            went_on = False
            continue
        before, went_on = went_on, _goes_on(it, after)
        begin_ms = it.at.wall_ms
        until_ms = begin_ms + _FREE_MS if after is None else min(begin_ms + _FREE_MS, max(after.at.wall_ms, begin_ms))
        shift = (it.vehicle, it.shift)
        if went_on or before:
            into.faulty[shift].append((begin_ms, until_ms))
        else:
            into.free[shift].append((begin_ms, until_ms))
            into.given[shift].append((begin_ms, id_of(it.link)))


def _goes_on(it: Event, after: Shift | Event | None) -> bool:
    """Whether the bus said it anew because its self-test failed."""
    return (
        isinstance(after, Event)
        and after.what is EventKind.FREE_RIDE
        and after.shift == it.shift
        and after.cause is it.cause is FreeCause.READER_OUT
        and 0 <= after.at.mono_ms - it.at.mono_ms - _FREE_MS < FREE_RIDE_AGAIN_WITHIN_S * 1000
    )


def id_of(link: Link) -> TapId:
    """What identifies a record."""
    return link.device, link.epoch, link.sequence


def joined(spans: Iterable[tuple[int, int]]) -> Spans:
    """Times that overlap as one."""
    found: Spans = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def clipped(spans: Iterable[tuple[int, int]], begin_ms: int, end_ms: int) -> Spans:
    """The parts of them in a time."""
    return [(max(a, begin_ms), min(b, end_ms)) for a, b in spans if a < end_ms and b > begin_ms]


def length_ms(spans: Iterable[tuple[int, int]]) -> int:
    """How long they are together."""
    return sum(end - begin for begin, end in spans)


def by_hour(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Times cut at full hours of the local day: (hour, part)."""
    for begin, end in spans:
        at = begin
        while at < end:
            midnight_ms = since_midnight_s(at) * 1000 + at % 1000
            hour = midnight_ms // _HOUR_MS
            until = min(end, at - midnight_ms + (hour + 1) * _HOUR_MS)
            yield hour, (at, until)
            at = until
