"""The hot path: watermark, records, transfers, balances and claims of a group in one transaction."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from backend.adapters.sqlite.connection import Guarded
from backend.adapters.sqlite.let_through import LetThroughTables, count_let_through
from backend.adapters.sqlite.standing import StandingTables, add_standing
from backend.core.chaintime import UNKNOWN_TIME, ChainTime
from backend.core.errors import StoreFailed
from backend.core.ledger import Transfer, next_head
from backend.core.limits import QUARANTINE_DEVICE_BYTES_MAX
from backend.core.ports import FORK, Commit, LedgerMark, Quarantined, Rider, branch_prefix
from protocol.fares.verdicts import TABLE, Verdict
from protocol.wire.records import RecordKind
from protocol.wire.standing import Watermark

_BRANCHES = "FROM quarantine WHERE device = ? AND reason = ? AND detail LIKE ?"
_ASKED_MAX = 500  # values in one IN (…): under SQLite's limit of variables, whatever its build


def post_transfers(connection: sqlite3.Connection, transfers: Sequence[Transfer], at_ms: int) -> None:
    """Append transfers to the chain and move the balances; the caller holds the transaction."""
    (head,) = connection.execute("SELECT head FROM ledger").fetchone()
    debited: Counter[str] = Counter()
    credited: Counter[str] = Counter()
    rows = []
    for transfer in transfers:
        head = next_head(head, transfer)
        rows.append((
            transfer.key, transfer.kind.value, transfer.debit, transfer.credit, transfer.rials, head, at_ms
        ))  # fmt: skip
        debited[transfer.debit] += transfer.rials
        credited[transfer.credit] += transfer.rials
    connection.executemany(
        "INSERT INTO transfer (key, kind, debit, credit, rials, hash, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
    )
    connection.executemany(
        "INSERT INTO account VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
        " SET debits = debits + excluded.debits, credits = credits + excluded.credits",
        [(account, debited[account], credited[account]) for account in {*debited, *credited}],
    )
    connection.execute("UPDATE ledger SET head = ?", (head,))


class IngestTables(StandingTables, LetThroughTables):
    """Implements `IngestStore` over the writing connection."""

    def __init__(self, writer: Guarded) -> None:
        self._writer = writer

    def watermark(self, device: str, epoch: int) -> Watermark:
        """How far this epoch is held."""
        with self._writer.reading() as connection:
            row = connection.execute(
                "SELECT sequence, head FROM epoch WHERE device = ? AND epoch = ?", (device, epoch)
            ).fetchone()
        return Watermark.before(epoch) if row is None else Watermark(epoch, row[0], row[1])

    def latest(self, device: str) -> Watermark | None:
        """The watermark of the device's newest epoch."""
        with self._writer.reading() as connection:
            row = connection.execute(
                "SELECT epoch, sequence, head FROM epoch WHERE device = ? ORDER BY began_ms DESC LIMIT 1", (device,)
            ).fetchone()
        return None if row is None else Watermark(*row)

    def hash_of(self, device: str, epoch: int, sequence: int) -> bytes | None:
        """Our hash of one record."""
        return self._one("SELECT hash FROM record WHERE device = ? AND epoch = ? AND sequence = ?",
                         (device, epoch, sequence))  # fmt: skip

    def day_key(self, device: str, epoch: int, key_id: bytes) -> bytes | None:
        """The record bytes of a day key."""
        return self._one(
            "SELECT record.bytes FROM day_key JOIN record USING (device, epoch, sequence)"
            " WHERE device = ? AND epoch = ? AND key_id = ?",
            (device, epoch, key_id),
        )

    def _one(self, sql: str, values: tuple[object, ...]) -> bytes | None:
        with self._writer.reading() as connection:
            row = connection.execute(sql, values).fetchone()
        found: bytes | None = None if row is None else row[0]
        return found

    def riders(self, credential_ids: Sequence[bytes]) -> Mapping[bytes, Rider]:
        """Those that are registered."""
        found: dict[bytes, Rider] = {}
        with self._writer.reading() as connection:
            for at in range(0, len(credential_ids), _ASKED_MAX):
                asked = credential_ids[at : at + _ASKED_MAX]
                marks = ",".join("?" * len(asked))
                for row in connection.execute(
                    "SELECT credential_id, credential, rider_class, token_hash, created_ms FROM rider"  # noqa: S608 - marks only
                    f" WHERE credential_id IN ({marks})",
                    asked,
                ):
                    found[row[0]] = Rider(*row)
        return found

    def raw_of(self, device: str, epoch: int, sequence: int) -> bytes | None:
        """One record's bytes."""
        return self._one("SELECT bytes FROM record WHERE device = ? AND epoch = ? AND sequence = ?",
                         (device, epoch, sequence))  # fmt: skip

    def chain_time(self, device: str, epoch: int) -> ChainTime:
        """How late it is behind the last record of a journal."""
        with self._writer.reading() as connection:
            row = connection.execute(
                "SELECT time_ms, mono_ms FROM epoch WHERE device = ? AND epoch = ?", (device, epoch)
            ).fetchone()
        return UNKNOWN_TIME if row is None else ChainTime(*row)

    def ledger_mark(self) -> LedgerMark:
        """Where the ledger stands."""
        with self._writer.reading() as connection:
            return LedgerMark(*connection.execute("SELECT incarnation, head FROM ledger").fetchone())

    def has_forked(self, device: str, epoch: int) -> bool:
        """Whether a branch of this journal, handed in by this device, lies in the quarantine."""
        with self._writer.reading() as connection:
            row = connection.execute(f"SELECT 1 {_BRANCHES} LIMIT 1", _of_journal(device, epoch)).fetchone()
        return row is not None

    def renew_incarnation(self, at_ms: int) -> int:
        """This ledger was restored from a copy → its new incarnation, which no device has heard of.

        The time of the restoration is taken, because one copy may be restored twice; it only has to grow.
        """
        with self._writer.transaction() as connection:
            connection.execute("UPDATE ledger SET incarnation = max(incarnation + 1, ?)", (at_ms,))
            (incarnation,) = connection.execute("SELECT incarnation FROM ledger").fetchone()
        return int(incarnation)

    def commit(self, commits: Sequence[Commit], at_ms: int) -> LedgerMark:
        """Store all of a group in one durable transaction; returns where the ledger then stands."""
        with self._writer.transaction() as connection:
            for commit in commits:
                _advance(connection, commit, at_ms)
                _add_records(connection, commit)
            post_transfers(connection, [t for commit in commits for t in commit.transfers], at_ms)
            for commit in commits:
                add_standing(connection, commit)
            _count(connection, commits)
            count_let_through(connection, commits)
            connection.executemany(
                "INSERT INTO device VALUES (?, ?, 0, NULL) ON CONFLICT (name) DO UPDATE SET"
                " seen_ms = max(coalesce(seen_ms, 0), excluded.seen_ms)",
                [(device, at_ms) for device in {commit.handed_in_by for commit in commits}],
            )
            return LedgerMark(*connection.execute("SELECT incarnation, head FROM ledger").fetchone())

    def branches(self, device: str, epoch: int) -> Sequence[tuple[int, bytes]]:
        """(row, batch) of what is kept of other histories of this journal, handed in by this device."""
        with self._writer.reading() as connection:
            return connection.execute(
                f"SELECT id, payload {_BRANCHES} AND payload <> x'' ORDER BY id", _of_journal(device, epoch)
            ).fetchall()

    def quarantine(self, it: Quarantined, *, instead_of: Collection[int] = ()) -> None:
        """Keep refused bytes; the same bytes of a device for the same reason are counted, not kept twice.

        Beyond QUARANTINE_DEVICE_BYTES_MAX of one device only digest, reason and count are kept: one certificate must
        not fill the ledger's disk. What it would stand for stays then.
        """
        with self._writer.transaction() as connection:
            (held,) = connection.execute(
                "SELECT coalesce(sum(length(payload)), 0) FROM quarantine"
                " WHERE device = ? AND id NOT IN (SELECT value FROM json_each(?))",
                (it.device, json.dumps([*instead_of])),
            ).fetchone()
            fits = held + len(it.payload) <= QUARANTINE_DEVICE_BYTES_MAX
            if fits:
                connection.executemany("DELETE FROM quarantine WHERE id = ?", [(row,) for row in instead_of])
            connection.execute(
                "INSERT INTO quarantine (digest, reason, device, channel, detail, payload, first_ms, last_ms, times)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (device, digest, reason) DO UPDATE"
                " SET times = times + 1, last_ms = excluded.last_ms, payload = max(payload, excluded.payload)",
                (sha256(it.payload).digest(), it.reason, it.device, it.channel, it.detail,
                 it.payload if fits else b"", it.at_ms, it.at_ms),
            )  # fmt: skip


