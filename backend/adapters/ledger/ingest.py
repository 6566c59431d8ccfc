"""The hot path: watermark, records, transfers, balances and claims of a group in one transaction."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, replace
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded, raw
from backend.adapters.ledger.contents import renew
from backend.adapters.ledger.host_events import claims_told_within
from backend.adapters.ledger.hot import Driver, Row, cut
from backend.adapters.ledger.known_drivers import KnownDriverTables, add_heard
from backend.adapters.ledger.pendings import let_go_within
from backend.adapters.ledger.standing import ALONE, OF_TAP, Stored, add_standing
from backend.adapters.ledger.walking import widen
from backend.core.chaintime import UNKNOWN_TIME, ChainTime
from backend.core.errors import StoreFailed
from backend.core.ledger import TapId, Transfer, TransferKind, next_head
from backend.core.limits import QUARANTINE_DEVICE_BYTES_MAX
from backend.core.moving import FIRST_VERSION, Former
from backend.core.ports import FORK, Commit, LedgerMark, Quarantined, Rider, StoredRecord, branch_prefix
from protocol.fares.verdicts import TABLE, Verdict
from protocol.localtime import service_day
from protocol.wire.records import RecordKind
from protocol.wire.standing import Watermark

_BRANCHES = "FROM quarantine WHERE device = ? AND reason = ? AND detail LIKE ?"
_HELD = "SELECT CAST(coalesce(sum(length(payload)), 0) AS BIGINT) FROM quarantine WHERE"
_VERSION = 10  # the place of the version inside a credential (protocol/wire/passes)
_ASKED_MAX = 500  # values in one IN (…): under SQLite's limit of variables, whatever its build
_RECORD_COLUMNS = (
    "id", "device", "epoch", "sequence", "hash", "bytes", "kind", "wall_ms", "vehicle", "door", "verdict", "reason",
    "fare_rials", "persons", "payer", "shift", "line", "lat_e6", "lon_e6",
)  # fmt: skip
_UNDATED = "INSERT INTO undated (device, epoch, sequence, record_ms, wall_ms) VALUES (?, ?, ?, ?, ?)"
_TRANSFER = ("key", "kind", "debit", "credit", "rials", "hash", "at_ms", "day")


class IngestTables(KnownDriverTables):
    """Implements `IngestStore` over the writing connection."""

    def __init__(self, writer: Guarded, driver: Driver) -> None:
        self._writer, self._driver = writer, driver

    def _first(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        found = self._ask(sql, values)
        return found[0] if found else None

    def watermark(self, device: str, epoch: int) -> Watermark:
        """How far this epoch is held."""
        row = self._first("SELECT sequence, head FROM epoch WHERE device = ? AND epoch = ?", (device, epoch))
        return Watermark.before(epoch) if row is None else Watermark(epoch, row[0], row[1])

    def latest(self, device: str) -> Watermark | None:
        """The watermark of the device's newest epoch."""
        row = self._first(
            "SELECT epoch, sequence, head FROM epoch WHERE device = ? ORDER BY began_ms DESC LIMIT 1", (device,)
        )
        return None if row is None else Watermark(*row)

    def hash_of(self, device: str, epoch: int, sequence: int) -> bytes | None:
        """Our hash of one record."""
        return self._one(f"SELECT hash FROM record WHERE {OF_TAP}", (device, epoch, sequence))  # noqa: S608 - ours

    def day_key(self, device: str, epoch: int, key_id: bytes) -> bytes | None:
        """The record bytes of a day key."""
        return self._one(
            "SELECT record.bytes FROM day_key JOIN record USING (device, epoch, sequence)"
            " WHERE device = ? AND epoch = ? AND key_id = ?",
            (device, epoch, key_id),
        )

    def _one(self, sql: str, values: Sequence[object]) -> bytes | None:
        row = self._first(sql, values)
        found: bytes | None = None if row is None else row[0]
        return found

    def riders(self, credential_ids: Sequence[bytes]) -> Mapping[bytes, Rider]:
        """Those that are registered."""
        rows = self._of_credentials("credential, rider_class, token_hash, created_ms FROM rider", credential_ids)
        found = {row[0]: Rider(*row) for row in rows}
        moved = [it for it, rider in found.items() if rider.credential[_VERSION] > FIRST_VERSION]
        rows = self._of_credentials("version, credential, public_key, ended_ms FROM former", moved, " ORDER BY version")
        for row in rows:
            rider = found[row[0]]
            found[row[0]] = replace(rider, former=(*rider.former, Former(*row)))
        return found

    def _of_credentials(self, asked: str, credential_ids: Sequence[bytes], order: str = "") -> list[Row]:
        """Rows of these credentials, with each its id first: no more at once than one statement's values."""
        found: list[Row] = []
        for some in cut(credential_ids, _ASKED_MAX):
            marks = ",".join("?" * len(some))
            found += self._ask(f"SELECT credential_id, {asked} WHERE credential_id IN ({marks}){order}", some)
        return found

    def raw_of(self, device: str, epoch: int, sequence: int) -> bytes | None:
        """One record's bytes."""
        return self._one(f"SELECT bytes FROM record WHERE {OF_TAP}", (device, epoch, sequence))  # noqa: S608 - ours

    def chain_time(self, device: str, epoch: int) -> ChainTime:
        """How late it is behind the last record of a journal."""
        row = self._first("SELECT time_ms, mono_ms FROM epoch WHERE device = ? AND epoch = ?", (device, epoch))
        return UNKNOWN_TIME if row is None else ChainTime(*row)

    def ledger_mark(self) -> LedgerMark:
        """Where the ledger stands."""
        (mark,) = self._ask("SELECT incarnation, head FROM ledger")
        return LedgerMark(*mark)

    def has_forked(self, device: str, epoch: int) -> bool:
        """Whether a branch of this journal, handed in by this device, lies in the quarantine."""
        return self._first(f"SELECT 1 {_BRANCHES} LIMIT 1", _of_journal(device, epoch)) is not None

    def renew_incarnation(self, at_ms: int) -> int:
        """This ledger was restored from a copy → its new incarnation, which no device has heard of.

        The time of the restoration is taken, because one copy may be restored twice; it only has to grow.
        """
        with self._writer.transaction() as core:
            return renew(core, above=0, at_ms=at_ms)

    def commit(self, commits: Sequence[Commit], at_ms: int) -> LedgerMark:
        """Store all of a group in one durable transaction; returns where the ledger then stands."""
        driver = self._driver
        with self._writer.transaction() as core:
            to = raw(core)
            driver.rows(to, ALONE)  # before ids are given out: whoever comes later has higher ones
            driver.begin_months(to, _days(commits), at_ms)
            records = [it for commit in commits for it in commit.records]
            numbers = driver.numbers(to, "record", len(records))
            stored: dict[TapId, Stored] = {
                (it.device, it.epoch, it.sequence): (number, it)
                for number, it in zip(numbers, records, strict=True)
            }  # fmt: skip
            for commit in commits:
                _advance(driver, to, commit, at_ms)
                _add_records(driver, to, commit, numbers[: len(commit.records)])
                numbers = numbers[len(commit.records) :]
            self.post(core, [t for commit in commits for t in commit.transfers], at_ms)
            let_go_within(core, [key for commit in commits for key in commit.let_go], at_ms)
            for commit in commits:
                add_standing(driver, to, commit, stored)
                add_heard(driver, to, commit.drivers_heard)
                driver.many(to, _UNDATED, [astuple(it) for it in commit.undated])
            claims_told_within(core, [it for commit in commits for it in commit.claims], at_ms)
            widen(driver, to, [it.wall_ms for commit in commits for it in commit.claims])
            _count(driver, to, commits)
            _count_let_through(driver, to, commits)
            driver.many(
                to,
                "INSERT INTO device VALUES (?, ?, FALSE, NULL) ON CONFLICT (name) DO UPDATE SET seen_ms ="
                " CASE WHEN device.seen_ms > excluded.seen_ms THEN device.seen_ms ELSE excluded.seen_ms END",
                [(device, at_ms) for device in sorted({commit.handed_in_by for commit in commits})],
            )
            (mark,) = driver.rows(to, "SELECT incarnation, head FROM ledger")
            return LedgerMark(*mark)

    def post(self, core: sa.Connection, transfers: Sequence[Transfer], at_ms: int) -> None:
        """Append transfers to the chain and move the balances; the caller holds the transaction."""
        to, driver = raw(core), self._driver
        ((head,),) = driver.rows(to, ALONE)
        debited: Counter[str] = Counter()
        credited: Counter[str] = Counter()
        rows = []
        for transfer in transfers:
            head = next_head(head, transfer)
            rows.append((
                transfer.key, transfer.kind.value, transfer.debit, transfer.credit, transfer.rials, head, at_ms,
                transfer.day,
            ))  # fmt: skip
            debited[transfer.debit] += transfer.rials
            credited[transfer.credit] += transfer.rials
        driver.add(to, "transfer", _TRANSFER, rows)
        accounts = sorted({*debited, *credited})
        driver.move(to, [(account, debited[account], credited[account]) for account in accounts])
        driver.run(to, "UPDATE ledger SET head = ?", (head,))

    def branches(self, device: str, epoch: int) -> Sequence[tuple[int, bytes]]:
        """(row, batch) of what is kept of other histories of this journal, handed in by this device."""
        asked = f"SELECT id, payload {_BRANCHES} AND payload <> ? ORDER BY id"
        return [(row, payload) for row, payload in self._ask(asked, (*_of_journal(device, epoch), b""))]

    def quarantine(self, it: Quarantined, *, instead_of: Collection[int] = ()) -> None:
        """Keep refused bytes; the same bytes of a device for the same reason are counted, not kept twice.

        Beyond QUARANTINE_DEVICE_BYTES_MAX of one device only digest, reason and count are kept: one certificate must
        not fill the ledger's disk. What it would stand for stays then.
        """
        driver, going = self._driver, [*instead_of]
        with self._writer.transaction() as core:
            to = raw(core)
            ((held,),) = driver.rows(to, f"{_HELD} device = ?", (it.device,))
            for row in going:
                held -= driver.rows(to, f"{_HELD} id = ?", (row,))[0][0]
            fits = held + len(it.payload) <= QUARANTINE_DEVICE_BYTES_MAX
            if fits:
                driver.many(to, "DELETE FROM quarantine WHERE id = ?", [(row,) for row in going])
            driver.run(
                to,
                "INSERT INTO quarantine (digest, reason, device, channel, detail, payload, first_ms, last_ms, times)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (device, digest, reason) DO UPDATE"
                " SET times = quarantine.times + 1, last_ms = excluded.last_ms, payload ="
                " CASE WHEN quarantine.payload < excluded.payload THEN excluded.payload ELSE quarantine.payload END",
                (sha256(it.payload).digest(), it.reason, it.device, it.channel, it.detail,
                 it.payload if fits else b"", it.at_ms, it.at_ms),
            )  # fmt: skip


