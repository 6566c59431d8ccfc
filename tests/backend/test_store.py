"""The store's own rules: all of a group or nothing, a guarded watermark, no foreign file, no rider where none may be."""

import ctypes
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

import backend.adapters.ledger.ingest as tables
from backend.adapters.ledger.connection import raw
from backend.adapters.sqlite.store import SqliteStore
from backend.core.errors import StoreFailed, StoreForeign
from backend.core.ledger import SUSPENSE, Payer, Transfer, TransferKind
from backend.core.payments.topup import TopUp
from backend.core.ports import FORK, Commit, Device, Quarantined, StoredRecord, branch_prefix
from backend.core.repeats import Claim
from protocol.fares.verdicts import Verdict
from protocol.wire import chain
from protocol.wire.health import Machine, RunCause
from protocol.wire.passes import Presentation
from protocol.wire.records import RecordKind
from protocol.wire.standing import Watermark
from tests.backend.bus import FARE, NOON_MS, Bus, Proof, Rider
from tests.backend.desk import CITY, Desk, check_ledger
from tests.protocol.samples import HEALTH

pytestmark = pytest.mark.databases

RIDER = Rider(1)
EPOCH = 7
TABLES = ("epoch", "record", "day_key", "claim", "account", "transfer", "tally", "device", "ledger")


def head(number: int) -> bytes:
    return number.to_bytes(32, "big")


def mark(sequence: int) -> Watermark:
    return Watermark(EPOCH, sequence, head(sequence)) if sequence else Watermark.before(EPOCH)


def commit(first: int, last: int, *, device: str = "bus-1-d1") -> Commit:
    """Records `first` to `last` of one device, each a charged tap."""
    records = [
        StoredRecord(device, EPOCH, n, head(n), b"bytes", int(RecordKind.TAP), NOON_MS, "bus-1", 1,
                     int(Verdict.ACCEPTED), 0, FARE, 1, Payer.RIDER)
        for n in range(first, last + 1)
    ]  # fmt: skip
    transfers = [
        Transfer(f"{device} {n}".encode(), TransferKind.FARE, RIDER.account, "operator:bus-1", FARE)
        for n in range(first, last + 1)
    ]
    claims = [claim(device, n) for n in range(first, last + 1)]
    return Commit(device, mark(first - 1), mark(last), records, bytes(64), device, transfers=transfers, claims=claims)


def claim(device: str, number: int, boarding: bytes = b"") -> Claim:
    """Each tap of another rider, far from the others."""
    shown = Presentation(device.encode(), 1, number)
    return Claim(
        device, EPOCH, number, shown, "bus-1", number * 10**8, 180_000, 0, 0, FARE, 1000, 1000, 0, FARE, FARE, 3,
        boarding=boarding or f"{device} {number}".encode(), charged=True, rials=FARE,
    )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, [], [RIDER])
    yield desk
    desk.close()


def everything(desk: Desk) -> list[list[tuple]]:
    return [desk.rows(f"SELECT * FROM {table}") for table in TABLES]


# --- one transaction ---------------------------------------------------------------------------------------------------


def test_a_commit_moves_everything_together(desk: Desk) -> None:
    """P8: watermark, records, transfers, balances, claims and counts are of one moment."""
    before = desk.store.ledger_mark()
    after = desk.store.commit([commit(1, 3), commit(1, 2, device="bus-2-d1")], NOON_MS)
    assert after == desk.store.ledger_mark()
    assert after.incarnation == before.incarnation == 1
    assert after.head != before.head
    assert desk.store.watermark("bus-1-d1", EPOCH) == desk.store.latest("bus-1-d1") == mark(3)
    assert desk.store.hash_of("bus-1-d1", EPOCH, 2) == head(2)
    assert desk.store.hash_of("bus-1-d1", EPOCH, 4) is None
    assert desk.store.watermark("bus-1-d1", EPOCH + 1) == Watermark(EPOCH + 1, 0, chain.GENESIS)
    assert desk.store.latest("bus-3-d1") is None
    assert list(desk.store.claims_near([claim("bus-1-d1", 3)], 180_000)) == [claim("bus-1-d1", 3)]
    assert list(desk.store.claims_near([claim("bus-1-d1", 4)], 180_000)) == []
    assert desk.store.balance("operator:bus-1") == 5 * FARE
    check_ledger(desk)


