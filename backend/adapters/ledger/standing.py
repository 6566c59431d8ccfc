"""What stands: riders' claims, rides of bearer tickets, drivers' proxy boardings and annulments, shifts."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, TypeAlias

from backend.adapters.ledger.connection import Guarded, raw
from backend.adapters.ledger.held_tables import UNPROVEN
from backend.adapters.ledger.hot import Driver, Row, rows_of_taps
from backend.adapters.ledger.near import asked, of_riders
from backend.adapters.ledger.tables import CLAIM, told
from backend.core.errors import StoreFailed
from backend.core.floats import Proxy, TakenBack
from backend.core.holding import Hold
from backend.core.ledger import Payer, TapId
from backend.core.ports import Commit, StoredRecord
from backend.core.repeats import Claim, Step
from backend.core.standing_ports import Span
from backend.core.tickets import TicketRide
from protocol.localtime import day_begins_ms
from protocol.wire.passes import Presentation

_STANDS = (
    "annulled", "boarding", "charged", "rials", "city_rials", "copied_rials", "revision", "ridden_m", "ended_rials",
    "contested", "back_rials", "back_by_house",
)  # fmt: skip
_RIDES = ("annulled", "paid", "revision", "contested")
_PAYS = ("driver", "annulled", "revision", "over", "over_vehicle")
_CLAIM = tuple(column.name for column in CLAIM.columns)
_TOLD = len(told())  # columns at the end that are the record's
_UNPROVEN = tuple(column.name for column in UNPROVEN.columns)
ALONE = "UPDATE ledger SET head = head RETURNING head"  # transfers are one chain: a second writer waits here
Stored: TypeAlias = tuple[int, StoredRecord]  # the number of a record's row, and the record
OF_TAP = "device = ? AND epoch = ? AND sequence = ?"


class StandingTables:
    """Part of `IngestStore`, over the writing connection."""

    _writer: Guarded
    _driver: Driver

    def claims_near(self, claims: Collection[Claim], window_ms: int) -> Sequence[Claim]:
        """Every boarding that some claims may belong to, or end: each claim read once."""
        if not claims:
            return []
        found = self._near(claims, (), window_ms)
        companions = [it for it in (*claims, *found) if it.extends and it.steps]
        if not companions:
            return found
        riders = {it.presentation.credential_id for it in companions}
        again = self._near([it for it in claims if it.presentation.credential_id in riders], companions, window_ms)
        return [*(it for it in found if it.presentation.credential_id not in riders), *again]

    def _near(self, claims: Collection[Claim], companions: Collection[Claim], window_ms: int) -> list[Claim]:
        with self._writer.reading() as core:
            return [_claim(row) for row in self._driver.near(raw(core), asked(claims, companions, window_ms))]

    def claims_between(self, spans: Collection[Span]) -> Sequence[Claim]:
        """Every claim of riders in these milliseconds of theirs, both ends included."""
        if not spans:
            return []
        with self._writer.reading() as core:
            return [_claim(row) for row in self._driver.between(raw(core), of_riders(spans))]

    def claim_at(self, device: str, epoch: int, sequence: int) -> Claim | None:
        """The claim of one tap."""
        found = self._claims(OF_TAP, (device, epoch, sequence))
        return found[0] if found else None

    def _claims(self, where: str, values: Sequence[object]) -> list[Claim]:
        return [_claim(row) for row in self._rows("claim", where, values)]

    def ticket_rides(self, ticket_id: bytes, from_ms: int, until_ms: int, *, paid: bool) -> Sequence[TicketRide]:
        """Every ride of a bearer ticket in these milliseconds, both ends included; or those that its issue pays."""
        where = "ticket = ? AND wall_ms BETWEEN ? AND ?" + " AND paid" * paid
        return [_ticket_ride(row) for row in self._rows("ticket_ride", where, (ticket_id, from_ms, until_ms))]

    def ticket_ride_at(self, device: str, epoch: int, sequence: int) -> TicketRide | None:
        """The ride of one tap."""
        rows = self._rows("ticket_ride", OF_TAP, (device, epoch, sequence))
        return _ticket_ride(rows[0]) if rows else None

    def driver_of(self, vehicle: str, shift: str) -> str | None:
        """Whom a record names as driver of a shift of this vehicle; None if none has come."""
        rows = self._rows("shift", "vehicle = ? AND name = ?", (vehicle, shift))
        return str(rows[0][2]) if rows else None

    def proxies_in(self, vehicle: str, shift: str) -> Sequence[Proxy]:
        """Every proxy boarding of a shift."""
        return [_proxy(row) for row in self._rows("proxy", "vehicle = ? AND shift = ?", (vehicle, shift))]

    def proxies_of(self, driver: str, from_ms: int, until_ms: int) -> Sequence[Proxy]:
        """Every proxy boarding in a driver's shifts of these milliseconds, both ends included."""
        where = "driver = ? AND wall_ms BETWEEN ? AND ?"
        return [_proxy(row) for row in self._rows("proxy", where, (driver, from_ms, until_ms))]

    def proxies_on(self, vehicle: str, from_ms: int, until_ms: int) -> Sequence[Proxy]:
        """Every proxy boarding in known drivers' shifts on a vehicle of these milliseconds, both ends included."""
        where = "vehicle = ? AND wall_ms BETWEEN ? AND ? AND driver IS NOT NULL"
        return [_proxy(row) for row in self._rows("proxy", where, (vehicle, from_ms, until_ms))]

    def proxy_at(self, device: str, epoch: int, sequence: int) -> Proxy | None:
        """The proxy boarding of one tap."""
        rows = self._rows("proxy", OF_TAP, (device, epoch, sequence))
        return _proxy(rows[0]) if rows else None

    def annulments_in(self, vehicle: str, shift: str) -> Sequence[TakenBack]:
        """Every legal annulment of a shift."""
        return [_annulment(row) for row in self._rows("annulment", "vehicle = ? AND shift = ?", (vehicle, shift))]

    def annulments_of(self, driver: str, from_ms: int, until_ms: int) -> Sequence[TakenBack]:
        """A driver's annulments of these milliseconds that stand, both ends included."""
        where = "driver = ? AND wall_ms BETWEEN ? AND ? AND stands"
        return [_annulment(row) for row in self._rows("annulment", where, (driver, from_ms, until_ms))]

    def annulment_at(self, device: str, epoch: int, sequence: int) -> TakenBack | None:
        """The legal annulment of one tap."""
        rows = self._rows("annulment", "device = ? AND epoch = ? AND tap_sequence = ?", (device, epoch, sequence))
        return _annulment(rows[0]) if rows else None

    def _rows(self, table: str, where: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return self._ask(f"SELECT * FROM {table} WHERE {where}", values)  # noqa: S608 - ours

    def _ask(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        return self._writer.rows(self._driver, sql, values)


def add_standing(driver: Driver, raw: Any, commit: Commit, stored: Mapping[TapId, Stored]) -> None:
    """What a commit says of who pays; the caller holds the transaction. `stored`: the records that came with it.

    What stands of one of these has no row yet; of any other it may be gone meanwhile, its travel deleted.
    """
    claims = [it for it in commit.claims if it.tap not in stored]
    rides = [it for it in commit.ticket_rides if it.tap not in stored]
    proxies = [it for it in commit.proxies if it.tap not in stored]
    _require_undecided(driver, raw, "claim", {it.tap: (int(it.hold), it.refunded_rials) for it in claims})
    _require_undecided(driver, raw, "ticket_ride", {it.tap: (int(it.hold),) for it in rides})
    _require_undecided(driver, raw, "proxy", {it.tap: (int(it.hold),) for it in proxies})
    _require_remembered(driver, raw, commit, stored)
    # Of a boarding one first claim is charged, at every moment. Boardings split, meet and change names, so that a row
    # yet to be written may hold the name which another takes: until all are written, none of them is charged.
    driver.many(raw, f"UPDATE claim SET charged = FALSE WHERE {OF_TAP}", [it.tap for it in claims])  # noqa: S608
    driver.many(raw, _change("claim", _STANDS), [(*(getattr(it, name) for name in _STANDS), *it.tap) for it in claims])
    driver.many(raw, _change("ticket_ride", _RIDES), [(*(getattr(it, n) for n in _RIDES), *it.tap) for it in rides])
    driver.many(raw, _change("proxy", _PAYS), [(*(getattr(it, name) for name in _PAYS), *it.tap) for it in proxies])
    driver.add(raw, "claim", _CLAIM, [
        _of_claim(it, *its) for it in commit.claims if (its := stored.get(it.tap)) is not None
    ])  # fmt: skip
    for table, new in (("ticket_ride", commit.ticket_rides), ("proxy", commit.proxies)):
        rows = [_values(it) for it in new if it.tap in stored]
        if rows:
            driver.many(raw, f"INSERT INTO {table} VALUES ({_marks(len(rows[0]))})", rows)  # noqa: S608 - ours
    if commit.annulments:
        rows = [_values(it) for it in commit.annulments]
        driver.many(raw, _put("annulment", "device, epoch, tap_sequence", ("driver", "stands"), len(rows[0])), rows)
    # A record is listed under who pays for it now; one that was taken back stays under who paid.
    turned = [((Payer.RIDER if it.charged else Payer.COPIED).value, *it.tap) for it in claims if not it.annulled]
    turned += [(it.payer.value, *it.tap) for it in proxies]
    turned += [((Payer.TICKET if it.paid else Payer.COPIED).value, *it.tap) for it in rides if not it.annulled]
    driver.many(raw, f"UPDATE record SET payer = ? WHERE {OF_TAP}", turned)  # noqa: S608
    if commit.unproven:
        driver.add(raw, "unproven", _UNPROVEN, [
            (*it.tap, it.vehicle, it.wall_ms, it.why.value, it.rials, int(it.hold), it.revision)
            for it in commit.unproven
        ])  # fmt: skip
    # Both doors tell of one shift, and the first word stands.
    driver.many(raw, "INSERT INTO shift VALUES (?, ?, ?) ON CONFLICT DO NOTHING", commit.shifts)


def _require_undecided(driver: Driver, raw: Any, table: str, read: Mapping[TapId, tuple[int, ...]]) -> None:
    """That nobody decided of these between their reading and now: what is posted then would not know of it.

    `read`: what two people set, as it was. Raises StoreFailed: the batch is tried again, from what stands by then.
    """
    columns = "device, epoch, sequence, hold, refunded_rials" if table == "claim" else "device, epoch, sequence, hold"
    for device, epoch, sequence, *decided in rows_of_taps(driver, raw, table, [*read], columns):
        if tuple(decided) != read[device, epoch, sequence]:
            raise StoreFailed("two people decided of a boarding meanwhile", fix="nothing: the bus sends it again")


def _require_remembered(driver: Driver, raw: Any, commit: Commit, stored: Collection[TapId]) -> None:
    """That no travel is stored of a day that was forgotten since the group was read. Raises StoreFailed, as above."""
    new = [it.wall_ms for it in commit.claims if it.tap in stored]
    new += [it.wall_ms for it in commit.ticket_rides if it.tap in stored and it.rides_a_day > 0]
    if not new:
        return
    found = driver.rows(raw, "SELECT day FROM remembered")
    if found and min(new) < day_begins_ms(found[0][0]):
        raise StoreFailed("travel of then was forgotten meanwhile", fix="nothing: the bus sends it again")


@cache
def _change(table: str, changes: Sequence[str]) -> str:
    """Some columns of a row that is there, or was: one that was deleted meanwhile does not come back."""
    return f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in changes)} WHERE {OF_TAP}"  # noqa: S608 - ours


