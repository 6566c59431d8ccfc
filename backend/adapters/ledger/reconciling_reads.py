"""What reconciliation reads of taps, transfers and journals, over the connection for what takes long.

Each call is one snapshot, so that a tap and its transfers are of one moment, while ingest goes on. Bulk reads are plain
SQL over `Driver`: a city's day is a million taps.
"""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded, raw
from backend.adapters.ledger.hot import Driver, Row, cut, rows_of_taps, transfers_of_keys
from backend.adapters.ledger.local import quarter_of
from backend.adapters.ledger.standing import _claim, _proxy, _ticket_ride
from backend.core.holding import Hold, Stands, Unproven, Why, owed
from backend.core.ledger import TapId, class_account, operator_account
from backend.core.reconciliation.taps import UNPROVEN, PostedTransfer, StandingTap, flows_of, own_keys
from protocol.fares.verdicts import TABLE
from protocol.localtime import service_day

_KEYS_A_QUERY = 500  # values of one IN (…): under SQLite's limit of variables, whatever its build
_CHARGED = ", ".join(str(int(verdict)) for verdict, row in TABLE.items() if row.charged)
_UNDATED = (
    "undated AS x JOIN record AS r ON r.device = x.device AND r.epoch = x.epoch AND r.sequence = x.sequence"
    " AND r.wall_ms + 0 = x.record_ms"  # not by their time: of a bus without a clock thousands may have one
)
_OF_CLAIM = "LEFT JOIN claim AS c ON c.device = r.device AND c.epoch = r.epoch AND c.sequence = r.sequence"
# Each by itself: joined, PostgreSQL may hold every tap against all rows of these.
_OF_REST = ", ".join(
    f"(SELECT revision FROM {table} AS o WHERE o.device = r.device AND o.epoch = r.epoch AND o.sequence = r.sequence)"  # noqa: S608
    for table in ("proxy", "ticket_ride", "unproven")
)
_UNPROVEN = ", ".join(f"'{payer}'" for payer in sorted(UNPROVEN))
_TAPS = f"""
r.device, r.epoch, r.sequence, r.payer, r.fare_rials,
 c.credential, c.vehicle, c.rider_class, c.rials, c.city_rials, c.revision,
 CASE WHEN c.copied_rials <> 0 OR c.contested OR c.back_rials > 0 THEN 1 ELSE 0 END,
 CASE WHEN c.charged AND NOT c.extends THEN EXISTS (
  SELECT 1 FROM claim AS o WHERE {quarter_of("o.time_s")} = {quarter_of("c.time_s")}
  AND o.credential = c.credential AND o.time_s = c.time_s AND o.counter = c.counter
  AND NOT (o.device = c.device AND o.epoch = c.epoch AND o.sequence = c.sequence) AND o.charged AND NOT o.extends
  AND o.closes_sequence IS NULL AND (o.device, o.epoch, o.sequence) < (c.device, c.epoch, c.sequence)
 ) ELSE FALSE END
FROM {{source}} {_OF_CLAIM}"""  # noqa: S608 - ours, as below
_NAMES = f"""
r.device, r.epoch, r.sequence, coalesce(c.revision, {_OF_REST},
 CASE WHEN r.payer IN ({_UNPROVEN}) THEN 0 END)
FROM {{source}} {_OF_CLAIM}"""
_COLUMNS = "id, key, kind, debit, credit, rials, at_ms, day"
_TRANSFER = f"SELECT {_COLUMNS} FROM transfer WHERE phase IS NULL AND"  # noqa: S608
_Place = tuple[int, int]  # wall_ms, id
_BEGIN = -1