@pytest.mark.parametrize("epochs", [(7, 9), (9, 7)])
def test_the_newest_journal_is_the_one_that_began_last(desk: Desk, epochs: tuple[int, int]) -> None:
    """P14: an epoch is a random number; which is newer, only its arrival tells."""
    first, second = (Bus(epoch=epoch) for epoch in epochs)
    desk.enrol(first)
    desk.take_whole(first)
    second.refusal()
    desk.now_ms += 1
    desk.take_whole(second)
    assert desk.store.latest(first.name) == Watermark(second.epoch, 3, second.hashes[-1])
    assert [row.held_sequence for row in desk.store.devices([first.device])] == [3]


@pytest.mark.parametrize(
    "late",
    [
        commit(1, 3),  # another worker began this epoch
        commit(2, 3),  # another worker moved it: the same records
        replace(commit(4, 5), before=replace(mark(3), head=bytes(32))),  # the right number under another chain
        commit(6, 7),
    ],
)
def test_a_watermark_that_moved_stops_the_whole_group(desk: Desk, late: Commit) -> None:
    """P6: two workers on one shard cannot both store; the second hears why, and leaves nothing."""
    desk.store.commit([commit(1, 3)], NOON_MS)
    before = everything(desk)
    with pytest.raises(StoreFailed, match="moved meanwhile") as caught:
        desk.store.commit([commit(1, 2, device="bus-2-d1"), late], NOON_MS)
    assert "second backend" in caught.value.fix
    assert everything(desk) == before
    desk.store.commit([commit(4, 5)], NOON_MS)
    check_ledger(desk)


def test_two_backends_on_one_ledger(tmp_path: Path) -> None:
    """P6: the same through two stores on one file, as two processes hold it."""
    bus = Bus()
    bus.tap(RIDER.show(1))
    one, two = Desk(tmp_path, [bus], [RIDER]), Desk(tmp_path, [bus])
    stale = two.store.watermark(bus.name, bus.epoch)
    one.take((bus, bus.batch(1, 2)))
    with pytest.raises(StoreFailed):
        two.store.commit([replace(commit(1, 1), device=bus.name, before=stale, after=replace(stale, sequence=1))], 1)
    assert two.take_whole(bus)[0].sequence == bus.last
    check_ledger(one)
    one.close()
    two.close()


@pytest.mark.parametrize(
    "broken",
    [
        replace(commit(1, 2), transfers=[*commit(1, 2).transfers, commit(1, 1).transfers[0]]),  # one key twice
        replace(commit(1, 2), records=[*commit(1, 2).records, commit(2, 2).records[0]]),  # one record twice
        replace(commit(1, 2), claims=[claim("bus-1-d1", 1, b"bus-2-d1 1")]),  # two charged for one boarding
        replace(
            commit(1, 1), transfers=[Transfer(b"x", TransferKind.FARE, SUSPENSE, "operator:b", 1.5)]
        ),  # money as a float
    ],
)
def test_a_failure_in_the_middle_leaves_nothing(desk: Desk, broken: Commit) -> None:
    """P6, P8: also not of the batches before it in the group."""
    before = everything(desk)
    with pytest.raises(StoreFailed):
        desk.store.commit([commit(1, 2, device="bus-2-d1"), broken], NOON_MS)
    assert everything(desk) == before
    desk.store.commit([commit(1, 2, device="bus-2-d1")], NOON_MS)
    check_ledger(desk)


def test_an_interrupt_in_the_middle_leaves_nothing(desk: Desk) -> None:
    """P8: whatever ends the block, nothing stays half."""
    before = everything(desk)

    def interrupted() -> None:
        with desk.store._writer.transaction() as core:
            desk.store._driver.run(raw(core), "UPDATE ledger SET head = ?", (bytes(32),))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert everything(desk) == before
    desk.store.commit([commit(1, 2)], NOON_MS)


def test_the_reader_sees_what_is_committed_while_a_write_is_open(desk: Desk) -> None:
    """The status page neither waits for ingest nor sees half of it."""
    desk.store.commit([commit(1, 2)], NOON_MS)
    with desk.store._writer.transaction() as core:
        connection = raw(core)
        connection.execute("UPDATE account SET credits = credits + 1")
        connection.execute("DELETE FROM record")
        assert desk.store.balance("operator:bus-1") == 2 * FARE
        assert len(desk.store.taps(None, 9)) == 2
        assert desk.store.counts()["accepted"] == 2
        connection.execute("UPDATE account SET credits = credits - 1")
    assert len(desk.store.taps(None, 9)) == 0


