"""The real journal in trouble: full, foreign, wiped, owned by another (P4, P18)."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters import journal as journal_module
from edge.adapters.card import translate
from edge.adapters.house import transaction
from edge.adapters.journal import ApswJournal
from edge.core.errors import JournalFailed, JournalForeign, JournalFull
from edge.core.retention import ReceiptDay
from edge.core.spending import LetRide
from protocol.wire.passes import Presentation
from tests.edge.door import paid
from tests.edge.test_journal_contract import fill, record, sign


def journal(path: Path, device: str = "bus-1-d1", **more: str) -> ApswJournal:
    return ApswJournal(path, device=device, new_epoch=11, **more)


def test_another_devices_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    mine = journal(path)
    fill(mine, 2)
    mine.close()
    before = path.read_bytes()
    with pytest.raises(JournalForeign) as caught:
        journal(path, device="bus-2-d1")
    assert "savar journal recover" in caught.value.fix
    assert path.read_bytes() == before


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(JournalForeign):
        journal(path)
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(JournalFailed):
        journal(path)


@pytest.mark.parametrize(
    "rot",
    ["DELETE FROM identity", "INSERT INTO identity VALUES (2, 'bus-1-d1', 12, 0, NULL, NULL)"],
    ids=["nobody's", "two journals in one"],
)
def test_a_journal_that_does_not_say_whose_it_is_has_failed(tmp_path: Path, rot: str) -> None:
    """P4: a rotten page may bring out any rows."""
    path = tmp_path / "journal.db"
    mine = journal(path)
    fill(mine, 2)
    mine.close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA ignore_check_constraints=1")
        other.execute(rot)
    other.close()
    with pytest.raises(JournalFailed, match="whose it is"):
        journal(path)


def written(path: Path, sql: str) -> None:
    """By somebody else, while no door has the file."""
    with sqlite3.connect(path) as other:
        other.execute(sql)
    other.close()


@pytest.mark.parametrize("table", ["ticket", "let_ride", "receipt", "receipted"])
def test_a_card_of_older_software_without_a_table_is_taken_up(tmp_path: Path, table: str) -> None:
    """P4: an update never refuses a card that holds taps; all of it works behind the start, also behind the next."""
    path = tmp_path / "journal.db"
    mine = journal(path)
    fill(mine, 3)
    mine.close()
    written(path, f"DROP TABLE {table}")
    for sequence in (3, 4):
        mine = journal(path)
        assert (mine.head.sequence, mine.receipt(), list(mine.used_tickets())) == (sequence, None, [])
        assert mine.let_ride() == [LetRide("free", 7)][: sequence - 3]
        mine.append(record(mine), None, let_ride=LetRide("free", 7))
        sign(mine)
        assert (mine.prune(1), mine.receipted_by(ReceiptDay(1, 1, 1))) == (int(sequence == 3), 0)
        mine.close()


def test_a_journal_without_its_records_is_never_begun_anew(tmp_path: Path) -> None:
    """P11: it would be a fork."""
    path = tmp_path / "journal.db"
    mine = journal(path)
    fill(mine, 2)
    mine.close()
    written(path, "DROP TABLE record")
    with pytest.raises(JournalFailed, match="no such table: record"):
        journal(path)


def test_a_boarding_of_the_window_that_rotted_into_text_is_forgotten(tmp_path: Path) -> None:
    """P4: one bit of a row's header makes text of it that is none; nobody is kept from boarding for it."""
    path = tmp_path / "journal.db"
    mine = journal(path)
    fill(mine, 2)
    mine.close()
    with sqlite3.connect(path) as other:
        (size, window) = other.execute("SELECT length(window), window FROM record WHERE window NOT NULL").fetchone()
    other.close()
    content = bytearray(path.read_bytes())
    header = content.rindex(bytes([12 + 2 * size]), 0, content.index(window))  # SQLite's serial type of such a BLOB
    content[header] ^= 1
    path.write_bytes(content)
    mine = journal(path)
    assert len(list(mine.window())) <= 2
    mine.close()


