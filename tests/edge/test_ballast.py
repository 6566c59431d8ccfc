"""The ballast: room that is taken while there is plenty and lent when there is none (P4); the real one and the model."""

import os
from pathlib import Path
from random import Random
from typing import Protocol

import pytest

from edge.adapters import ballast as module
from edge.adapters.ballast import Ballast
from edge.core.limits import BALLAST_LEAVES_BYTES as LEAVES
from edge.core.ports import Reserve
from simulators.seeded.ballast import SimBallast
from simulators.seeded.disk import SimDisk

SIZE = 1 << 20


class Card(Protocol):
    """A card with so much room left, and the ballast that one start of the device makes on it."""

    def free(self, room: int) -> None: ...

    def ballast(self) -> Reserve: ...

    def taken(self) -> int | None: ...


class RealCard:
    """A folder, with a file system that says what it is told to say."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "ballast"
        self.full_at = 1 << 40
        monkeypatch.setattr(module, "_free", lambda _: self.full_at - (self.taken() or 0))

    def free(self, room: int) -> None:
        self.full_at = room + (self.taken() or 0)

    def ballast(self) -> Ballast:
        return Ballast(self.path, SIZE)

    def taken(self) -> int | None:
        if not self.path.exists():
            return None
        found = self.path.stat()
        return min(found.st_size, found.st_blocks * 512)  # a file system may count a block of its own


class ModelCard:
    def __init__(self, name: str) -> None:
        self.disk = SimDisk(name, Random(1))

    def free(self, room: int) -> None:
        self.disk.full_at = room + self.disk.used()

    def ballast(self) -> SimBallast:
        return SimBallast(self.disk, size=SIZE)

    def taken(self) -> int | None:
        file = self.disk.files.get("ballast")
        return None if file is None else len(file.content)


@pytest.fixture(params=["real", "model"])
def card(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    return RealCard(tmp_path, monkeypatch) if request.param == "real" else ModelCard(f"ballast-{tmp_path.name}")


def test_its_room_is_really_taken_and_taken_once(card: Card, caplog: pytest.LogCaptureFixture) -> None:
    held = card.ballast()
    assert held.make()
    assert card.taken() == SIZE
    for room in (1 << 40, 0):
        card.free(room)
        assert held.make()
        assert card.ballast().make()  # the next start finds it
        assert card.taken() == SIZE
    assert not caplog.records


def test_a_card_with_too_little_room_has_no_ballast_and_owes_none(card: Card) -> None:
    card.free(SIZE + LEAVES - 1)
    held = card.ballast()
    assert held.make()
    assert not held.give_up()
    assert card.taken() is None
    card.free(SIZE + LEAVES)
    assert held.make()
    assert card.taken() == SIZE


def test_given_up_its_room_is_free_and_owed_until_it_is_whole(card: Card) -> None:
    held = card.ballast()
    held.make()
    card.free(0)
    assert held.give_up()
    assert card.taken() == 0
    assert not held.give_up()
    card.free(LEAVES + SIZE // 2)
    assert not held.make()
    assert card.taken() == SIZE // 2  # what the logs need is left
    assert not held.make()
    card.free(LEAVES + SIZE // 2 - 1)
    assert not held.make()
    assert card.taken() == SIZE // 2
    card.free(LEAVES + SIZE // 2)
    assert held.make()
    assert card.taken() == SIZE


def test_a_card_that_has_only_what_the_logs_need_keeps_owing(card: Card) -> None:
    held = card.ballast()
    held.make()
    held.give_up()
    card.free(LEAVES)
    assert not held.make()
    assert card.taken() == 0


def test_lent_when_the_power_went_it_is_owed_to_the_next_start(card: Card) -> None:
    held = card.ballast()
    held.make()
    held.give_up()
    card.free(LEAVES + SIZE // 2)
    again = card.ballast()
    assert not again.make()  # too little for a new one, and yet it is taken
    assert card.taken() == SIZE // 2
    assert again.give_up()


@pytest.mark.parametrize("really", [SIZE - 1, SIZE // 2, 0])
def test_a_card_that_says_it_has_room_and_has_not_owes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, really: int
) -> None:
    fallocate = os.posix_fallocate

    def grow(file: int, offset: int, length: int) -> None:
        if offset + length > really:
            raise OSError(module.errno.ENOSPC, "no room")
        fallocate(file, offset, length)

    monkeypatch.setattr(os, "posix_fallocate", grow)
    held = Ballast(tmp_path / "ballast", SIZE)
    assert held.make()
    assert held.make()
    assert not (tmp_path / "ballast").exists()
    assert len(caplog.records) == 1  # said once, not every ten seconds


def test_of_one_that_was_lent_what_is_really_there_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = RealCard(tmp_path, monkeypatch)
    held = real.ballast()
    held.make()
    held.give_up()
    fallocate = os.posix_fallocate

    def grow(file: int, offset: int, length: int) -> None:
        if offset + length > SIZE // 2:
            raise OSError(module.errno.ENOSPC, "the rest is an administrator's")
        fallocate(file, offset, length)

    monkeypatch.setattr(os, "posix_fallocate", grow)
    assert not held.make()
    assert (tmp_path / "ballast").stat().st_size == SIZE // 2


def test_one_that_is_only_promised_by_its_size_is_taken_for_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that was copied file by file may have a hole in its place."""
    real = RealCard(tmp_path, monkeypatch)
    with real.path.open("wb") as file:
        file.truncate(SIZE)
    assert real.taken() == 0
    assert real.ballast().make()
    assert real.taken() == SIZE


def test_one_that_cannot_be_used_is_said_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    held = Ballast(tmp_path / "nowhere" / "ballast", SIZE)
    assert held.make()
    assert not held.give_up()
    assert "cannot be used" in caplog.text
