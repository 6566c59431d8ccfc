"""`savar journal` on real files: with a log not folded in, pruned, damaged, foreign, and no journal at all."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization

from cli.journal import command
from edge.adapters.journal_file import open_journal
from edge.core.errors import JournalFailed, JournalForeign, KeyMissing
from protocol.errors import ChainBroken, WireError
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.keys import SigningKey
from protocol.wire.receipts import open_receipt
from protocol.wire.records import decode_record
from tests.edge.journals import create, head_at, receipt, rows, write
from tests.protocol.samples import DEVICE, EPOCH, OTHER_TAP_KEY, RECEIPT_KEY, TAP_KEY

ROWS = rows(5)
HEX = TAP_KEY.public.hex()


def _run(*arguments: object) -> Result:
    result = CliRunner().invoke(command, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _report(*arguments: object, status: int = 0) -> dict:
    result = _run(*arguments, "--json", "-")
    assert result.exit_code == status, result.output
    return json.loads(result.stdout)


def _batches(folder: Path) -> list[tuple[int, int]]:
    """What a depot file holds, as the backend would take it."""
    ranges = []
    for file in folder.iterdir():
        batch = decode_batch(file.read_bytes())
        verify_batch(batch, TAP_KEY.verifying)
        assert file.name == f"{DEVICE}-{EPOCH}-{batch.first}-{batch.last}.batch"
        assert list(batch.records) == [row.raw for row in BIG[batch.first - 1 : batch.last]]
        ranges.append((batch.first, batch.last))
    return sorted(ranges)


BIG = rows(400)  # several pages of the file, so that one can be damaged


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return write(tmp_path / "journal.db", BIG, receipt(100, head_at(BIG, 100)))


def test_inspect_counts_what_is_there(journal: Path) -> None:
    report = _report("inspect", journal)
    assert report == {
        "file": str(journal), "device": DEVICE, "epoch": EPOCH, "first": 1, "last": 402, "records": 402,
        "signed": 402, "note": None, "kinds": {"OPENING": 1, "DAY_KEY": 1, "TAP": 400},
        "verdicts": {"ACCEPTED_CONCESSION": 399, "NOT_A_FARE_CODE": 1}, "receipted": 100, "window": 0,
    }  # fmt: skip


def test_verify_proves_chain_signatures_and_receipt(journal: Path) -> None:
    report = _report("verify", journal, "--key", HEX, "--receipt-key", RECEIPT_KEY.public.hex())
    assert report["ok"] is True
    assert (report["records"], report["head"], report["broken"]) == (402, head_at(BIG, 402).hex(), None)
    assert (report["key_from"], report["receipt_proven"], report["receipted"]) == ("given", True, 100)
    assert _report("verify", journal)["key_from"] == "opening"


def test_a_log_that_is_not_folded_in_is_read(tmp_path: Path) -> None:
    """The validator may be running, or have lost power: what is only in the log counts."""
    writer = create(tmp_path / "journal.db", ROWS)
    assert (tmp_path / "journal.db-wal").stat().st_size > 0
    assert _report("verify", tmp_path / "journal.db")["records"] == len(ROWS)
    for suffix in ("", "-wal"):  # a copy of a card
        copy = tmp_path / f"copy.db{suffix}"
        copy.write_bytes((tmp_path / f"journal.db{suffix}").read_bytes())
    writer.close()
    assert _report("verify", tmp_path / "copy.db")["records"] == len(ROWS)


@pytest.mark.parametrize("verb", ["inspect", "verify", "export", "recover"])
def test_a_running_validators_journal_is_said_to_be_in_use(journal: Path, tmp_path: Path, verb: str) -> None:
    """The validator owns its file alone (locking_mode EXCLUSIVE); the way out is a copy, not `recover`."""
    owner = sqlite3.connect(journal)
    owner.execute("PRAGMA locking_mode=EXCLUSIVE")
    owner.execute("INSERT INTO record (sequence, bytes, countersign, digest) VALUES (999, x'', x'', x'')")
    options = ["--out", tmp_path / "out"] if verb in ("export", "recover") else []
    with pytest.raises(JournalFailed, match="in use by a running validator — stop it"):
        _run(verb, journal, *options)
    owner.close()
    assert not (tmp_path / "out").exists()


def test_nothing_is_written(journal: Path) -> None:
    before = journal.read_bytes()
    for verb in (["inspect"], ["verify"], ["export", "--out", journal.parent / "a"]):
        _run(verb[0], journal, *verb[1:])
    assert journal.read_bytes() == before
    with open_journal(journal) as opened, pytest.raises(sqlite3.OperationalError, match="readonly"):
        opened._database.execute("DELETE FROM record")


def test_read_only_media_with_a_log_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = create(tmp_path / "journal.db", ROWS)

    class _ReadOnly:
        f_flag = 1

    monkeypatch.setattr("edge.adapters.journal_file.os.statvfs", lambda _: _ReadOnly)
    with pytest.raises(JournalFailed, match="not folded in"):
        _run("verify", tmp_path / "journal.db")
    writer.close()
    assert _report("verify", tmp_path / "journal.db")["ok"] is True


@pytest.mark.parametrize(("name", "row"), [("bytes", 77), ("countersign", 78)])
def test_verify_names_the_first_break_and_ends_with_1(journal: Path, name: str, row: int) -> None:
    """P11. The signature of 77 stands beside 78."""
    connection = sqlite3.connect(journal)
    (data,) = connection.execute(f"SELECT {name} FROM record WHERE sequence = {row}").fetchone()
    changed = data[:40] + bytes([data[40] ^ 4]) + data[41:]
    connection.execute(f"UPDATE record SET {name} = ? WHERE sequence = {row}", (changed,))
    connection.commit()
    connection.close()
    report = _report("verify", journal, status=1)
    assert report["ok"] is False
    assert report["broken"]["sequence"] == 77
    assert report["broken"]["message"]
    assert "77" in _run("verify", journal).stdout


def test_a_card_rolled_back_below_its_receipt_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "journal.db", ROWS[:4], receipt(5, head_at(ROWS, 5)))
    for options in ([], ["--receipt-key", RECEIPT_KEY.public.hex()]):
        report = _report("verify", path, *options, status=1)
        assert report["broken"]["error"] == "RolledBack"


def test_a_receipt_under_another_key_is_not_believed(journal: Path) -> None:
    report = _report("verify", journal, "--receipt-key", OTHER_TAP_KEY.public.hex(), status=1)
    assert report["broken"]["error"] == "UnknownKey"


def test_a_pruned_journal_needs_the_key_and_says_what_went(tmp_path: Path) -> None:
    path = write(tmp_path / "journal.db", ROWS[3:], receipt(2, head_at(ROWS, 2)))
    with pytest.raises(KeyMissing, match="opening"):
        _run("verify", path)
    report = _report("verify", path, "--key", HEX)
    assert (report["ok"], report["pruned"], report["pruned_without_receipt"]) == (True, 3, 1)


def test_keys_come_as_hex_as_a_file_and_as_pem(tmp_path: Path, journal: Path) -> None:
    private = tmp_path / "tap.key.pem"
    private.write_bytes(TAP_KEY.to_pem())
    public = tmp_path / "tap.pub.pem"
    public.write_bytes(TAP_KEY.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ))  # fmt: skip
    written = tmp_path / "tap.pub"
    written.write_text(HEX + "\n")
    for key in (private, public, written, HEX):
        assert _report("verify", journal, "--key", key)["key"] == HEX
    for key in ("zz", "00" * 33, "no-such-file"):
        assert _run("verify", journal, "--key", key).exit_code == 2


def test_export_writes_batches_a_backend_takes(journal: Path, tmp_path: Path) -> None:
    report = _report("export", journal, "--out", tmp_path / "depot", "--from", 101)
    assert (report["first"], report["last"], report["records"]) == (101, 402, 302)
    assert _batches(tmp_path / "depot") == [(101, 402)]
    assert report["files"] == [file.name for file in (tmp_path / "depot").iterdir()]


def test_export_of_a_broken_journal_points_to_recover(journal: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(journal)
    connection.execute("DELETE FROM record WHERE sequence = 50")
    connection.commit()
    connection.close()
    with pytest.raises(ChainBroken, match="recover"):
        _run("export", journal, "--out", tmp_path / "depot")
    assert not [file for file in (tmp_path / "depot").glob("*") if file.suffix != ".batch"]


def test_a_depot_that_cannot_be_written_is_named(journal: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalFailed, match="cannot write"):
        _run("export", journal, "--out", tmp_path / "file" / "depot")


def test_recover_of_a_sound_journal_loses_nothing(journal: Path, tmp_path: Path) -> None:
    report = _report("recover", journal, "--out", tmp_path / "saved")
    assert (report["records"], report["lost"], report["end_known"]) == (402, [], True)
    assert _batches(tmp_path / "saved") == [(1, 402)]


def test_recover_says_exactly_what_is_lost_and_what_the_backend_holds(journal: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(journal)
    connection.execute("DELETE FROM record WHERE sequence BETWEEN 90 AND 110")
    connection.execute("UPDATE record SET bytes = x'00' WHERE sequence = 300")
    connection.commit()
    connection.close()
    report = _report("recover", journal, "--out", tmp_path / "saved", status=1)
    # 89 stands there, but its signature stood beside 90.
    assert (report["unsigned"], "--tap-key" in report["note"]) == ([89], True)
    assert report["lost"] == [
        {"first": 89, "last": 100, "backend_holds": True},
        {"first": 101, "last": 110, "backend_holds": False},
        {"first": 300, "last": 300, "backend_holds": False},
    ]
    assert _batches(tmp_path / "saved") == [(1, 88), (111, 299), (301, 402)]


def test_recover_with_the_devices_own_key_signs_what_only_lacks_its_signature(journal: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(journal)
    connection.execute("DELETE FROM record WHERE sequence BETWEEN 90 AND 110")
    connection.execute("UPDATE identity SET tail_sequence = NULL, tail_signature = NULL")
    connection.commit()
    connection.close()
    report = _report("recover", journal, "--out", tmp_path / "saved", *_tap_key(tmp_path), status=1)
    assert report["unsigned"] == [89, 402]
    assert [(lost["first"], lost["last"]) for lost in report["lost"]] == [(90, 100), (101, 110)]
    assert _batches(tmp_path / "saved") == [(1, 89), (111, 402)]


def test_recover_signs_nothing_whose_predecessor_is_not_proven(journal: Path, tmp_path: Path) -> None:
    """P11: a row that stands alone says itself what it follows; the device's key must not vouch for that."""
    connection = sqlite3.connect(journal)
    connection.execute("DELETE FROM record WHERE sequence IN (99, 101)")  # 100 stands alone, its signature gone
    connection.commit()
    connection.close()
    report = _report("recover", journal, "--out", tmp_path / "saved", *_tap_key(tmp_path), status=1)
    assert report["unsigned"] == [98, 100]
    assert _batches(tmp_path / "saved") == [(1, 98), (102, 402)]


