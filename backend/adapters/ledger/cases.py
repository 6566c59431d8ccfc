"""Cases, and the facts of a day that they are found in. Reads over a connection of its own: a day takes seconds."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.tables import ANNULMENT, CAMERA_HOUR, CONDUCT, LOOKED, LOOKED_DAY, RECORD, SHIFT
from backend.adapters.ledger.upsert import upsert
from backend.core.case_ports import CaseKey
from backend.core.conduct import Case, CaseKind, KeptCase
from backend.core.day_facts import Annulled, Copied, Counted, DayFacts, Keyed, Placed
from backend.core.due_days import DueDay
from backend.core.duties import ShiftId
from backend.core.floats import TakenBack
from backend.core.ledger import Payer
from backend.core.limits import LISTED_MAX
from protocol.fares.verdicts import TABLE, Reason
from protocol.limits import DAY_S, LOCAL_OFFSET_S
from protocol.localtime import day_begins_ms
from protocol.wire.driver_records import Annulment, Event, Shift
from protocol.wire.records import Tap, decode_record

_Row = TypeVar("_Row")
_DAY = f"(wall_ms / 1000 + {LOCAL_OFFSET_S}) / {DAY_S}"
_HOUR = f"(wall_ms / 1000 + {LOCAL_OFFSET_S}) % {DAY_S} / 3600"
_CHARGED = ", ".join(str(int(verdict)) for verdict, row in TABLE.items() if row.charged)
_UNPROVEN = {Payer.NO_PROOF.value, Payer.STALE_PROOF.value, Payer.UNKNOWN_CREDENTIAL.value}  # nobody's claim
_SPAN = "wall_ms >= :begin AND wall_ms < :end"
_COUNTED = sa.text(f"""
SELECT device, vehicle, door, shift, line, {_HOUR} AS hour, verdict, reason, count(*), CAST(sum(persons) AS BIGINT),
  max(wall_ms)
