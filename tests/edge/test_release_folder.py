"""Releases on a card whose power goes at any operation: what starts is always whole (P12)."""

from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from edge.adapters.card_files import RealCardFiles
from edge.adapters.release_folder import ReleaseFolder
from edge.core.errors import ReleaseFailed
from edge.core.limits import DISK_FREE_MIN_BYTES, RELEASE_PARTS_MAX
from edge.core.releases import Standing, Trial, arrived
from protocol.errors import WrongHash
from protocol.wire.manifests import name_chunk
from protocol.wire.releases import Release, ReleaseFile
from tests.edge.model_card import ModelCard, PowerCut
from tests.edge.release_life import Life
from tests.edge.release_office import PLATFORM, Made, make, wheel

CUTS_AT_RANDOM = 200


def install(folder: ReleaseFolder, made: Made) -> None:
    for _ in folder.install(made.release, made.chunks.__getitem__, lambda name: sha256(made.wheels[name]).digest()):
        pass


def of_wheels(wheels: dict[str, bytes], number: int = 7) -> Made:
    chunks = {name_chunk(data): data for data in wheels.values()}
    files = tuple(ReleaseFile(name, (name_chunk(data),)) for name, data in wheels.items())
    return Made(Release(number, "x", 0, PLATFORM, files), wheels, chunks, {})


def lived(seed: int, cut_at: int, *, updates: int = 2, syncs: bool = True) -> bool:
    """A device that loses its power at an operation, is looked at, and lives on. False: it ended before that."""
    rng = Random(f"{seed} {cut_at}")
    card = ModelCard(rng)
    card.syncs = syncs
    life = Life(card, card.tree)
    life.run(1)

    def cut() -> None:
        if card.operations == until:
            raise PowerCut

    until, card.on_operation = card.operations + cut_at, cut
    try:
        life.run(updates)
    except PowerCut:
        card.on_operation = lambda: None
        card.cut()
        life.look()
        life.run(1)
        life.look()
        return True
    return False


def test_a_cut_at_every_operation_leaves_a_whole_version() -> None:
    at = 1
    while lived(0, at, updates=3):
        at += 1
    assert at > CUTS_AT_RANDOM, "hardly anything was cut: nothing is proven"


@pytest.mark.parametrize("seed", range(1, 6))
def test_cuts_at_random_operations_leave_a_whole_version(seed: int) -> None:
    rng = Random(seed)
    assert all(lived(seed, rng.randrange(1, 160)) for _ in range(CUTS_AT_RANDOM))


def test_a_card_whose_folders_are_not_synced_is_caught() -> None:
    """The control: the same parts over files that forget it."""
    with pytest.raises(AssertionError, match=r"not whole|forgotten"):
        all(lived(seed, seed % 150 + 1, syncs=False) for seed in range(400))


def test_the_real_files_hold_what_the_model_holds(tmp_path: Path) -> None:
    """One suite over both: the model cannot lie about names and bytes."""
    card = ModelCard(Random(1))
    real, modelled = ReleaseFolder(RealCardFiles(tmp_path / "releases")), ReleaseFolder(card)
    for folder in (real, modelled):
        assert folder.standing() == Standing()
        assert folder.proven() is None
        install(folder, make(7))
        install(folder, make(7))  # again: nothing to do
        install(folder, make(8))
        folder.keep(Standing(7, 8, None, (5,)))
        folder.keep_proven(b"x")
        folder.keep_proven(b"metadata")
        folder.sweep([8])
        assert folder.whole() == {0, 8}
        assert folder.standing() == Standing(0, 8, None, (5,))  # 7 is gone: the first installation runs
        assert folder.proven() == b"metadata"
    found = {
        path.relative_to(tmp_path / "releases").as_posix(): path.read_bytes()
        for path in (tmp_path / "releases").rglob("*") if path.is_file()
    }  # fmt: skip
    assert found == card.tree("")
    assert {path.removeprefix("8/lib/") for path in found if path.startswith("8/")} == set(make(8).unpacked)


def test_what_lies_beside_the_folder_is_never_touched(tmp_path: Path) -> None:
    """The journal, above all."""
    (tmp_path / "journal.db").write_bytes(b"taps")
    Life(RealCardFiles(tmp_path / "releases"), lambda _: {}).run(3)
    assert (tmp_path / "journal.db").read_bytes() == b"taps"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.db", "releases"]


def test_a_standing_that_rotted_is_as_on_the_first_day(tmp_path: Path) -> None:
    folder = ReleaseFolder(RealCardFiles(tmp_path))
    install(folder, make(7))
    folder.keep(Standing(confirmed=7))
    (tmp_path / "standing").write_bytes(b"\xff\x00")
    assert folder.standing() == Standing()


def test_a_trial_whose_files_are_gone_is_none(tmp_path: Path) -> None:
    folder = ReleaseFolder(RealCardFiles(tmp_path))
    folder.keep(Standing(7, 9, Trial(8, 1)))
    assert folder.standing() == Standing()


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "a/../../evil.py", "a\\..\\evil.py"])
def test_a_wheel_that_reaches_outside_is_refused(tmp_path: Path, name: str) -> None:
    folder = ReleaseFolder(RealCardFiles(tmp_path / "releases"))
    with pytest.raises(ReleaseFailed):
        install(folder, of_wheels({"a.whl": wheel({name: b"evil"})}))
    assert folder.whole() == {0}
    assert [path.name for path in tmp_path.iterdir()] == ["releases"]
    folder.sweep([0])
    assert list((tmp_path / "releases").iterdir()) == []


def test_a_wheel_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = ReleaseFolder(RealCardFiles(tmp_path))
    with pytest.raises(ReleaseFailed, match="cannot be unpacked"):
        install(folder, of_wheels({"a.whl": b"no zip at all"}))


def test_chunks_that_are_another_file_are_refused(tmp_path: Path) -> None:
    folder, made = ReleaseFolder(RealCardFiles(tmp_path)), make(7)
    with pytest.raises(WrongHash):
        for _ in folder.install(made.release, made.chunks.__getitem__, lambda _: bytes(32)):
            pass
    assert folder.whole() == {0}


def test_endless_data_in_a_wheel_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    card = ModelCard(Random(1))
    card.free = DISK_FREE_MIN_BYTES + 2_000
    with pytest.raises(ReleaseFailed, match="no room"):
        install(ReleaseFolder(card), make(7))
    many = wheel({f"{number}.py": b"" for number in range(RELEASE_PARTS_MAX + 1)})
    with pytest.raises(ReleaseFailed, match="over its limits"):
        install(ReleaseFolder(RealCardFiles(tmp_path)), of_wheels({"a.whl": many}))


def test_a_card_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "releases").write_bytes(b"a file where the folder should be")
    with pytest.raises(ReleaseFailed, match="cannot be used"):
        ReleaseFolder(RealCardFiles(tmp_path / "releases")).keep(arrived(Standing(), 7))