class ReconcilingReads:
    """Part of `ReconcilingStore`."""

    _aside: Guarded
    _driver: Driver

    def standing_taps(
        self, from_ms: int, until_ms: int, after: _Place | None, most: int, *, undated: bool = False
    ) -> tuple[Sequence[tuple[StandingTap, Sequence[PostedTransfer]]], _Place | None]:
        """Accepted, charged taps of this time behind `after`, with the transfers under their own keys."""
        with self._aside.snapshot() as core:
            rows, behind = self._taps_of(core, _TAPS, (from_ms, until_ms), after, most, undated=undated)
            taps = [_standing(row) for row in rows]
            self._rest(core, rows, taps)
            keys = [own_keys(it) for it in taps]
            days = {service_day(it.wall_ms) for it in taps}
            found = self._by_keys(core, [key for some in keys for key in some], days)
            # Where a clock was not trusted, a tap is of another day than its record tells.
            rest = [
                some for it, some in zip(taps, keys, strict=True)
                if (it.flows or it.flows is None) and not any(key in found for key in some)
            ]  # fmt: skip
            found |= self._by_keys(core, [key for some in rest for key in some])
        told = [
            (it, [found[key] for key in some if key in found]) for it, some in zip(taps, keys, strict=True)
        ]  # fmt: skip
        return told, behind

    def tap_names(
        self, from_ms: int, until_ms: int, after: _Place | None, most: int, *, undated: bool = False
    ) -> tuple[Sequence[tuple[TapId, int, int | None]], _Place | None]:
        """The same taps: who they are, when, and their revision; None where no table says."""
        with self._aside.snapshot() as core:
            rows, behind = self._taps_of(core, _NAMES, (from_ms, until_ms), after, most, undated=undated)
        return [((row[2], row[3], row[4]), row[0], row[5]) for row in rows], behind

    def _taps_of(
        self, core: sa.Connection, asked: str, span: tuple[int, int], after: _Place | None, most: int, *, undated: bool
    ) -> tuple[list[Row], _Place | None]:
        """Rows of taps by their time, or of those whose records name another, and the place behind them."""
        if core.dialect.name == "postgresql":  # else it reads all claims there are for a step of some thousand
            for way in ("hashjoin", "mergejoin"):
                self._driver.run(raw(core), f"SET LOCAL enable_{way} = off")
        from_ms, until_ms = span
        begin, behind = (from_ms, _BEGIN) if after is None else after
        rows = self._driver.rows(raw(core), _by_time(asked, undated=undated), (begin, until_ms, begin, behind, most))
        place = _behind(rows, most)
        if undated or not rows:
            return rows, place
        apart = "SELECT device, epoch, sequence FROM undated WHERE record_ms BETWEEN ? AND ?"
        elsewhere = {tuple(it) for it in self._driver.rows(raw(core), apart, (rows[0][0], rows[-1][0]))}
        return [row for row in rows if tuple(row[2:5]) not in elsewhere] if elsewhere else rows, place

    def _rest(self, core: sa.Connection, rows: Sequence[Row], taps: Sequence[StandingTap]) -> None:
        """Taps that are no plain claim: what copies, drivers, tickets and nobody pay."""
        held = {it.tap: it for row, it in zip(rows, taps, strict=True) if row[13]}
        others = {it.tap: it for row, it in zip(rows, taps, strict=True) if row[7] is None}
        for table, among, made in (
            ("claim", held, _claim), ("proxy", others, _proxy), ("ticket_ride", others, _ticket_ride),
            ("unproven", others, _unproven),
        ):  # fmt: skip
            for found in rows_of_taps(self._driver, raw(core), table, [*among]):
                it: Stands = made(found)
                tap = among[it.tap]
                tap.flows, tap.revision = flows_of(owed(it)), it.revision

    def _by_keys(
        self, core: sa.Connection, keys: Sequence[bytes], days: Collection[int] | None = None
    ) -> dict[bytes, PostedTransfer]:
        """Transfers of these keys: of these days and of none, or of any."""
        return {
            bytes(row[1]): PostedTransfer(*row)
            for row in transfers_of_keys(self._driver, raw(core), _COLUMNS, keys, days)
        }

    def transfers(self, after: int, until: int, most: int) -> Sequence[PostedTransfer]:
        """Those behind `after` up to `until`, by their ids."""
        with self._aside.reading() as core:
            asked = f"{_TRANSFER} id > ? AND id <= ? ORDER BY id LIMIT ?"
            return [PostedTransfer(*row) for row in self._driver.rows(raw(core), asked, (after, until, most))]

    def transfers_by_id(self, ids: Collection[int]) -> Sequence[PostedTransfer]:
        """These."""
        with self._aside.reading() as core:
            return [
                PostedTransfer(*row)
                for some in cut(sorted(ids), _KEYS_A_QUERY)
                for row in self._driver.rows(raw(core), f"{_TRANSFER} id IN ({', '.join('?' * len(some))})", some)
            ]

    def transfer_range(self, from_ms: int, until_ms: int) -> tuple[int, int]:
        """(first, last) id of transfers posted in this time; last < first where there are none.

        All rows are looked at: ids and times do not grow together where a clock was set meanwhile.
        """
        asked = "SELECT min(id + 0), max(id + 0) FROM transfer WHERE at_ms >= ? AND at_ms < ?"  # no walk along an index
        with self._aside.reading() as core:
            ((first, last),) = self._driver.rows(raw(core), asked, (from_ms, until_ms))
            return (1, 0) if first is None else (first, last)


def _by_time(asked: str, *, undated: bool) -> str:
    of, source = ("x", _UNDATED) if undated else ("r", "record AS r")
    return (
        f"SELECT {of}.wall_ms, {of}.id, {asked.format(source=source)}"
        f" WHERE r.kind = 2 AND r.verdict IN ({_CHARGED}) AND {of}.wall_ms >= ? AND {of}.wall_ms < ?"
        f" AND ({of}.wall_ms > ? OR {of}.id > ?) ORDER BY {of}.wall_ms, {of}.id LIMIT ?"
    )


def _standing(row: Row) -> StandingTap:
    wall_ms, _, device, epoch, sequence, payer, shown, credential, vehicle, of, rials, city, *rest = row
    revision, _held, again = rest
    if credential is None:
        return StandingTap((device, epoch, sequence), wall_ms, payer, shown, None, 0)
    flows = {}
    operator = operator_account(vehicle)
    if rials:
        flows[f"rider:{credential.hex()}", operator] = rials
    if city:
        flows[class_account(of), operator] = city
    return StandingTap((device, epoch, sequence), wall_ms, payer, shown, flows, revision, bool(again))


def _unproven(row: Row) -> Unproven:
    device, epoch, sequence, vehicle, wall_ms, why, *rest = row
    rials, hold, revision = rest
    return Unproven(device, epoch, sequence, vehicle, wall_ms, Why(why), rials, Hold(hold), revision)


def _behind(rows: Sequence[Row], most: int) -> _Place | None:
    return (rows[-1][0], rows[-1][1]) if len(rows) == most else None