FROM record WHERE kind = 2 AND {_SPAN} GROUP BY device, vehicle, door, shift, line, hour, verdict, reason
""")  # noqa: S608 - ours, as below
_TOLD = sa.text(f"SELECT bytes FROM record WHERE kind > 2 AND {_SPAN} ORDER BY device, epoch, sequence")  # noqa: S608
_COPIED = sa.text(f"""
SELECT device, epoch, sequence, (
  SELECT mine.boarding FROM claim AS mine JOIN claim AS charged ON charged.boarding = mine.boarding
  WHERE mine.device = record.device AND mine.epoch = record.epoch AND mine.sequence = record.sequence
  AND charged.device = mine.device AND charged.charged AND NOT charged.extends LIMIT 1
) FROM record WHERE payer = 'copied' AND {_SPAN} ORDER BY device, epoch, sequence
""")  # noqa: S608
_PLACED = sa.text(f"""
SELECT vehicle, wall_ms, lat_e6, lon_e6, verdict IN ({_CHARGED}) AND reason <> {int(Reason.PROXY)},
shift, device, epoch, sequence FROM record WHERE kind = 2 AND {_SPAN} AND lat_e6 IS NOT NULL
ORDER BY vehicle, wall_ms, device, epoch, sequence
""")  # noqa: S608
_KEYED = sa.text(f"""
SELECT vehicle, shift, device, epoch, sequence FROM record
WHERE kind = 2 AND {_SPAN} AND reason = {int(Reason.PROXY)} ORDER BY device, epoch, sequence
""")  # noqa: S608
_NEWS = sa.text(f"SELECT DISTINCT {_DAY} FROM record WHERE id > :after AND id <= :reach")  # noqa: S608
_COPIES = sa.text(
    f"SELECT {_DAY} AS day, count(*) FROM record WHERE payer = 'copied' AND wall_ms >= :begin GROUP BY day"  # noqa: S608
)
_WAITING = sa.text(
    "SELECT device, count(*) FROM annulment WHERE NOT stands AND wall_ms < :before AND NOT EXISTS"
    " (SELECT 1 FROM shift WHERE shift.vehicle = annulment.vehicle AND name = annulment.shift) GROUP BY device"
)
_STREAMED = {"stream_results": True, "yield_per": 10_000}  # a day of a city is a million taps


@dataclass(frozen=True, slots=True)
class _Rows(Generic[_Row]):
    """Asked for anew each time they are looked through."""

    aside: Guarded
    asked: sa.TextClause
    span: dict[str, int]
    make: Callable[[Any], _Row]

    def __iter__(self) -> Iterator[_Row]:
        with self.aside.snapshot() as core:
            yield from map(self.make, core.execute(self.asked, self.span, execution_options=_STREAMED))


def _placed(row: Any) -> Placed:
    return Placed._make((*row[:4], bool(row[4]), *row[5:]))


class CaseTables:
    """Implements `CaseStore`: cases over the writing connection, facts beside everybody else."""

    def __init__(self, writer: Guarded, reader: Guarded, aside: Guarded) -> None:
        self._writer = writer
        self._reader = reader
        self._aside = aside  # facts of a day: nobody who asks for a page waits for them

    def days_with_news(self, from_day: int) -> tuple[Collection[int], int]:
        """By the records that came since, and by an index of the copied ones alone."""
        with self._aside.snapshot() as core:
            reach = core.execute(sa.select(sa.func.coalesce(sa.func.max(RECORD.c.id), 0))).scalar_one()
            after = core.execute(sa.select(LOOKED.c.record)).scalar() or 0
            days = core.execute(_NEWS, {"after": after, "reach": reach}).scalars().all()
            copied = {day: taps for day, taps in core.execute(_COPIES, {"begin": day_begins_ms(from_day)})}  # noqa: C416
            counted = core.execute(
                sa.select(LOOKED_DAY.c.day, LOOKED_DAY.c.copied)
                .where(LOOKED_DAY.c.day >= from_day, LOOKED_DAY.c.due.is_(None))
            ).all()  # fmt: skip
        return {*days} | {day for day, then in counted if copied.get(day, 0) != then}, reach

    def fall_due(self, days: Collection[int], reach: int, *, from_day: int) -> None:
        """Remembered across restarts; who waits already keeps his turn."""
        with self._writer.transaction() as core:
            if days:
                core.execute(
                    upsert(
                        core.dialect.name, LOOKED_DAY, keys=["day"],
                        sets=lambda new: {
                            "due": sa.func.coalesce(LOOKED_DAY.c.due, new.due),
                            "newest": sa.case(
                                (new.newest > LOOKED_DAY.c.newest, new.newest), else_=LOOKED_DAY.c.newest
                            ),
                        },
                    ),
                    [{"day": day, "due": reach, "newest": reach, "copied": 0} for day in days],
                )  # fmt: skip
            core.execute(upsert(core.dialect.name, LOOKED, keys=["one"], anew=["record"]), {"one": 1, "record": reach})
            core.execute(LOOKED_DAY.delete().where(LOOKED_DAY.c.day < from_day, LOOKED_DAY.c.due.is_(None)))
            day_of_hour = CAMERA_HOUR.c.hour.op("/")(24)
            core.execute(CAMERA_HOUR.delete().where(
                CAMERA_HOUR.c.hour < from_day * 24, day_of_hour.not_in(sa.select(LOOKED_DAY.c.day)),
            ))  # fmt: skip

    def days_due(self) -> Sequence[DueDay]:
        """By day."""
        asked = sa.select(LOOKED_DAY.c.day, LOOKED_DAY.c.due, LOOKED_DAY.c.newest).where(LOOKED_DAY.c.due.is_not(None))
        with self._reader.reading() as core:
            return [DueDay(*row) for row in core.execute(asked.order_by(LOOKED_DAY.c.day))]

    def day_facts(self, day: int, doors: Iterable[tuple[str, int, str]]) -> DayFacts:
        """Taps as counts; drivers' records decoded, which are few; places as they are looked at."""
        span = {"begin": day_begins_ms(day), "end": day_begins_ms(day + 1)}
        with self._aside.snapshot() as core:
            counted = [Counted(*row) for row in core.execute(_COUNTED, span)]
            two_days = span | {"begin": day_begins_ms(day - 1)}
            records = [decode_record(raw) for raw in core.execute(_TOLD, two_days).scalars()]
            told = [it for it in records if isinstance(it, Shift | Event | Annulment)]
            annulled = [
                _annulled(core, it) for it in told if isinstance(it, Annulment) and it.at.wall_ms >= span["begin"]
            ]
            return DayFacts(
                day, counted, told, _drivers(core, {(it.vehicle, it.shift) for it in (*counted, *told)}),
                {(vehicle, door): device for vehicle, door, device in doors}, _cameras(core, day), annulled,
                [Copied(row[0], row[1], row[2], row[3] or b"") for row in core.execute(_COPIED, span)],
                _Rows(self._aside, _PLACED, span, _placed), _Rows(self._aside, _KEYED, span, Keyed._make),
            )  # fmt: skip

    def waiting_annulments(self, before_ms: int) -> Sequence[tuple[str, int]]:
        """Of no shift that is known."""
        with self._aside.reading() as core:
            return [(device, waiting) for device, waiting in core.execute(_WAITING, {"before": before_ms})]

    def keep_cases(self, due: DueDay, cases: Sequence[Case], copied: int, at_ms: int) -> Sequence[KeptCase]:
        """One transaction: a day's cases are all of one look. Another process may have counted it, or found more."""
        day = due.day
        found = {(case.kind.value, case.subject): case for case in cases}
        counted = LOOKED_DAY.update().where(LOOKED_DAY.c.day == day, LOOKED_DAY.c.newest == due.newest)
        with self._writer.transaction() as core:
            if not core.execute(counted.values(due=None, copied=copied)).rowcount:
                return []
            held = core.execute(sa.select(CONDUCT).where(CONDUCT.c.day == day, CONDUCT.c.ended_ms.is_(None))).all()
            known = {(row.kind, row.subject) for row in held}
            for kind, subject in sorted(known - set(found)):
                core.execute(
                    CONDUCT.update()
                    .where(CONDUCT.c.kind == kind, CONDUCT.c.subject == subject, CONDUCT.c.day == day)
                    .values(ended_ms=at_ms)
                )
            if found:
                core.execute(
                    upsert(core.dialect.name, CONDUCT, keys=["kind", "subject", "day"],
                           anew=["detail", "figures", "records", "ended_ms"]),
                    [_of_case(it, at_ms) for it in found.values()],
                )  # fmt: skip
        return [KeptCase(it, at_ms, None) for name, it in found.items() if name not in known]

    def cases(self, *, open_only: bool, after: CaseKey | None = None, limit: int = LISTED_MAX) -> Sequence[KeptCase]:
        """Newest day first, then by kind and subject; `after`: those behind the one with this key."""
        asked = sa.select(CONDUCT).order_by(CONDUCT.c.day.desc(), CONDUCT.c.kind, CONDUCT.c.subject).limit(limit)
        if after is not None:
            day, *named = after
            behind = sa.tuple_(CONDUCT.c.kind, CONDUCT.c.subject) > sa.tuple_(*map(sa.literal, named))
            asked = asked.where((CONDUCT.c.day < day) | ((CONDUCT.c.day == day) & behind))
        with self._reader.reading() as core:
            return [
                _kept(row) for row in core.execute(asked.where(CONDUCT.c.ended_ms.is_(None)) if open_only else asked)
            ]