def _tap_key(folder: Path, key: SigningKey = TAP_KEY) -> list[object]:
    path = folder / "tap.key.pem"
    path.write_bytes(key.to_pem())
    return ["--tap-key", path]


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A power cut between the last record's commit and its signature."""
    return write(tmp_path / "journal.db", [*BIG[:-1], replace(BIG[-1], signature=b"")])


def test_a_last_record_without_signature_is_said_and_is_no_break(cut: Path) -> None:
    for verb in ("inspect", "verify"):
        report = _report(verb, cut)
        assert (report["last"], report["signed"]) == (402, 401)
        assert report["note"].startswith("the last record is chained but not yet signed")
    assert _report("verify", cut)["ok"] is True


def test_an_unsigned_record_inside_a_journal_is_a_break(journal: Path) -> None:
    """P11."""
    connection = sqlite3.connect(journal)
    connection.execute("UPDATE record SET countersign = NULL WHERE sequence = 78")
    connection.commit()
    connection.close()
    report = _report("verify", journal, status=1)
    assert (report["broken"]["sequence"], report["broken"]["error"]) == (77, "ChainBroken")


def test_a_wrong_last_signature_is_a_break(journal: Path) -> None:
    """P11: missing may be a power cut, wrong may not."""
    connection = sqlite3.connect(journal)
    connection.execute("UPDATE identity SET tail_signature = zeroblob(64)")
    connection.commit()
    connection.close()
    assert _report("verify", journal, status=1)["broken"]["sequence"] == 402