def _days(commits: Sequence[Commit]) -> set[int]:
    """Service days of all rows that a month tells apart."""
    days = {service_day(record.wall_ms) for commit in commits for record in commit.records}
    return days | {it.day for commit in commits for it in commit.transfers if it.day is not None}


def _of_journal(device: str, epoch: int) -> tuple[str, str, str]:
    return device, FORK, f"{branch_prefix(epoch)}%"


def _advance(driver: Driver, raw: Any, commit: Commit, at_ms: int) -> None:
    """Move the watermark from exactly where the batch was judged against; anything else is a lost race, and stops."""
    before, after = commit.before, commit.after
    if before.sequence == 0:
        changed = driver.run(
            raw,
            "INSERT INTO epoch VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                commit.device,
                after.epoch,
                after.sequence,
                after.head,
                commit.signature,
                at_ms,
                commit.time.wall_ms,
                commit.time.mono_ms,
            ),
        )
    else:
        changed = driver.run(
            raw,
            "UPDATE epoch SET sequence = ?, head = ?, signature = ?, time_ms = ?, mono_ms = ?"
            " WHERE device = ? AND epoch = ? AND sequence = ? AND head = ?",
            (
                after.sequence,
                after.head,
                commit.signature,
                commit.time.wall_ms,
                commit.time.mono_ms,
                commit.device,
                before.epoch,
                before.sequence,
                before.head,
            ),
        )
    if changed != 1:
        raise StoreFailed(
            f"the watermark of {commit.device} moved meanwhile",
            fix="one ingest worker owns a shard: stop the second backend",
            device=commit.device,
        )


