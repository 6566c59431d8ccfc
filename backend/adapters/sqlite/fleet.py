"""Health, state, alarms and lists."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backend.adapters.sqlite.connection import Guarded
from backend.core.ailments import GONE
from backend.core.ports import Alarm, Device, DeviceRow, TapRow
from protocol.limits import LOCAL_OFFSET_S
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
_ALARM = "SELECT id, kind, device, since_ms, ended_ms, detail, fix FROM alarm"


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


class FleetTables:
    """Implements `FleetStore`: reads over one connection, writes over the other."""

    def __init__(self, writer: Guarded, reader: Guarded) -> None:
        self._writer = writer
        self._reader = reader

    def keep_health(self, health: Health, at_ms: int) -> None:
        """Keep a verified health message, that the device was seen, and in this hour with or without a camera."""
        states = {camera.state for camera in health.cameras}
        self._keep(health.device, at_ms, health=_TEXT.encode(_named(health)), dark=bool(states) and states <= GONE)

    def keep_state(self, state: State, at_ms: int | None) -> None:
        """Keep a verified birth or will; `at_ms` None: a retained one, which says nothing of when."""
        self._keep(state.device, at_ms if state.online else None, online=state.online)

    def seen(self, device: str, at_ms: int) -> None:
        """Something proven came from the device."""
        self._keep(device, at_ms)

    def _keep(
        self, device: str, at_ms: int | None, *, online: bool | None = None, health: str | None = None,
        dark: bool | None = None,
    ) -> None:  # fmt: skip
        with self._writer.transaction() as connection:
            if dark is not None and at_ms is not None:
                connection.execute(
                    "INSERT INTO camera_hour VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET"
                    " words = words + 1, dark = dark + excluded.dark",
                    (device, (at_ms // 1000 + LOCAL_OFFSET_S) // 3_600, dark),
                )
            connection.execute(
                "INSERT INTO device VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " seen_ms = coalesce(max(excluded.seen_ms, seen_ms), excluded.seen_ms, seen_ms),"
                " online = coalesce(?, online), health = coalesce(excluded.health, health)",
                (device, at_ms, int(bool(online)), health, None if online is None else int(online)),
            )

    def last_seen(self) -> Mapping[str, int]:
        """Unix milliseconds of the last word of each device that ever spoke, enrolled or not."""
        with self._reader.reading() as connection:
            return dict(connection.execute("SELECT name, seen_ms FROM device WHERE seen_ms IS NOT NULL").fetchall())

    def devices(self, known: Sequence[Device]) -> Sequence[DeviceRow]:
        """The standing of every enrolled device."""
        with self._reader.reading() as connection:
            told = {row[0]: row[1:] for row in connection.execute("SELECT name, seen_ms, online, health FROM device")}
            # SQLite gives the bare column of the row that holds the maximum.
            held = {
                row[0]: row[1]
                for row in connection.execute("SELECT device, sequence, max(began_ms) FROM epoch GROUP BY device")
            }
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
        with self._writer.transaction() as connection:
            row = connection.execute(
                "INSERT INTO alarm (kind, device, since_ms, detail, fix) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING RETURNING id, kind, device, since_ms, ended_ms, detail, fix",
                (kind, device, at_ms, detail, fix),
            ).fetchone()
        return None if row is None else Alarm(*row)

    def end_alarm(self, kind: str, device: str, at_ms: int) -> Alarm | None:
        """End it; None if none is open."""
        with self._writer.transaction() as connection:
            row = connection.execute(
                "UPDATE alarm SET ended_ms = ? WHERE kind = ? AND device = ? AND ended_ms IS NULL"
                " RETURNING id, kind, device, since_ms, ended_ms, detail, fix",
                (at_ms, kind, device),
            ).fetchone()
        return None if row is None else Alarm(*row)

    def alarms(self, *, open_only: bool) -> Sequence[Alarm]:
        """Newest first, at most a thousand."""
        where = "WHERE ended_ms IS NULL" if open_only else ""
        with self._reader.reading() as connection:
            rows = connection.execute(f"{_ALARM} {where} ORDER BY id DESC LIMIT 1000").fetchall()
        return [Alarm(*row) for row in rows]

    def taps(self, before_id: int | None, limit: int) -> Sequence[tuple[int, TapRow]]:
        """Newest first, with a cursor id each."""
        with self._reader.reading() as connection:
            rows = connection.execute(
                "SELECT id, device, epoch, sequence, wall_ms, vehicle, door, verdict, reason, fare_rials, payer"
                " FROM record WHERE kind = ? AND id < ? ORDER BY id DESC LIMIT ?",
                (int(RecordKind.TAP), before_id if before_id is not None else 1 << 62, limit),
            ).fetchall()
        return [(row[0], TapRow(*row[1:])) for row in rows]

    def counts(self) -> Mapping[str, int]:
        """Totals for the status page: `accepted`, `posted_rials`, `quarantined`, `shown_less`, `verdict:{n}` each."""
        with self._reader.reading() as connection:
            tally = dict(connection.execute("SELECT name, n FROM tally").fetchall())
            (quarantined,) = connection.execute("SELECT coalesce(sum(times), 0) FROM quarantine").fetchone()
        return {"accepted": 0, "posted_rials": 0, "shown_less": 0} | tally | {"quarantined": quarantined}