@pytest.mark.parametrize("verb", ["export", "recover"])
def test_an_unsigned_last_record_is_left_out_and_said(cut: Path, tmp_path: Path, verb: str) -> None:
    report = _report(verb, cut, "--out", tmp_path / "out", status=1 if verb == "recover" else 0)
    assert (report["records"], "left out; give --tap-key" in report["note"]) == (401, True)
    assert _batches(tmp_path / "out") == [(1, 401)]


@pytest.mark.parametrize("verb", ["export", "recover"])
def test_an_unsigned_last_record_is_signed_with_the_devices_own_key(cut: Path, tmp_path: Path, verb: str) -> None:
    report = _report(verb, cut, "--out", tmp_path / "out", *_tap_key(tmp_path))
    assert (report["records"], "signed here with --tap-key" in report["note"]) == (402, True)
    assert _batches(tmp_path / "out") == [(1, 402)]


def _rotten(raw: bytes) -> bytes:
    """One bit flipped, and a record all the same, which follows the same."""
    link = decode_record(raw).link
    for at in reversed(range(len(raw))):
        flipped = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        try:
            if decode_record(flipped).link == link:
                return flipped
        except WireError:
            continue
    pytest.fail("no such bit")


@pytest.mark.parametrize("verb", ["export", "recover"])
def test_an_unsigned_last_record_that_has_rotted_is_not_signed(cut: Path, tmp_path: Path, verb: str) -> None:
    """P11: nothing vouches for it yet; signed, it would be a fork of what the other door was told. Seed 2 found it."""
    connection = sqlite3.connect(cut)
    (raw,) = connection.execute("SELECT bytes FROM record WHERE sequence = 402").fetchone()
    connection.execute("UPDATE record SET bytes = ? WHERE sequence = 402", (_rotten(raw),))
    connection.commit()
    connection.close()
    if verb == "export":
        with pytest.raises(ChainBroken, match="recover"):
            _run(verb, cut, "--out", tmp_path / "out", *_tap_key(tmp_path))
        return
    assert _report(verb, cut, "--out", tmp_path / "out", *_tap_key(tmp_path), status=1)["records"] == 401
    assert _batches(tmp_path / "out") == [(1, 401)]


