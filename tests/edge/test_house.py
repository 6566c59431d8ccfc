"""Housekeeping of a database whose card is full: on lent room, returned in the same call (P4)."""

from pathlib import Path

import apsw
import pytest

from edge.adapters.card import connect
from edge.adapters.house import House, transaction


class Card:
    """A card that is full but for the reserve it holds, and one database on it. Fulfils the Reserve port."""

    def __init__(self, path: Path) -> None:
        self.connection = connect(path, None)
        self.connection.execute("CREATE TABLE t (x BLOB) STRICT")
        self.connection.execute("INSERT INTO t VALUES (zeroblob(9000))")
        self.calls: list[str] = []
        self.whole = True
        self.room(0)

    def room(self, pages: int) -> None:
        used = self.connection.execute("PRAGMA page_count").get
        self.connection.execute(f"PRAGMA max_page_count={used + pages}")

    def give_up(self) -> bool:
        self.calls.append("give up")
        self.room(3 * self.whole)
        return self.whole

    def make(self) -> bool:
        self.calls.append("make")
        return self.whole

    def write(self, size: int = 9_000) -> int:
        with transaction(self.connection):
            self.connection.execute("INSERT INTO t VALUES (zeroblob(?))", (size,))
        return size


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path / "some.db")


def test_what_fits_needs_no_reserve(card: Card) -> None:
    assert House(card).keep(lambda: card.connection, lambda: card.write(10)) == 10
    assert card.calls == []


def test_on_a_full_card_the_reserve_is_lent_and_returned_in_the_same_call(card: Card) -> None:
    assert House(card).keep(lambda: card.connection, card.write) == 9_000
    assert card.calls == ["give up", "make"]


def test_it_is_returned_too_when_even_its_room_is_not_enough(card: Card) -> None:
    with pytest.raises(apsw.FullError):
        House(card).keep(lambda: card.connection, lambda: card.write(90_000))
    assert card.calls == ["give up", "make"]


def test_without_room_to_lend_the_card_is_full(card: Card) -> None:
    card.whole = False
    with pytest.raises(apsw.FullError):
        House(card).keep(lambda: card.connection, card.write)
    assert card.calls == ["give up"]
    with pytest.raises(apsw.FullError):
        House(None).keep(lambda: card.connection, card.write)


def test_the_file_grows_again_only_when_the_reserve_is_whole(card: Card, tmp_path: Path) -> None:
    house = House(card)
    card.whole = False
    house.renew(card.connection)
    with pytest.raises(apsw.FullError):
        card.write()
    again = house.connect(tmp_path / "other.db", None)  # opened meanwhile
    with pytest.raises(apsw.FullError):
        again.execute("CREATE TABLE t (x BLOB) STRICT")
    again.close()
    card.whole = True
    house.renew(card.connection)
    assert card.write(90_000) == 90_000


def test_a_transaction_that_a_full_card_ended_says_so(card: Card) -> None:
    """SQLite may have rolled it back itself: the second rollback must not hide why."""
    with pytest.raises(apsw.FullError):
        card.write()
    assert not card.connection.in_transaction
    insert = "INSERT INTO t VALUES (?)"
    with pytest.raises(apsw.ConstraintError), transaction(card.connection):
        card.connection.executemany(insert, [(b"1",), (1,)])
    assert card.connection.execute("SELECT count(*) FROM t").get == 1
