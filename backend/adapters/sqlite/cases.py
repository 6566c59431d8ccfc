"""Cases, and the facts of a day that they are found in. Reads over a connection of its own: a day takes seconds."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from backend.adapters.sqlite.connection import Guarded
from backend.core.conduct import Case, CaseKind, KeptCase
from backend.core.driver_cases import Counted, DayFacts
from backend.core.duties import Told
from protocol.limits import DAY_S, LOCAL_OFFSET_S
from protocol.localtime import day_begins_ms
from protocol.wire.driver_records import Annulment, Event, Shift
from protocol.wire.records import decode_record

_OF_DAY = "wall_ms >= ? AND wall_ms < ?"
_HOUR = f"(wall_ms / 1000 + {LOCAL_OFFSET_S}) % {DAY_S} / 3600"
_CASE = "SELECT kind, subject, day, detail, figures, records, opened_ms, ended_ms FROM conduct"


class CaseTables:
    """Implements `CaseStore`: cases over the writing connection, facts beside everybody else."""

    def __init__(self, writer: Guarded, aside: Guarded) -> None:
        self._writer = writer
        self._aside = aside

    def days_to_look_at(self) -> tuple[Collection[int], int]:
        """By the records that came since."""
        with self._aside.reading() as connection:
            (reach,) = connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()
            before = connection.execute("SELECT record FROM looked").fetchone()
            days = connection.execute(
                f"SELECT DISTINCT (wall_ms / 1000 + {LOCAL_OFFSET_S}) / {DAY_S} FROM record WHERE id > ? AND id <= ?",  # noqa: S608 - ours
                (0 if before is None else before[0], reach),
            ).fetchall()
        return {day for (day,) in days}, reach

    def looked_at(self, reach: int) -> None:
        """Remembered across restarts."""
        with self._writer.transaction() as connection:
            connection.execute(
                "INSERT INTO looked VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET record = excluded.record", (reach,)
            )

    def day_facts(self, day: int) -> DayFacts:
        """Taps as counts; drivers' records decoded, which are few."""
        begin, end = day_begins_ms(day), day_begins_ms(day + 1)
        with self._aside.reading() as connection:
            counted = connection.execute(
                f"SELECT device, vehicle, door, shift, line, {_HOUR} AS hour, verdict, reason, count(*), max(wall_ms)"  # noqa: S608 - ours
                f" FROM record WHERE kind = 2 AND {_OF_DAY}"
                " GROUP BY device, vehicle, door, shift, line, hour, verdict, reason",
                (begin, end),
            ).fetchall()
            told = connection.execute(
                f"SELECT bytes FROM record WHERE kind > 2 AND {_OF_DAY} ORDER BY device, epoch, sequence",  # noqa: S608 - ours
                (day_begins_ms(day - 1), end),
            ).fetchall()
            rows, records = [Counted(*row) for row in counted], [_told(raw) for (raw,) in told]
            shifts = {(it.vehicle, it.shift) for it in (*rows, *records) if it.shift is not None}
            drivers = [
                row for shift in shifts for row in connection.execute(
                    "SELECT vehicle, name, driver FROM shift WHERE vehicle = ? AND name = ?", shift
                )
            ]  # fmt: skip
        return DayFacts(day, rows, records, {(vehicle, name): driver for vehicle, name, driver in drivers})

    def keep_cases(self, day: int, cases: Sequence[Case], at_ms: int) -> Sequence[KeptCase]:
        """One transaction: a day's cases are all of one look."""
        found = {(case.kind.value, case.subject): case for case in cases}
        with self._writer.transaction() as connection:
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
        with self._aside.reading() as connection:
            rows = connection.execute(f"{_CASE} {where} ORDER BY day DESC, kind, subject LIMIT 1000").fetchall()
        return [_kept(row) for row in rows]


def _told(raw: bytes) -> Told:
    record = decode_record(raw)
    assert isinstance(record, Shift | Event | Annulment)
    return record


def _kept(row: tuple[Any, ...]) -> KeptCase:
    kind, subject, day, detail, figures, records, opened_ms, ended_ms = row
    ids = tuple((device, epoch, sequence) for device, epoch, sequence in json.loads(records))
    return KeptCase(Case(CaseKind(kind), subject, day, detail, json.loads(figures), ids), opened_ms, ended_ms)