def _marks(columns: int) -> str:
    return ", ".join("?" * columns)


@cache
def _put(table: str, key: str, changes: Sequence[str], columns: int) -> str:
    """A row that is new, or of which some columns changed."""
    changed = ", ".join(f"{name} = excluded.{name}" for name in changes)
    return f"INSERT INTO {table} VALUES ({_marks(columns)}) ON CONFLICT ({key}) DO UPDATE SET {changed}"  # noqa: S608 - ours


def _values(it: Proxy | TakenBack | TicketRide) -> tuple[Any, ...]:
    """A row: the tables have the fields of their dataclasses, in their order."""
    return tuple(getattr(it, field.name) for field in fields(it))


def _of_claim(it: Claim, number: int, record: StoredRecord) -> tuple[Any, ...]:
    shown = it.presentation
    told: tuple[int | None, ...] = (number, record.door, record.verdict)
    if record.wall_ms != it.wall_ms or record.vehicle != it.vehicle:
        told = (None, None, None)  # a list looks at the record
    return (
        it.device, it.epoch, it.sequence, shown.credential_id, shown.time_s, shown.counter, it.vehicle, it.wall_ms,
        it.window_ms, it.rider_class, it.party, it.adult_rials, it.permille, it.cap_permille, it.beside_rials,
        it.shown_rials, it.whole_rials, it.tariff_version, it.extends, it.annulled, it.boarding, it.charged, it.rials,
        it.city_rials, it.copied_rials, it.revision, it.metres, *(it.closes or (None, None)),
        json.dumps(it.steps) if it.steps else "[]", it.ridden_m, it.ended_rials, int(it.hold), it.contested,
        it.refunded_rials, it.refunded_by_house, it.back_rials, it.back_by_house,
        *told,
    )  # fmt: skip


