"""The write-ahead log of a card's database is folded in when something was written, and only then."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from edge.adapters.house import House


class Counted(apsw.Connection):
    """Counts how often its log is folded in."""

    folds = 0

    def wal_checkpoint(self, *args: object, **more: object) -> tuple[int, int]:
        """As apsw does."""
        self.folds += 1
        return super().wal_checkpoint(*args, **more)  # type: ignore[arg-type]


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Counted]:
    connection = Counted(str(tmp_path / "journal.db"))
    connection.execute(
        "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE record (sequence)"
    ).fetchall()
    yield connection
    connection.close()


def _in_file(tmp_path: Path) -> int:
    """Records in the file itself, without its log."""
    copy = tmp_path / "copy.db"
    copy.write_bytes((tmp_path / "journal.db").read_bytes())
    with closing(apsw.Connection(str(copy))) as connection:
        found: int = connection.execute("SELECT count(*) FROM record").get
    return found


def test_what_was_written_is_folded_in_once(card: Counted, tmp_path: Path) -> None:
    house = House(None)
    for sequence in range(1, 4):
        card.execute("INSERT INTO record VALUES (?)", (sequence,))
        for _ in range(5):
            house.fold(card)
        assert (_in_file(tmp_path), card.folds) == (sequence, sequence)
    card.execute("UPDATE record SET sequence = 9 WHERE sequence = 3")
    house.fold(card)
    assert card.folds == 4


def test_what_a_reader_keeps_from_being_folded_is_folded_later(card: Counted, tmp_path: Path) -> None:
    house, reader = House(None), apsw.Connection(str(tmp_path / "journal.db"))
    house.fold(card)
    reader.execute("BEGIN; SELECT count(*) FROM record").fetchall()  # from here on it sees what there is now
    card.execute("INSERT INTO record VALUES (1)")
    house.fold(card)
    assert _in_file(tmp_path) == 0
    reader.execute("COMMIT")
    house.fold(card)
    assert _in_file(tmp_path) == 1
    reader.close()


def test_a_log_that_was_found_is_folded_in(card: Counted, tmp_path: Path) -> None:
    """It was written by the run before, so this connection has changed nothing yet."""
    card.execute("INSERT INTO record VALUES (1)")
    other, house = Counted(str(tmp_path / "journal.db")), House(None)
    other.execute("PRAGMA journal_mode=WAL").fetchall()
    house.fold(other)
    assert (_in_file(tmp_path), other.folds) == (1, 1)
    other.close()
    house.fold(card)
    assert card.folds == 1, "another connection: what was folded on the one before says nothing of it"