def _drivers(core: sa.Connection, shifts: Iterable[tuple[str, str | None]]) -> dict[ShiftId, str]:
    asked = sa.select(SHIFT.c.driver).where(
        SHIFT.c.vehicle == sa.bindparam("vehicle"), SHIFT.c.name == sa.bindparam("shift")
    )  # fmt: skip
    found = {}
    for vehicle, shift in shifts:
        if shift is not None and (driver := core.execute(asked, {"vehicle": vehicle, "shift": shift}).scalar()):
            found[vehicle, shift] = driver
    return found


def _cameras(core: sa.Connection, day: int) -> dict[str, dict[int, tuple[int, int]]]:
    found: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    asked = sa.select(CAMERA_HOUR).where(CAMERA_HOUR.c.hour >= day * 24, CAMERA_HOUR.c.hour < day * 24 + 24)
    for device, hour, words, dark in core.execute(asked):
        found[device][hour % 24] = words, dark
    return found


def _annulled(core: sa.Connection, record: Annulment) -> Annulled:
    device, epoch, sequence = record.link.device, record.link.epoch, record.tap
    tap = core.execute(
        sa.select(RECORD.c.bytes, RECORD.c.payer, RECORD.c.reason)
        .where(RECORD.c.device == device, RECORD.c.epoch == epoch, RECORD.c.sequence == sequence)
    ).first()  # fmt: skip
    kept = core.execute(
        sa.select(ANNULMENT)
        .where(ANNULMENT.c.device == device, ANNULMENT.c.epoch == epoch, ANNULMENT.c.tap_sequence == sequence)
    ).first()  # fmt: skip
    values = None if kept is None else [*kept[:-1], bool(kept[-1])]
    back = None if values is None else TakenBack(*values)
    if tap is None:
        return Annulled(record, None, charged=False, kept=back)
    told, (_, payer, reason) = decode_record(tap[0]), tap
    charged = payer is not None and (payer not in _UNPROVEN or reason == Reason.PROXY)
    return Annulled(record, told if isinstance(told, Tap) else None, charged=charged, kept=back)


def _of_case(it: Case, at_ms: int) -> dict[str, Any]:
    return {
        "kind": it.kind.value, "subject": it.subject, "day": it.day, "detail": it.detail,
        "figures": json.dumps(it.figures, ensure_ascii=False), "records": json.dumps(it.records), "opened_ms": at_ms,
        "ended_ms": None,
    }  # fmt: skip


def _kept(row: Any) -> KeptCase:
    kind, subject, day, detail, figures, records, opened_ms, ended_ms = row
    ids = tuple((device, epoch, sequence) for device, epoch, sequence in json.loads(records))
    return KeptCase(Case(CaseKind(kind), subject, day, detail, json.loads(figures), ids), opened_ms, ended_ms)
