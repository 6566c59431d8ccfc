"""The rider table's file: nothing rotten or torn is believed, nobody waits for a writer, the journal keeps its room."""

import os
import threading
from pathlib import Path
from typing import NoReturn

import pytest

from edge.adapters import rider_blocks, rider_table
from edge.adapters.rider_table import RiderTable
from edge.core.errors import RidersFailed
from protocol.wire.riders import encode_rows
from tests.edge.riders import row, rows

PEOPLE = rows(0, 100)


def table(folder: Path, leaves_bytes: int = 0) -> RiderTable:
    return RiderTable(folder / "riders.table", leaves_bytes=leaves_bytes)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with a table of 100 riders under number 5."""
    table(tmp_path).replace([encode_rows(PEOPLE)], number=5)
    return tmp_path


def test_it_is_there_again_after_a_restart(made: Path) -> None:
    again = table(made)
    assert again.number == 5
    assert all(again.find(one.credential_id) == one for one in PEOPLE)
    assert [path.name for path in made.iterdir()] == ["riders.table"]


def test_a_file_cut_short_anywhere_is_set_aside(made: Path) -> None:
    whole = (made / "riders.table").read_bytes()
    for size in [*range(200), *range(200, len(whole), 61), len(whole) - 1]:
        (made / "riders.table").write_bytes(whole[:size])
        torn = table(made)
        assert (torn.number, torn.find(PEOPLE[0].credential_id)) == (0, None)
        assert torn.problem is not None
        assert (made / "riders-aside.table").read_bytes() == whole[:size]
        assert not (made / "riders.table").exists()


def test_a_file_that_goes_on_behind_its_index_is_set_aside(made: Path) -> None:
    with (made / "riders.table").open("ab") as file:
        file.write(b"\0")
    assert (table(made).number, (made / "riders-aside.table").exists()) == (0, True)


def test_zeros_where_the_power_went_are_no_table(made: Path) -> None:
    whole = (made / "riders.table").read_bytes()
    (made / "riders.table").write_bytes(bytes(64) + whole[64:])
    assert table(made).problem is not None


def test_one_rotten_bit_anywhere_changes_no_answer_but_to_nobody(made: Path) -> None:
    """P9: never another key, class or day than the city gave."""
    path = made / "riders.table"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        rotten = table(made)
        for one in PEOPLE:
            assert rotten.find(one.credential_id) in (one, None)
        assert rotten.problem is not None
        assert rotten.find(PEOPLE[0].credential_id) is None
        assert (made / "riders-aside.table").exists()


def test_what_rots_while_it_is_open_is_found_at_the_lookup_and_another_table_heals_it(made: Path) -> None:
    running = table(made)
    assert running.find(PEOPLE[50].credential_id) == PEOPLE[50]
    with (made / "riders.table").open("r+b") as file:
        file.seek(64 + 48 * 50 + 20)
        file.write(b"\xff\x00\xff")
    assert running.find(PEOPLE[50].credential_id) is None
    assert (running.number, str(running.problem)) == (0, str(running.problem))
    assert "damaged" in str(running.problem)
    running.replace([encode_rows(PEOPLE)], number=6)
    assert (running.problem, running.find(PEOPLE[50].credential_id)) == (None, PEOPLE[50])
    assert [path.name for path in made.iterdir()] == ["riders.table"]


def test_a_sector_that_cannot_be_read_costs_the_table_and_not_the_process(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = table(made)

    def broken(*_: object) -> NoReturn:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(rider_blocks.os, "pread", broken)
    assert running.find(PEOPLE[0].credential_id) is None
    assert "Input/output error" in str(running.problem)


def test_an_update_over_a_rotten_block_is_refused_and_the_table_set_aside(made: Path) -> None:
    running = table(made)
    with (made / "riders.table").open("r+b") as file:
        file.seek(64 + 30)
        file.write(b"\xff\x00\xff")
    changed = encode_rows([rows(0, 100, version=2)[0]])
    with pytest.raises(RidersFailed):
        running.update([changed], (), base=5, number=6)
    assert (running.number, running.find(PEOPLE[0].credential_id)) == (0, None)
    assert (made / "riders-aside.table").exists()


def test_rot_in_a_block_that_an_update_does_not_touch_stays_recognisable(made: Path) -> None:
    running = table(made)
    with (made / "riders.table").open("r+b") as file:
        file.seek(64 + 30)
        file.write(b"\xff\x00\xff")
    running.update([encode_rows([rows(0, 100, version=2)[-1]])], (), base=5, number=6)
    assert running.find(PEOPLE[-1].credential_id) == rows(0, 100, version=2)[-1]
    assert running.find(PEOPLE[0].credential_id) is None
    assert running.problem is not None


def test_each_piece_is_synced_by_its_own_write(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a tap's commit would wait behind 50 MB that the system kept back."""
    opened: dict[str, int] = {}
    real = os.open

    def noting(path: str | Path, flags: int, mode: int = 0o777) -> int:
        opened.setdefault(Path(path).name, flags)  # the first time it is written, then it is read
        return real(path, flags, mode)

    running = table(made)
    monkeypatch.setattr("edge.adapters.rider_table.os.open", noting)
    running.replace([encode_rows(rows(0, 50))], number=6)
    assert opened["riders-new.table"] & os.O_DSYNC


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_a_card_that_fails_while_a_table_is_written_leaves_the_one_before(
    made: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    running = table(made)

    def full(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(rider_blocks.os, step, full)
        with pytest.raises(RidersFailed) as caught:
            running.replace([encode_rows(rows(0, 50))], number=6)
    assert "No space left" in str(caught.value)
    for found in (running, table(made)):
        assert (found.number, found.find(PEOPLE[60].credential_id)) == (5, PEOPLE[60])
    assert [path.name for path in made.iterdir()] == ["riders.table"]


def test_the_journals_room_is_not_taken(made: Path) -> None:
    """P4: taps go before tables."""
    free = os.statvfs(made).f_bavail * os.statvfs(made).f_frsize
    for write in (
        lambda it: it.replace([encode_rows(rows(0, 50))], number=6),
        lambda it: it.update([encode_rows(rows(0, 50))], (), base=5, number=6),
    ):
        tight = table(made, leaves_bytes=2 * free)
        with pytest.raises(RidersFailed) as caught:
            write(tight)
        assert "no room" in str(caught.value)
        assert (tight.number, tight.find(PEOPLE[60].credential_id)) == (5, PEOPLE[60])


def test_the_folder_is_made_when_it_is_first_needed(tmp_path: Path) -> None:
    first = RiderTable(tmp_path / "data" / "riders.table", leaves_bytes=0)
    assert (first.number, first.problem) == (0, None)
    first.replace([encode_rows(PEOPLE)], number=1)
    assert first.find(PEOPLE[3].credential_id) == PEOPLE[3]


def test_what_was_left_half_written_goes_at_the_next_start(made: Path) -> None:
    (made / "riders-new.table").write_bytes(b"half")
    assert table(made).number == 5
    assert not (made / "riders-new.table").exists()


def test_everything_is_synced_before_the_name_changes_and_the_folder_after(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut finds the whole old table or the whole new one."""
    steps: list[str] = []
    sync, rename = os.fsync, Path.replace

    def fsync(file: int) -> None:
        steps.append("folder" if Path(f"/proc/self/fd/{file}").is_dir() else "file")
        sync(file)

    def replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    running = table(made)
    monkeypatch.setattr(rider_table.os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    running.replace([encode_rows(rows(0, 50))], number=6)
    assert steps == ["file", "rename", "folder"]


def test_lookups_go_on_while_tables_are_swapped_and_old_files_are_let_go(made: Path) -> None:
    running = table(made)
    wrong: list[object] = []
    looked = 0
    stop = threading.Event()

    def look() -> None:
        nonlocal looked
        while not stop.is_set():
            for one in PEOPLE[::9]:
                found = running.find(one.credential_id)
                looked += 1
                if found is None or found.holder != one.holder:
                    wrong.append(found)

    files = len(list(Path("/proc/self/fd").iterdir()))
    thread = threading.Thread(target=look)
    thread.start()
    for number in range(6, 46):
        if number % 2:
            running.replace([encode_rows(rows(0, 100, version=number))], number=number)
        else:
            running.update([encode_rows(rows(0, 30, version=number))], (), base=number - 1, number=number)
    stop.set()
    thread.join()
    assert (wrong, running.number) == ([], 45)
    assert looked > 0
    assert len(list(Path("/proc/self/fd").iterdir())) <= files + 1  # what the thread's last lookup held


def test_a_block_never_grows_past_what_one_look_up_reads(made: Path) -> None:
    running = table(made)
    for number in range(6, 26):
        running.update([encode_rows(rows(50 * number, 50 * number + 50))], (), base=number - 1, number=number)
    blocks = rider_blocks.load_blocks(made / "riders.table")
    assert blocks is not None
    sizes = [blocks.end(n) - blocks.starts[n] for n in range(len(blocks))]
    assert max(sizes) <= rider_blocks.BLOCK_ROWS_MAX
    assert sum(sizes) == blocks.rows == 1_100
    assert blocks.row(row(1_000).credential_id) is not None