def test_a_last_record_that_rotted_before_it_was_signed_is_never_signed(tmp_path: Path) -> None:
    """P11: it may have been told to the other door and the backend as it was: signed anew it would be a fork."""
    path = tmp_path / "journal.db"
    mine = journal(path)
    fill(mine, 1)
    before = mine.head.hash
    fill(mine, 1)
    mine.close()
    with sqlite3.connect(path) as other:
        other.execute("UPDATE identity SET tail_sequence = NULL, tail_signature = NULL")  # as after a power cut
        (raw,) = other.execute("SELECT bytes FROM record WHERE sequence = 2").fetchone()
        other.execute(
            "UPDATE record SET bytes = ? WHERE sequence = 2",
            (raw.replace(before, bytes([before[0] ^ 1]) + before[1:]),),
        )
    other.close()
    with pytest.raises(JournalFailed, match="last record, 2, has rotted"):
        journal(path)


def test_two_processes_cannot_write_one_journal(tmp_path: Path) -> None:
    """P11: two writers would fork the chain."""
    path = tmp_path / "journal.db"
    mine = journal(path)
    fill(mine, 1)
    child = os.fork()
    if child == 0:  # a second process tries
        try:
            other = apsw.Connection(str(path))
            other.execute("SELECT count(*) FROM record").get  # noqa: B018
        except apsw.BusyError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    mine.close()
    told = translate(apsw.BusyError("database is locked"))
    assert str(told).startswith("another process has the journal — stop what has it open"), "no card is replaced for it"


def test_a_full_journal_refuses_by_name_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """P4: nothing of the failed call is stored, the chain goes on where it stood."""
    mine = journal(tmp_path / "journal.db")
    fill(mine, 3)
    pages = mine._write.execute("PRAGMA page_count").get
    mine._write.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalFull) as caught:
        fill(mine, 500)
    assert "room" in caught.value.fix
    head = mine.head
    mine._write.execute("PRAGMA max_page_count=100000")
    fill(mine, 2)
    assert mine.head.sequence == head.sequence + 2
    assert len(mine.read(1, 10_000, 1 << 30)) == mine.head.sequence
    mine.close()


class FailingSync(apsw.VFS):
    """A disk whose sync fails while `failing` is set, after the bytes were written: the ambiguous case."""

    NAME = "failing-sync"

    def __init__(self) -> None:
        self.failing = False
        super().__init__(self.NAME, "")

    def xOpen(self, name: object, flags: list[int]) -> "_File":  # noqa: N802 - apsw's name
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, vfs: FailingSync, name: object, flags: list[int]) -> None:
        self._vfs = vfs
        super().__init__("", name, flags)  # type: ignore[arg-type]

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._vfs.failing:
            raise apsw.IOError
        super().xSync(flags)


def test_a_failed_sync_stores_nothing_even_if_its_bytes_reached_the_file(tmp_path: Path) -> None:
    """P1, P4: a record is in the journal if and only if `append` returned."""
    vfs = FailingSync()
    mine = journal(tmp_path / "journal.db", vfs=FailingSync.NAME)
    fill(mine, 3)
    following = record(mine)
    vfs.failing = True
    for _ in range(2):  # the second try reopens the file while it still fails: its log may hold the first one's bytes
        with pytest.raises(JournalFailed):
            mine.append(following, None)
    vfs.failing = False
    assert mine.head.sequence == 3
    fill(mine, 2)
    mine.close()
    again = journal(tmp_path / "journal.db")
    assert [row.sequence for row in again.read(1, 99, 1 << 20)] == [1, 2, 3, 4, 5]
    again.close()
    vfs.unregister()


def test_wiped_ids_are_gone_from_the_file(tmp_path: Path) -> None:
    """P18: plain ids stay on the bus only for the window, their bytes too."""
    path = tmp_path / "journal.db"
    mine = journal(path)
    mine.append(record(mine), paid(Presentation(b"PLAINID!", 1, 1)))
    sign(mine)
    mine.checkpoint()
    assert b"PLAINID!" in path.read_bytes()
    mine.forget_window(1)
    mine.close()
    assert b"PLAINID!" not in path.read_bytes()
    assert not path.with_name("journal.db-wal").exists()


# --- what was let ride under policies ------------------------------------------------------------------------------------


@contextmanager
def kept_and_said_to_have_failed(connection: apsw.Connection) -> Iterator[None]:
    """A commit that reaches the card although it says that it did not."""
    with transaction(connection):
        yield
    raise apsw.IOError("the card did not sync")