@pytest.mark.parametrize("verb", ["export", "recover"])
def test_another_devices_key_signs_nothing(cut: Path, tmp_path: Path, verb: str) -> None:
    for more in ([], ["--key", HEX]):
        with pytest.raises(KeyMissing, match="not the key"):
            _run(verb, cut, "--out", tmp_path / "out", *_tap_key(tmp_path, OTHER_TAP_KEY), *more)
    assert not (tmp_path / "out").exists()


def test_a_tap_key_file_that_is_none_is_refused(cut: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no key")
    for path in (tmp_path / "text", tmp_path / "missing"):
        assert _run("export", cut, "--out", tmp_path / "out", "--tap-key", path).exit_code == 2


def _pages(path: Path) -> list[int]:
    """Numbers (from 0) of the pages that hold leaves of the record table: several records each."""
    connection = sqlite3.connect(path)
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    data = path.read_bytes()
    return [at // size for at in range(size, len(data), size) if data[at : at + size].count(DEVICE.encode()) > 2]


def _wreck(path: Path, pages: list[int]) -> None:
    data = bytearray(path.read_bytes())
    for page in pages:
        data[4096 * page : 4096 * (page + 1)] = b"\xa5" * 4096
    path.write_bytes(data)


def _root(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    return int(page) - 1


@pytest.mark.parametrize("where", ["start", "middle", "two", "end"])
def test_recover_reads_around_pages_that_sqlite_cannot(journal: Path, tmp_path: Path, where: str) -> None:
    """A dead block on a card: every record outside it is saved."""
    leaves = _pages(journal)
    assert len(leaves) > 30
    wrecked = {"start": leaves[:1], "middle": leaves[10:14], "two": [leaves[5], leaves[20]], "end": leaves[-1:]}[where]
    _wreck(journal, wrecked)
    with pytest.raises(JournalFailed):
        _run("verify", journal, "--key", HEX)
    status = 0 if where == "start" else 1  # the backend's receipt reaches over the first page
    report = _report("recover", journal, "--out", tmp_path / "saved", "--key", HEX, status=status)
    saved = {n for first, last in _batches(tmp_path / "saved") for n in range(first, last + 1)}
    lost = {n for each in report["lost"] for n in range(each["first"], each["last"] + 1)}
    assert not saved & lost
    assert len(saved) == report["records"] >= 402 - 12 * len(wrecked)  # at most a dozen records fit a page
    if where == "end":
        assert report["end_known"] is False
    else:
        assert saved | lost == set(range(1, 403))


def test_recover_without_the_receipt_says_so_and_saves_all(journal: Path, tmp_path: Path) -> None:
    _wreck(journal, [_root(journal, "receipt")])
    report = _report("recover", journal, "--out", tmp_path / "saved")
    assert (report["records"], report["receipted"]) == (402, None)


@pytest.mark.parametrize("verb", ["inspect", "verify", "export", "recover"])
def test_what_is_no_journal_is_named(tmp_path: Path, verb: str) -> None:
    options = ["--out", tmp_path / "out"] if verb in ("export", "recover") else []
    text = tmp_path / "notes.txt"
    text.write_text("no database " * 500)
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    for path in (text, other):
        with pytest.raises(JournalForeign, match="not a Savar journal"):
            _run(verb, path, *options)


def test_an_empty_journal_is_no_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "journal.db", [])
    report = _report("verify", path)
    assert (report["ok"], report["records"], report["first"]) == (True, 0, None)
    assert _report("export", path, "--out", tmp_path / "out")["files"] == []


def test_renumbered_rows_are_not_saved(tmp_path: Path) -> None:
    stored = [*ROWS[:3], *(replace(row, sequence=row.sequence + 10) for row in ROWS[3:])]
    path = write(tmp_path / "journal.db", stored)
    report = _report("recover", path, "--out", tmp_path / "saved", *_tap_key(tmp_path), status=1)
    assert report["kept"] == [{"first": 1, "last": 3}]
    assert report["lost"] == [{"first": 4, "last": 17, "backend_holds": False}]


def test_the_receipt_is_written_as_it_was_signed(journal: Path, tmp_path: Path) -> None:
    """P2: for `savar ledger verify`, which holds the ledger to it."""
    out = tmp_path / "receipt"
    assert "records up to 100" in _run("receipt", journal, out).output
    assert open_receipt(out.read_bytes(), [RECEIPT_KEY.verifying]).sequence == 100
    never = _run("receipt", write(tmp_path / "new.db", ROWS), tmp_path / "none")
    assert (never.exit_code, "no receipt yet" in never.output) == (1, True)
    assert not (tmp_path / "none").exists()
