"""Health, state, alarms and lists."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.hot import Driver
from backend.adapters.ledger.tables import ALARM, DEVICE, EPOCH, QUARANTINE, RECORD, TALLY
from backend.adapters.ledger.upsert import insert
from backend.core.ailments import GONE
from backend.core.limits import JOURNAL_RECORDS_MAX, JOURNALS_TOLD_MAX, LISTED_MAX
from backend.core.ports import Alarm, Device, DeviceRow, TapRow
from backend.core.said import Said, said_in
from protocol.limits import INT63_MAX, LOCAL_OFFSET_S
from protocol.wire.health import (
    BoardCause,
    BoardHealth,
    BoardState,
    CameraHealth,
    CameraState,
    Health,
    Machine,
    RunCause,
    SisterLink,
    State,
)
from protocol.wire.records import RecordKind


def _named(it: Any) -> dict[str, Any]:
    """The fields of a message's part by their names; the parts within it are asked for in their turn."""
    return {name: getattr(it, name) for name in it.__slots__}


_TEXT = json.JSONEncoder(default=_named)
_LATEST = (  # of each device the epoch that began last
    sa.select(EPOCH.c.device, EPOCH.c.sequence).order_by(EPOCH.c.device, EPOCH.c.began_ms)
)
_TAPS = (
    sa.select(
        RECORD.c.id, RECORD.c.device, RECORD.c.epoch, RECORD.c.sequence, RECORD.c.wall_ms, RECORD.c.vehicle,
        RECORD.c.door, RECORD.c.verdict, RECORD.c.reason, RECORD.c.fare_rials, RECORD.c.payer,
    )
    .where(RECORD.c.kind == int(RecordKind.TAP))
    .order_by(RECORD.c.id.desc())
)  # fmt: skip


def _health_from(text: str) -> Health:
    """What was kept; a row of an older software lacks what is newer."""
    values: dict[str, Any] = json.loads(text)
    cameras = tuple(CameraHealth(**(row | {"state": CameraState(row["state"])})) for row in values.pop("cameras"))
    machine, sister, board = values.pop("machine", {}), values.pop("sister", None), values.pop("board", None)
    return Health(
        **(values | {"started": RunCause(values.get("started", 0)), "unread": tuple(values.get("unread", ()))}),
        cameras=cameras, machine=Machine(**machine), sister=None if sister is None else SisterLink(**sister),
        board=None if board is None else _board_from(board),
    )  # fmt: skip


def _board_from(row: dict[str, Any]) -> BoardHealth:
    cause = None if row["cause"] is None else BoardCause(row["cause"])
    return BoardHealth(**(row | {"state": BoardState(row["state"]), "cause": cause}))


# Every device speaks once a minute, on the thread that ingests: as plain as the hot path's.
_OF_HOUR = (
    "INSERT INTO camera_hour (device, hour, words, dark) VALUES (?, ?, 1, ?) ON CONFLICT (hour, device)"
    " DO UPDATE SET words = camera_hour.words + excluded.words, dark = camera_hour.dark + excluded.dark"
)
_OF_DEVICE = (
    "INSERT INTO device (name, seen_ms, online, health) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
    " seen_ms = CASE WHEN excluded.seen_ms > coalesce(device.seen_ms, -1)"
    " THEN excluded.seen_ms ELSE device.seen_ms END, health = coalesce(excluded.health, device.health)"
)
_TOLD = f"SELECT told FROM journal_told WHERE device = ? AND epoch = ? AND told <= {JOURNAL_RECORDS_MAX}"  # noqa: S608 - ours
_HEALTH = "SELECT health FROM device WHERE name = ?"
# The most that it said of a journal stays, until records come; but for a count that is none.
_NO_COUNT = f"journal_told.told > {JOURNAL_RECORDS_MAX}"
_MORE = f"{_NO_COUNT} OR excluded.told > journal_told.told"
_OF_JOURNAL = (
    "INSERT INTO journal_told (device, epoch, told, receipted, since_ms) SELECT ?, ?, ?, ?, ?"  # noqa: S608 - ours
    " WHERE EXISTS (SELECT 1 FROM journal_told WHERE device = ? AND epoch = ?)"
    f" OR (SELECT count(*) FROM journal_told WHERE device = ?) < {JOURNALS_TOLD_MAX}"
    " ON CONFLICT (device, epoch) DO UPDATE SET"
    f" told = CASE WHEN {_MORE} THEN excluded.told ELSE journal_told.told END,"
    f" receipted = CASE WHEN {_NO_COUNT} OR excluded.receipted > journal_told.receipted"
    " THEN excluded.receipted ELSE journal_told.receipted END,"
    f" since_ms = CASE WHEN {_MORE} THEN excluded.since_ms ELSE journal_told.since_ms END"
)
_OF_DEVICE_TOLD = f"{_OF_DEVICE}, online = excluded.online"  # whether it is online is said, too


@cache
def _opened(dialect: str) -> Any:
    return insert(dialect, ALARM).on_conflict_do_nothing().returning(ALARM)