@pytest.mark.parametrize(
    "rot",
    [
        "UPDATE let_ride SET policy = CAST(x'66ffe1' AS TEXT) WHERE policy = 'rots'",
        "UPDATE let_ride SET rials = -5 WHERE policy = 'rots'",
        "UPDATE let_ride SET before = -5 WHERE policy = 'rots'",
        "UPDATE let_ride SET rials = 9223372036854775807 WHERE policy = 'rots'",
        "UPDATE let_ride SET sequence = -1 WHERE policy = 'rots'",
    ],
    ids=["no text", "less than nothing", "less than nothing before", "more than any sum", "no record's"],
)
def test_a_sum_that_rotted_begins_anew_and_the_others_stand(tmp_path: Path, rot: str) -> None:
    """P4, P15: nobody is kept from boarding by it."""
    path = tmp_path / "journal.db"
    mine = journal(path)
    for policy in ("rots", "stands"):
        mine.append(record(mine), None, let_ride=LetRide(policy, 40))
        sign(mine)
    mine.close()
    written(path, rot)
    mine = journal(path)
    assert mine.let_ride() == [LetRide("stands", 40)]
    goes_on(mine, ["rots", "stands"], [LetRide("rots", 2), LetRide("stands", 42)])


@pytest.mark.parametrize("while_it_runs", [True, False])
def test_a_rotten_page_of_sums_keeps_no_policy_ride_and_no_housekeeping(tmp_path: Path, *, while_it_runs: bool) -> None:
    """P4, P15: every bound begins anew; a door that runs meanwhile is out of service for one ride at most."""
    path = tmp_path / "journal.db"
    mine = journal(path)
    mine.append(record(mine), None, let_ride=LetRide("free", 40))
    sign(mine)
    mine.close()
    with sqlite3.connect(path) as other:
        (page,) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'let_ride'").fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    other.close()
    mine = journal(path) if while_it_runs else mine
    with path.open("r+b") as card:
        card.seek((page - 1) * size)
        card.write(b"\xff" * size)
    if while_it_runs:
        mine._write.execute("PRAGMA shrink_memory")
        with pytest.raises(JournalFailed):
            mine.append(record(mine), None, let_ride=LetRide("free", 2))
    else:
        mine = journal(path)
    assert mine.let_ride() == []
    goes_on(mine, ["free"], [LetRide("free", 2)])


def goes_on(mine: ApswJournal, policies: list[str], sums: list[LetRide]) -> None:
    """Rides under policies, one that is dropped, pruning and another start."""
    for policy in policies:
        mine.append(record(mine), None, let_ride=LetRide(policy, 2))
        sign(mine)
    mine.append(record(mine), None, let_ride=LetRide("free", 9))
    mine.drop_tail()
    assert mine.let_ride() == sums
    assert mine.prune(1) == 1
    mine.close()
    again = journal(mine._path)
    assert again.let_ride() == sums
    again.close()


STEPS = st.sampled_from(["stands", "dropped", "said to have failed", "power cut", "power cut before the signature"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(STEPS, st.sampled_from("ab"), st.integers(-60, 90)), max_size=12))
def test_the_sum_of_a_policy_is_that_of_the_records_that_stand(steps: list[tuple[str, str, int]]) -> None:
    """P4, P15: whatever fails in between, and whenever the power goes."""
    with TemporaryDirectory() as folder:
        path, sums = Path(folder) / "journal.db", {"a": 0, "b": 0}
        mine = journal(path)
        for step, policy, rials in steps:
            let = LetRide(policy, rials)
            if step == "said to have failed":
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(journal_module, "transaction", kept_and_said_to_have_failed)
                    with pytest.raises(JournalFailed):
                        mine.append(record(mine), None, let_ride=let)
            else:
                mine.append(record(mine), None, let_ride=let)
                if step == "dropped":
                    mine.drop_tail()
                else:
                    sums[policy] = max(0, sums[policy] + rials)
                if step.startswith("power cut"):
                    mine = cut_off(mine, path, signed=step == "power cut")
                elif step == "stands":
                    sign(mine)
            assert dict(mine.let_ride()) == {it: sum_ for it, sum_ in sums.items() if sum_}
        mine.close()


def cut_off(mine: ApswJournal, path: Path, *, signed: bool) -> ApswJournal:
    """The process is gone without a word; the next one signs the last record, as `Boarding.begin` does."""
    if signed:
        sign(mine)
    mine._write.close(force=True)
    again = journal(path)
    sign(again)
    return again