@pytest.mark.sqlite_only
def test_the_disk_is_asked_to_sync(desk: Desk) -> None:
    """P2: WAL with synchronous=FULL on both connections; a receipt means durable."""
    for guarded in (desk.store._writer, desk.store._reader):
        with guarded.reading() as core:
            connection = raw(core)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
            assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)


# --- whose file ----------------------------------------------------------------------------------------------------------


def test_another_citys_ledger_is_refused_and_left(tmp_path: Path) -> None:
    """P8: no city's money is mixed with another's."""
    path = tmp_path / "ledger.db"
    SqliteStore(path, "shiraz").close()
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match="shiraz"):
        SqliteStore(path, CITY)
    assert path.read_bytes() == before
    assert [it.name for it in tmp_path.iterdir()] == [path.name]
    SqliteStore(path, "shiraz").close()


def _other_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE song (name TEXT)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("make", [_other_database, lambda path: path.write_bytes(b"no database at all, " * 99)])
def test_a_foreign_file_is_refused_and_left(tmp_path: Path, make: object) -> None:
    """Not one byte of it is changed, and nothing is put beside it."""
    path = tmp_path / "ledger.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match="not a Savar ledger"):
        SqliteStore(path, CITY)
    assert path.read_bytes() == before
    assert [it.name for it in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")
    with pytest.raises(StoreFailed, match="cannot open"):
        SqliteStore(tmp_path / "data" / "ledger.db", CITY)


def test_a_ledger_opens_again_with_what_it_held(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "deep" / "ledger.db", CITY)
    store.commit([commit(1, 3)], NOON_MS)
    mark_before = store.ledger_mark()
    store.close()
    store = SqliteStore(tmp_path / "deep" / "ledger.db", CITY)
    assert store.ledger_mark() == mark_before
    assert store.watermark("bus-1-d1", EPOCH) == mark(3)
    store.close()


# --- a full disk (P4) ----------------------------------------------------------------------------------------------------


def _bus() -> Bus:
    bus = Bus()
    bus.ride(1, [RIDER], 300)
    return bus


def _fills(desk: Desk, bus: Bus, *, room: object) -> None:
    """Batches until the disk is full: nothing of the failing one is stored, and with room again all goes on."""
    batches = bus.batches(20)
    for number, batch in enumerate(batches):
        before = desk.records()
        if not desk.take((bus, batch)):
            assert number > 0
            assert desk.records() == before
            check_ledger(desk)
            room()
            break
    else:
        pytest.fail("the disk never was full")
    for batch in batches:
        desk.take((bus, batch))
    assert desk.records() == bus.last
    check_ledger(desk)


@pytest.mark.sqlite_only
def test_a_full_disk_stores_nothing_of_the_group(desk: Desk) -> None:
    """P4: by the largest number of pages that the file may have."""
    bus = _bus()
    desk.enrol(bus)

    def pages(more: int) -> None:
        with desk.store._writer.reading() as core:
            connection = raw(core)
            (held,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count={held + more}")

    pages(20)
    _fills(desk, bus, room=lambda: pages(1 << 20))


@pytest.mark.integration
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.sqlite_only
def test_a_full_disk_for_real(tmp_path: Path) -> None:
    """P4: on a file system of four megabytes, with somebody else's file taking the rest."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(tmp_path), b"tmpfs", 0, b"size=4m") != 0:
        pytest.skip("this machine does not let us mount")
    try:
        bus = _bus()
        desk = Desk(tmp_path, [bus], [RIDER])
        ballast = tmp_path / "ballast"
        ballast.write_bytes(bytes(3_300_000))
        _fills(desk, bus, room=ballast.unlink)
        desk.close()
    finally:
        libc.umount2(os.fsencode(tmp_path), 2)  # MNT_DETACH


# --- nobody is watched (P18) -----------------------------------------------------------------------------------------------


def columns(desk: Desk, table: str) -> set[str]:
    with desk.store._reader.reading() as core:
        return {column["name"] for column in sa.inspect(core).get_columns(table)}


def test_no_rider_in_records_and_no_tap_in_transfers(desk: Desk) -> None:
    """P18: only `claim` has both."""
    assert columns(desk, "record") == {
        "id", "device", "epoch", "sequence", "hash", "bytes", "kind", "wall_ms", "vehicle", "door", "verdict",
        "reason", "fare_rials", "persons", "payer", "shift", "line", "lat_e6", "lon_e6",
    }  # fmt: skip
    assert columns(desk, "transfer") == {
        "id", "key", "kind", "debit", "credit", "rials", "hash", "at_ms", "phase", "resolves", "expires_ms", "day",
    }  # fmt: skip
    assert columns(desk, "account") == {"id", "debits", "credits", "debits_pending", "credits_pending"}
    assert columns(desk, "pending") == {"key", "expires_ms"}


def test_the_plain_credential_is_in_no_record(desk: Desk) -> None:
    """P18: what a record holds of the rider is sealed."""
    bus = Bus()
    bus.tap(RIDER.show(1))
    desk.enrol(bus)
    desk.take_whole(bus)
    for (told,) in desk.rows("SELECT bytes FROM record"):
        assert RIDER.credential_id not in told
        assert RIDER.key.public not in told


def test_travel_is_deleted_without_touching_money(desk: Desk) -> None:
    """P8, P18: balances, the ledger's chain, the records and the counts stay as they were."""
    bus = _bus()
    desk.enrol(bus)
    desk.take_whole(bus)
    kept = ("account", "transfer", "ledger", "record", "epoch", "tally")
    before = [desk.rows(f"SELECT * FROM {table}") for table in kept]
    assert desk.store.rider_taps(RIDER.credential_id, 9)
    with desk.store._writer.transaction() as core:
        desk.store._driver.run(raw(core), "DELETE FROM claim WHERE credential = ?", (RIDER.credential_id,))
    assert [desk.rows(f"SELECT * FROM {table}") for table in kept] == before
    check_ledger(desk)
    assert not desk.store.rider_taps(RIDER.credential_id, 9)
    assert desk.take_whole(bus)[0].sequence == bus.last


# --- counts and lists ----------------------------------------------------------------------------------------------------


def test_the_tally_equals_a_recount(desk: Desk) -> None:
    """P3: what the status page shows is what is stored, top-ups apart."""
    bus = _bus()
    bus.tap(RIDER.show(9), proof=Proof.FORGED)
    bus.tap(RIDER.show(10), verdict=Verdict.BOARD_FREE)
    desk.enrol(bus)
    for batch in bus.batches(50):
        desk.take((bus, batch))
    desk.store.add_topup(TopUp("t", RIDER.credential_id, 90_000, "pending", "a", NOON_MS))
    desk.store.pay_topup("t", NOON_MS)
    check_ledger(desk)
    assert desk.store.counts()["accepted"] > 200


def test_taps_are_paged_newest_first(desk: Desk) -> None:
    desk.store.commit([commit(1, 7)], NOON_MS)
    seen, cursor = [], None
    while page := desk.store.taps(cursor, 3):
        seen += [row.sequence for _, row in page]
        cursor = page[-1][0]
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_many_riders_are_looked_up_at_once(desk: Desk) -> None:
    """More than one statement's worth, in which the unregistered are simply not."""
    ids = [n.to_bytes(8, "big") for n in range(1_201)]
    assert list(desk.store.riders(ids)) == [RIDER.credential_id]
    assert desk.store.riders([]) == {}
    assert desk.store.claims_near([], 180_000) == []


def test_the_quarantine_counts_what_comes_again(desk: Desk) -> None:
    """P3: kept once with its first and last time; another reason or device is another entry."""
    for at, device, reason in ((1, "a", "Fork"), (5, "a", "Fork"), (6, "a", "BadSignature"), (7, "b", "Fork")):
        desk.store.quarantine(Quarantined(device, "taps", reason, "why", b"payload", at))
    assert desk.rows("SELECT device, reason, first_ms, last_ms, times, payload FROM quarantine ORDER BY id") == [
        ("a", "Fork", 1, 5, 2, b"payload"), ("a", "BadSignature", 6, 6, 1, b"payload"), ("b", "Fork", 7, 7, 1, b"payload"),
    ]  # fmt: skip
    assert desk.store.counts()["quarantined"] == 4


def test_what_does_not_fit_takes_nothings_place(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: a longer branch whose device has used up its share must not take the shorter one with it."""
    monkeypatch.setattr(tables, "QUARANTINE_DEVICE_BYTES_MAX", 100)

    def refused(payload: bytes, reason: str = FORK) -> Quarantined:
        return Quarantined("bus-1-d1", "taps", reason, f"{branch_prefix(EPOCH)} why", payload, NOON_MS)

    def kept() -> list[bytes]:
        return [batch for _, batch in desk.store.branches("bus-1-d1", EPOCH)]

    desk.store.quarantine(refused(bytes(40), "Truncated"))
    desk.store.quarantine(refused(b"short"))
    ((row, _),) = desk.store.branches("bus-1-d1", EPOCH)
    desk.store.quarantine(refused(b"longer " * 10), instead_of=[row])
    assert kept() == [b"short"]
    desk.store.quarantine(refused(b"long " * 10), instead_of=[row])
    assert kept() == [b"long " * 10]
    ((row, _),) = desk.store.branches("bus-1-d1", EPOCH)
    desk.store.quarantine(refused(b"x"), instead_of=[row])
    desk.store.quarantine(refused(b"longer " * 8))
    assert kept() == [b"x", b"longer " * 8]


def test_what_did_not_fit_is_kept_when_it_comes_again_and_does(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    again = Quarantined("bus-1-d1", "taps", FORK, f"{branch_prefix(EPOCH)} why", b"bytes", NOON_MS)
    with monkeypatch.context() as small:
        small.setattr(tables, "QUARANTINE_DEVICE_BYTES_MAX", 4)
        desk.store.quarantine(again)
    assert desk.store.branches("bus-1-d1", EPOCH) == []
    for _ in range(2):
        desk.store.quarantine(again)
        assert [batch for _, batch in desk.store.branches("bus-1-d1", EPOCH)] == [b"bytes"]


def test_the_quarantine_keeps_only_so_many_bytes_of_one_device(desk: Desk) -> None:
    """P3: beyond it what came is still counted, with its reason; another device's is kept whole."""
    mebibyte = 1 << 20
    for number in range(18):
        payload = number.to_bytes(2, "big") + bytes(mebibyte - 2)
        desk.store.quarantine(Quarantined("bus-1-d1", "taps", "BadSignature", "", payload, NOON_MS))
    desk.store.quarantine(Quarantined("bus-2-d1", "taps", "BadSignature", "", bytes(mebibyte), NOON_MS))
    with desk.store._reader.reading() as core:
        connection = raw(core)
        kept = dict(
            connection.execute("SELECT device, sum(length(payload)) FROM quarantine GROUP BY device").fetchall()
        )
    assert kept == {"bus-1-d1": 16 * mebibyte, "bus-2-d1": mebibyte}
    assert desk.store.counts()["quarantined"] == 19


def test_a_restored_ledger_is_another_incarnation_each_time(desk: Desk) -> None:
    """P2: also where the same copy is restored twice."""
    assert desk.store.ledger_mark().incarnation == 1
    assert desk.store.renew_incarnation(NOON_MS) == NOON_MS == desk.store.ledger_mark().incarnation
    assert desk.store.renew_incarnation(NOON_MS - 5) == NOON_MS + 1


def test_a_branch_is_named_after_its_journal() -> None:
    """The name stands in ledgers: what was kept before an update is found after it."""
    assert branch_prefix(0xAB) == "journal ab:"


def test_a_row_of_an_older_software_is_read(desk: Desk) -> None:
    """What is in the ledger when the backend is renewed has no machine, no sister and no panel board."""
    desk.store.keep_health(HEALTH, 1)
    newer = ("machine", "sister", "unread", "started", "board")
    row = {
        name: value for name, value in json.loads(desk.one("SELECT health FROM device")).items() if name not in newer
    }
    with desk.store._writer.transaction() as core:
        desk.store._driver.run(raw(core), "UPDATE device SET health = ?", (json.dumps(row),))
    (told,) = desk.store.devices([Device(HEALTH.device, "s0", "bus-0001", 1, b"")])
    assert told.health == replace(
        HEALTH, machine=Machine(), sister=None, unread=(), started=RunCause.UNKNOWN, board=None
    )
