"""The ballast: a file that takes room while there is plenty, and is lent when there is none (P4)."""

import os
from pathlib import Path

import pytest

from edge.adapters import ballast as module
from edge.adapters.ballast import Ballast
from edge.core.limits import BALLAST_LEAVES_BYTES as LEAVES

SIZE = 1 << 20


class Card:
    """What the file system says is free, and how far a file may grow on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = 1 << 30
        self.grain = SIZE  # a file that would be larger than this does not fit
        self._fallocate = os.posix_fallocate
        monkeypatch.setattr(module, "_free", lambda _: self.free)
        monkeypatch.setattr(os, "posix_fallocate", self._grow)

    def _grow(self, file: int, offset: int, length: int) -> None:
        if offset + length > self.grain:
            raise OSError(module.errno.ENOSPC, "no room")
        self._fallocate(file, offset, length)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    return Card(monkeypatch)


def test_its_room_is_really_taken_and_taken_once(tmp_path: Path, card: Card, caplog: pytest.LogCaptureFixture) -> None:
    held = Ballast(tmp_path / "ballast", SIZE)
    assert held.make()
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= SIZE
    for free in (card.free, 0):  # the next start finds it
        card.free = free
        assert held.make()
        assert Ballast(tmp_path / "ballast", SIZE).make()
    assert not caplog.records


def test_a_card_with_too_little_room_has_no_ballast_and_owes_none(
    tmp_path: Path, card: Card, caplog: pytest.LogCaptureFixture
) -> None:
    card.free = SIZE + LEAVES - 1
    held = Ballast(tmp_path / "ballast", SIZE)
    assert held.make()
    assert held.make()
    assert not held.give_up()
    assert not (tmp_path / "ballast").exists()
    assert len(caplog.records) == 1  # said once, not every ten seconds
    card.free += 1
    assert held.make()
    assert held.give_up()


def test_a_card_that_says_it_has_room_and_has_not_owes_none(tmp_path: Path, card: Card) -> None:
    card.grain = SIZE - 1
    held = Ballast(tmp_path / "ballast", SIZE)
    assert held.make()
    assert not (tmp_path / "ballast").exists()


def test_given_up_its_room_is_free_and_taken_back_it_is_owed_until_it_is_whole(tmp_path: Path, card: Card) -> None:
    path = tmp_path / "ballast"
    held = Ballast(path, SIZE)
    held.make()
    assert held.give_up()
    assert path.stat().st_blocks == 0
    assert not held.give_up()
    card.free, card.grain = LEAVES, SIZE * 3 // 4
    assert not held.make()
    assert path.stat().st_size == SIZE * 3 // 4
    assert not held.make()
    card.free, card.grain = LEAVES + SIZE // 4, SIZE
    assert held.make()
    assert path.stat().st_size == SIZE


def test_what_the_log_needs_is_left_free(tmp_path: Path, card: Card) -> None:
    held = Ballast(tmp_path / "ballast", SIZE)
    held.make()
    held.give_up()
    card.free = LEAVES - SIZE // 4
    assert not held.make()
    assert (tmp_path / "ballast").stat().st_size == SIZE * 3 // 4


def test_lent_when_the_power_went_it_is_taken_back_at_the_next_start(tmp_path: Path, card: Card) -> None:
    path = tmp_path / "ballast"
    held = Ballast(path, SIZE)
    held.make()
    held.give_up()
    card.free, card.grain = LEAVES, SIZE // 2
    again = Ballast(path, SIZE)
    assert not again.make()  # too little for a new one, and yet it is taken: it is owed
    assert path.stat().st_size == SIZE // 2


def test_one_that_cannot_be_used_is_said_and_stops_nothing(
    tmp_path: Path, card: Card, caplog: pytest.LogCaptureFixture
) -> None:
    held = Ballast(tmp_path / "nowhere" / "ballast", SIZE)
    assert held.make()
    assert not held.give_up()
    assert "cannot be used" in caplog.text