def _of_journal(device: str, epoch: int) -> tuple[str, str, str]:
    return device, FORK, f"{branch_prefix(epoch)}%"


def _advance(connection: sqlite3.Connection, commit: Commit, at_ms: int) -> None:
    """Move the watermark from exactly where the batch was judged against; anything else is a lost race, and stops."""
    before, after = commit.before, commit.after
    if before.sequence == 0:
        changed = connection.execute(
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
        ).rowcount
    else:
        changed = connection.execute(
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
        ).rowcount
    if changed != 1:
        raise StoreFailed(
            f"the watermark of {commit.device} moved meanwhile",
            fix="one ingest worker owns a shard: stop the second backend",
            device=commit.device,
        )


def _add_records(connection: sqlite3.Connection, commit: Commit) -> None:
    """Records, and the index of day keys."""
    connection.executemany(
        "INSERT INTO record (device, epoch, sequence, hash, bytes, kind, wall_ms, vehicle, door, verdict, reason,"
        " fare_rials, persons, payer, shift, line, lat_e6, lon_e6)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (r.device, r.epoch, r.sequence, r.hash, r.raw, r.kind, r.wall_ms, r.vehicle, r.door, r.verdict, r.reason,
             r.fare_rials, r.persons, None if r.payer is None else r.payer.value, r.shift, r.line, r.lat_e6, r.lon_e6)
            for r in commit.records
        ],
    )  # fmt: skip
    connection.executemany(
        "INSERT OR IGNORE INTO day_key VALUES (?, ?, ?, ?)",
        [(r.device, r.epoch, r.key_id, r.sequence) for r in commit.records if r.key_id is not None],
    )


def _count(connection: sqlite3.Connection, commits: Sequence[Commit]) -> None:
    """Totals for the status page, kept as they grow."""
    tally: Counter[str] = Counter()
    for commit in commits:
        for record in commit.records:
            if record.kind == RecordKind.TAP:
                assert record.verdict is not None
                tally[f"verdict:{record.verdict}"] += 1
                tally["accepted"] += TABLE[Verdict(record.verdict)].boards
        tally["posted_rials"] += sum(t.rials for t in commit.transfers)
        tally["shown_less"] += commit.shown_less
    connection.executemany(
        "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n", list(tally.items())
    )