def _add_records(driver: Driver, raw: Any, commit: Commit, numbers: Sequence[int]) -> None:
    """Records, and the index of day keys."""
    numbered = zip(numbers, commit.records, strict=True)
    driver.add(raw, "record", _RECORD_COLUMNS, [_record_row(*it) for it in numbered])
    driver.many(
        raw,
        "INSERT INTO day_key VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(r.device, r.epoch, r.key_id, r.sequence) for r in commit.records if r.key_id is not None],
    )


def _record_row(number: int, r: StoredRecord) -> Row:
    """A record's values, in the order of _RECORD_COLUMNS."""
    return (
        number, r.device, r.epoch, r.sequence, r.hash, r.raw, r.kind, r.wall_ms, r.vehicle, r.door, r.verdict, r.reason,
        r.fare_rials, r.persons, None if r.payer is None else r.payer.value, r.shift, r.line, r.lat_e6, r.lon_e6,
    )  # fmt: skip


def _count_let_through(driver: Driver, raw: Any, commits: Sequence[Commit]) -> None:
    """Add what new records say: in their transaction, so each counts once (P6)."""
    driver.many(
        raw,
        "INSERT INTO let_through AS sum VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (policies, name, reason, day) DO UPDATE SET"
        " rides = sum.rides + excluded.rides, persons = sum.persons + excluded.persons,"
        " forgone_rials = sum.forgone_rials + excluded.forgone_rials,"
        " charged_rials = sum.charged_rials + excluded.charged_rials",
        [
            (it.policies, it.order, int(it.reason), it.day, it.rides, it.persons, it.forgone_rials, it.charged_rials)
            for commit in commits
            for it in commit.let_through
        ],
    )


def _count(driver: Driver, raw: Any, commits: Sequence[Commit]) -> None:
    """Totals for the status page, kept as they grow."""
    tally: Counter[str] = Counter()
    for commit in commits:
        verdicts = Counter(record.verdict for record in commit.records if record.kind == RecordKind.TAP)
        for verdict, taps in verdicts.items():
            assert verdict is not None
            tally[f"verdict:{verdict}"] += taps
            tally["accepted"] += taps * TABLE[Verdict(verdict)].boards
        tally["posted_rials"] += sum(t.rials for t in commit.transfers if t.kind is not TransferKind.FREE_RIDE)
        tally["shown_less"] += commit.shown_less
    add_to_tally(driver, raw, tally)


def add_to_tally(driver: Driver, raw: Any, more: Mapping[str, int]) -> None:
    """Totals for the status page grow; the caller holds the transaction."""
    driver.many(
        raw,
        "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = tally.n + excluded.n",
        list(more.items()),
    )
