"""Cases, and the facts of a day that they are found in. Reads over a connection of its own: a day takes seconds."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from backend.adapters.sqlite.connection import Guarded
from backend.core.conduct import Case, CaseKind, KeptCase
from backend.core.day_facts import Annulled, Copied, Counted, DayFacts, Keyed, Placed
from backend.core.due_days import DueDay
from backend.core.duties import ShiftId
from backend.core.floats import TakenBack
from backend.core.ledger import Payer
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
_COUNTED = f"""
SELECT device, vehicle, door, shift, line, {_HOUR} AS hour, verdict, reason, count(*), sum(persons), max(wall_ms)
FROM record WHERE kind = 2 AND wall_ms >= ? AND wall_ms < ?
GROUP BY device, vehicle, door, shift, line, hour, verdict, reason
"""  # noqa: S608 - ours, as below
_TOLD = "SELECT bytes FROM record WHERE kind > 2 AND wall_ms >= ? AND wall_ms < ? ORDER BY device, epoch, sequence"
_COPIED = """
SELECT device, epoch, sequence, coalesce((
  SELECT mine.boarding FROM claim AS mine JOIN claim AS first ON first.boarding = mine.boarding
  WHERE mine.device = record.device AND mine.epoch = record.epoch AND mine.sequence = record.sequence
  AND first.device = mine.device AND first.charged AND NOT first.extends LIMIT 1
), x'') FROM record WHERE payer = 'copied' AND wall_ms >= ? AND wall_ms < ? ORDER BY device, epoch, sequence
"""
_PLACED = f"""
SELECT vehicle, wall_ms, lat_e6, lon_e6, verdict IN ({_CHARGED}) AND reason <> {int(Reason.PROXY)},
shift, device, epoch, sequence FROM record WHERE kind = 2 AND wall_ms >= ? AND wall_ms < ? AND lat_e6 IS NOT NULL
ORDER BY vehicle, wall_ms, device, epoch, sequence
"""  # noqa: S608
_KEYED = f"""
SELECT vehicle, shift, device, epoch, sequence FROM record
WHERE kind = 2 AND wall_ms >= ? AND wall_ms < ? AND reason = {int(Reason.PROXY)} ORDER BY device, epoch, sequence
"""  # noqa: S608
_CASE = "SELECT kind, subject, day, detail, figures, records, opened_ms, ended_ms FROM conduct"


@dataclass(frozen=True, slots=True)
class _Rows(Generic[_Row]):
    """Asked for anew each time they are looked through: a day of a city is a million taps."""

    aside: Guarded
    sql: str
    span: tuple[int, int]
    make: Callable[[tuple[Any, ...]], _Row]

    def __iter__(self) -> Iterator[_Row]:
        with self.aside.reading() as connection:
            yield from map(self.make, connection.execute(self.sql, self.span))


def _placed(row: tuple[Any, ...]) -> Placed:
    return Placed._make((*row[:4], bool(row[4]), *row[5:]))


class CaseTables:
    """Implements `CaseStore`: cases over the writing connection, facts beside everybody else."""

    def __init__(self, writer: Guarded, reader: Guarded, aside: Guarded) -> None:
        self._writer = writer
        self._reader = reader
        self._aside = aside  # facts of a day: nobody who asks for a page waits for them

    def days_with_news(self, from_day: int) -> tuple[Collection[int], int]:
        """By the records that came since, and by an index of the copied ones alone."""
        with self._aside.reading() as connection:
            (reach,) = connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()
            before = connection.execute("SELECT record FROM looked").fetchone()
            days = connection.execute(
                f"SELECT DISTINCT {_DAY} FROM record WHERE id > ? AND id <= ?",  # noqa: S608 - ours
                (0 if before is None else before[0], reach),
            ).fetchall()
            copied = dict(connection.execute(
                f"SELECT {_DAY} AS day, count(*) FROM record WHERE payer = 'copied' AND wall_ms >= ? GROUP BY day",  # noqa: S608 - ours
                (day_begins_ms(from_day),),
            ).fetchall())  # fmt: skip
            counted = connection.execute(
                "SELECT day, copied FROM looked_day WHERE day >= ? AND due IS NULL", (from_day,)
            ).fetchall()
        return {day for (day,) in days} | {day for day, then in counted if copied.get(day, 0) != then}, reach

    def fall_due(self, days: Collection[int], reach: int, *, from_day: int) -> None:
        """Remembered across restarts; who waits already keeps his turn."""
        with self._writer.transaction() as connection:
            connection.executemany(
                "INSERT INTO looked_day VALUES (?, ?, ?, 0) ON CONFLICT (day) DO UPDATE SET"
                " due = coalesce(due, excluded.due), newest = max(newest, excluded.newest)",
                [(day, reach, reach) for day in days],
            )
            connection.execute(
                "INSERT INTO looked VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET record = excluded.record", (reach,)
            )
            connection.execute("DELETE FROM looked_day WHERE day < ? AND due IS NULL", (from_day,))
            connection.execute(
                "DELETE FROM camera_hour WHERE hour < ?1 * 24 AND hour / 24 NOT IN (SELECT day FROM looked_day)",
                (from_day,),
            )

    def days_due(self) -> Sequence[DueDay]:
        """By day."""
        with self._reader.reading() as connection:
            rows = connection.execute("SELECT day, due, newest FROM looked_day WHERE due IS NOT NULL ORDER BY day")
            return [DueDay(*row) for row in rows]

    def day_facts(self, day: int, doors: Iterable[tuple[str, int, str]]) -> DayFacts:
        """Taps as counts; drivers' records decoded, which are few; places as they are looked at."""
        span = day_begins_ms(day), day_begins_ms(day + 1)
        with self._aside.reading() as connection:
            counted = [Counted(*row) for row in connection.execute(_COUNTED, span)]
            records = [decode_record(raw) for (raw,) in connection.execute(_TOLD, (day_begins_ms(day - 1), span[1]))]
            told = [it for it in records if isinstance(it, Shift | Event | Annulment)]
            annulled = [
                _annulled(connection, it) for it in told if isinstance(it, Annulment) and it.at.wall_ms >= span[0]
            ]
            return DayFacts(
                day, counted, told, _drivers(connection, {(it.vehicle, it.shift) for it in (*counted, *told)}),
                {(vehicle, door): device for vehicle, door, device in doors}, _cameras(connection, day), annulled,
                [Copied(*row) for row in connection.execute(_COPIED, span)],
                _Rows(self._aside, _PLACED, span, _placed), _Rows(self._aside, _KEYED, span, Keyed._make),
            )  # fmt: skip

    def waiting_annulments(self, before_ms: int) -> Sequence[tuple[str, int]]:
        """Of no shift that is known."""
        with self._aside.reading() as connection:
            return connection.execute(
                "SELECT device, count(*) FROM annulment WHERE NOT stands AND wall_ms < ? AND NOT EXISTS"
                " (SELECT 1 FROM shift WHERE shift.vehicle = annulment.vehicle AND name = annulment.shift)"
                " GROUP BY device",
                (before_ms,),
            ).fetchall()

    def keep_cases(self, due: DueDay, cases: Sequence[Case], copied: int, at_ms: int) -> Sequence[KeptCase]:
        """One transaction: a day's cases are all of one look. Another process may have counted it, or found more."""
        day = due.day
        found = {(case.kind.value, case.subject): case for case in cases}
        with self._writer.transaction() as connection:
            if not connection.execute(
                "UPDATE looked_day SET due = NULL, copied = ? WHERE day = ? AND newest = ?", (copied, day, due.newest)
            ).rowcount:
                return []
            held = [
                _kept(row) for row in connection.execute(f"{_CASE} WHERE day = ? AND ended_ms IS NULL", (day,))
            ]  # fmt: skip
            known = {(it.case.kind.value, it.case.subject) for it in held}
            connection.executemany(
                "UPDATE conduct SET ended_ms = ? WHERE kind = ? AND subject = ? AND day = ?",
                [(at_ms, *name, day) for name in sorted(known - set(found))],
            )
            connection.executemany(
                "INSERT INTO conduct VALUES (?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (kind, subject, day) DO UPDATE SET"
                " detail = excluded.detail, figures = excluded.figures, records = excluded.records, ended_ms = NULL",
                [
                    (*name, day, it.detail, json.dumps(it.figures, ensure_ascii=False), json.dumps(it.records), at_ms)
                    for name, it in found.items()
                ],
            )
        return [KeptCase(it, at_ms, None) for name, it in found.items() if name not in known]

    def cases(self, *, open_only: bool) -> Sequence[KeptCase]:
        """Newest day first."""
        where = "WHERE ended_ms IS NULL" if open_only else ""
        with self._reader.reading() as connection:
            rows = connection.execute(f"{_CASE} {where} ORDER BY day DESC, kind, subject LIMIT 1000").fetchall()
        return [_kept(row) for row in rows]