class FleetTables:
    """Implements `FleetStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded
    _driver: Driver

    def keep_health(self, health: Health, at_ms: int) -> None:
        """Keep a verified health message, how long its journal is, when the device was seen, and if with a camera."""
        states = {camera.state for camera in health.cameras}
        self._keep(health.device, at_ms, health=health, dark=bool(states) and states <= GONE)

    def said(self, device: str, epoch: int) -> Said | None:
        """See `FleetStore`: how far by what it told of the journal, and the rest by its newest word."""
        told = next(iter(self._reader.rows(self._driver, _TOLD, (device, epoch))), None)
        if told is None:
            return None
        (text,) = next(iter(self._reader.rows(self._driver, _HEALTH, (device,))), (None,))
        newest = None if text is None else _health_from(text)
        if newest is None or (newest.epoch, newest.last_sequence) != (epoch, told[0]):
            return Said(told[0], INT63_MAX, INT63_MAX)  # in that journal only a further one is newer
        return said_in(newest)

    def keep_state(self, state: State) -> None:
        """See `FleetStore`."""
        self._keep(state.device, None, online=state.online)

    def _keep(
        self, device: str, at_ms: int | None, *, online: bool | None = None, health: Health | None = None,
        dark: bool | None = None,
    ) -> None:  # fmt: skip
        run, of_device = self._driver.run, _OF_DEVICE if online is None else _OF_DEVICE_TOLD
        with self._writer.transaction():
            to = self._writer.raw
            if dark is not None and at_ms is not None:
                hour = (at_ms // 1000 + LOCAL_OFFSET_S) // 3_600
                run(to, _OF_HOUR, (device, hour, int(dark)))
            if health is not None and at_ms is not None:
                journal = (device, health.epoch)
                since_ms = max(0, at_ms - 1000 * (health.oldest_waiting_s or 0))  # a device may count as it likes
                told = (health.last_sequence, health.receipted_sequence, since_ms)
                run(to, _OF_JOURNAL, (*journal, *told, *journal, device))
            text = None if health is None else _TEXT.encode(_named(health))
            run(to, of_device, (device, at_ms, bool(online), text))

    def last_seen(self) -> Mapping[str, int]:
        """Unix milliseconds of the last word of each device that ever spoke, enrolled or not."""
        asked = "SELECT name, seen_ms FROM device WHERE seen_ms IS NOT NULL"
        return {name: seen_ms for name, seen_ms in self._reader.rows(self._driver, asked)}  # noqa: C416 - typed rows

    def devices(self, known: Sequence[Device]) -> Sequence[DeviceRow]:
        """The standing of every enrolled device."""
        with self._reader.reading() as core:
            told = {row[0]: row[1:] for row in core.execute(sa.select(DEVICE))}
            held = {device: sequence for device, sequence in core.execute(_LATEST)}  # noqa: C416 - the last one stays
        rows = []
        for device in known:
            seen_ms, online, health = told.get(device.name, (None, 0, None))
            rows.append(DeviceRow(
                device.name, device.vehicle, device.door, seen_ms, bool(online), held.get(device.name, 0),
                None if health is None else _health_from(health),
            ))  # fmt: skip
        return rows

    def open_alarm(self, kind: str, device: str, detail: str, fix: str, at_ms: int) -> Alarm | None:
        """Open an alarm; None if the same is open already."""
        with self._writer.transaction() as core:
            row = core.execute(
                _opened(core.dialect.name),
                {"kind": kind, "device": device, "since_ms": at_ms, "detail": detail, "fix": fix},
            ).first()
        return None if row is None else Alarm(*row)

    def end_alarm(self, kind: str, device: str, at_ms: int) -> Alarm | None:
        """End it; None if none is open."""
        ended = ALARM.update().where(ALARM.c.kind == kind, ALARM.c.device == device, ALARM.c.ended_ms.is_(None))
        with self._writer.transaction() as core:
            row = core.execute(ended.values(ended_ms=at_ms).returning(ALARM)).first()
        return None if row is None else Alarm(*row)

    def alarms(self, *, open_only: bool, before: int | None = None, limit: int = LISTED_MAX) -> Sequence[Alarm]:
        """Newest first; `before`: those older than the one with this id."""
        asked = sa.select(ALARM).order_by(ALARM.c.id.desc()).limit(limit)
        if before is not None:
            asked = asked.where(ALARM.c.id < before)
        with self._reader.reading() as core:
            return [
                Alarm(*row) for row in core.execute(asked.where(ALARM.c.ended_ms.is_(None)) if open_only else asked)
            ]

    def taps(self, before_id: int | None, limit: int) -> Sequence[tuple[int, TapRow]]:
        """Newest first, with a cursor id each."""
        asked = _TAPS if before_id is None else _TAPS.where(RECORD.c.id < before_id)
        with self._reader.reading() as core:
            return [(row[0], TapRow(*row[1:])) for row in core.execute(asked.limit(limit))]

    def counts(self) -> Mapping[str, int]:
        """Totals for the status page: `accepted`, `posted_rials`, `quarantined`, `shown_less`, `verdict:{n}` each."""
        with self._reader.reading() as core:
            tally = {name: number for name, number in core.execute(sa.select(TALLY))}  # noqa: C416 - typed rows
            quarantined = core.execute(sa.select(sa.func.coalesce(sa.func.sum(QUARANTINE.c.times), 0))).scalar_one()
        return {"accepted": 0, "posted_rials": 0, "shown_less": 0} | tally | {"quarantined": int(quarantined)}