def _claim(row: tuple[Any, ...]) -> Claim:
    device, epoch, sequence, credential_id, time_s, counter, *rest = row[:-_TOLD]
    *rest, refunded_rials, refunded_by_house, back_rials, back_by_house = rest
    *rest, metres, closes_epoch, closes_sequence, steps, ridden_m, ended_rials, hold, contested = rest
    *facts, extends, annulled, boarding, charged, rials, city_rials, copied_rials, revision = rest
    closes = None if closes_epoch is None else (closes_epoch, closes_sequence)
    values = [
        device, epoch, sequence, Presentation(credential_id, time_s, counter), *facts, bool(extends), bool(annulled),
        boarding, bool(charged), rials, city_rials, copied_rials, revision, metres, closes,
        tuple(Step(*it) for it in json.loads(steps)), ridden_m, ended_rials, Hold(hold),
        bool(contested), refunded_rials, bool(refunded_by_house), back_rials, bool(back_by_house),
    ]  # fmt: skip
    return Claim(*values)


def _ticket_ride(row: tuple[Any, ...]) -> TicketRide:
    *facts, annulled, paid, revision, hold, contested = row
    values = [*facts, bool(annulled), bool(paid), revision, Hold(hold), bool(contested)]
    return TicketRide(*values)


def _proxy(row: tuple[Any, ...]) -> Proxy:
    *facts, annulled, revision, wall_ms, persons, over, hold, over_vehicle = row
    values = [*facts, bool(annulled), revision, wall_ms, persons, bool(over), Hold(hold), bool(over_vehicle)]
    return Proxy(*values)


def _annulment(row: tuple[Any, ...]) -> TakenBack:
    *facts, stands = row
    values = [*facts, bool(stands)]
    return TakenBack(*values)