def _drivers(connection: sqlite3.Connection, shifts: Iterable[tuple[str, str | None]]) -> dict[ShiftId, str]:
    found = {}
    for shift in shifts:
        for (driver,) in connection.execute("SELECT driver FROM shift WHERE vehicle = ? AND name = ?", shift):
            found[shift[0], str(shift[1])] = driver
    return found


def _cameras(connection: sqlite3.Connection, day: int) -> dict[str, dict[int, tuple[int, int]]]:
    found: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for device, hour, words, dark in connection.execute(
        "SELECT device, hour, words, dark FROM camera_hour WHERE hour >= ? AND hour < ?", (day * 24, day * 24 + 24)
    ):
        found[device][hour % 24] = words, dark
    return found


def _annulled(connection: sqlite3.Connection, record: Annulment) -> Annulled:
    tap_id = (record.link.device, record.link.epoch, record.tap)
    tap = connection.execute(
        "SELECT bytes, payer, reason FROM record WHERE device = ? AND epoch = ? AND sequence = ?", tap_id
    ).fetchone()
    kept = connection.execute(
        "SELECT * FROM annulment WHERE device = ? AND epoch = ? AND tap_sequence = ?", tap_id
    ).fetchone()
    values = None if kept is None else [*kept[:-1], bool(kept[-1])]
    back = None if values is None else TakenBack(*values)
    if tap is None:
        return Annulled(record, None, charged=False, kept=back)
    told, (_, payer, reason) = decode_record(tap[0]), tap
    charged = payer is not None and (payer not in _UNPROVEN or reason == Reason.PROXY)
    return Annulled(record, told if isinstance(told, Tap) else None, charged=charged, kept=back)


def _kept(row: tuple[Any, ...]) -> KeptCase:
    kind, subject, day, detail, figures, records, opened_ms, ended_ms = row
    ids = tuple((device, epoch, sequence) for device, epoch, sequence in json.loads(records))
    return KeptCase(Case(CaseKind(kind), subject, day, detail, json.loads(figures), ids), opened_ms, ended_ms)
