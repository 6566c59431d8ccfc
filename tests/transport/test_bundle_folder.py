"""A bundle's folder: what a power cut, a rotten card, a second process and an old manifest cannot do to it (P12)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import WrongHash, WrongLength
from protocol.fares.tariff import Tariff
from protocol.wire.bundles import KINDS, Bundle, cut_bundle, read_bundle
from protocol.wire.manifests import Chunk, Manifest, encode_manifest, open_manifest
from tests.protocol import samples
from transport.bundle_folder import BundleFolder
from transport.errors import BundleBusy, BundleFailed

KEYS = [samples.BUNDLE_KEY.verifying]
OLD = samples.BUNDLE
NEW = replace(OLD, number=OLD.number + 1, tariff=Tariff(4, 60_000), deny={bytes(8): 1}, deny_number=5)


class PowerCut(BaseException):
    """The current is gone."""


def signed(bundle: Bundle) -> tuple[Manifest, dict[Chunk, bytes]]:
    sections, chunks = cut_bundle(bundle)
    raw = encode_manifest(bundle.city, bundle.number, bundle.issued_ms, sections, samples.BUNDLE_KEY)
    return open_manifest(raw, KEYS, city=bundle.city), chunks


def bring(folder: BundleFolder, bundle: Bundle) -> None:
    """As everybody does who brings a bundle into force."""
    manifest, chunks = signed(bundle)
    for chunk, data in chunks.items():
        if not folder.holds(chunk):
            folder.put_chunk(chunk, data)
    read_bundle(manifest, folder.chunk)
    folder.put_manifest(manifest)
    folder.prune(manifest.chunks(KINDS))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    bring(BundleFolder(tmp_path), OLD)
    return tmp_path


def test_what_was_brought_is_read(root: Path) -> None:
    assert BundleFolder(root).load(KEYS, city="isfahan")[1] == OLD


@contextmanager
def cut_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[list[str]]:
    """The power goes at the step-th sync, rename or removal; what was being synced is not on the card."""
    done: list[str] = []
    real = {name: getattr(os, name) for name in ("fsync", "replace", "unlink")}

    def stepping(name: str) -> Any:
        def call(*args: Any, **more: Any) -> Any:
            if len(done) == step:
                if name == "fsync" and not Path(f"/proc/self/fd/{args[0]}").is_dir():
                    os.ftruncate(args[0], 0)
                raise PowerCut
            done.append(name)
            return real[name](*args, **more)

        return call

    with monkeypatch.context() as patch:
        for name in real:
            patch.setattr(os, name, stepping(name))
        yield done


def test_a_power_cut_at_any_point_leaves_the_old_bundle_or_the_new(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sync, rename and removal is a point; after each the folder reads whole, and the next try ends it."""
    seen, step = set(), 0
    while True:
        try:
            with cut_at(monkeypatch, step) as done:
                bring(BundleFolder(root), NEW)
        except PowerCut:
            pass
        else:
            assert len(done) > 8
            assert seen == {OLD.number, NEW.number}
            return
        found = BundleFolder(root).load(KEYS, city="isfahan")[1]
        assert found in (OLD, NEW)
        seen.add(found.number)
        for path in (root / "chunks").iterdir():
            path.unlink()
        bring(BundleFolder(root), OLD)  # back to the start, for the next point
        step += 1


def test_nothing_has_its_name_before_it_is_synced(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File, then name, then folder: without this order a cut may leave a name without its bytes."""
    with cut_at(monkeypatch, 10_000) as done:
        bring(BundleFolder(root), NEW)
    renames = [at for at in range(done.index("unlink")) if done[at] == "replace"]
    assert len(renames) == 3  # two chunks and the manifest; the chunk of keys was held
    assert all(done[at - 1] == done[at + 1] == "fsync" for at in renames)
    assert "replace" not in done[done.index("unlink") :]  # what the old one names goes last


def test_a_chunk_that_is_held_is_not_written_again(root: Path) -> None:
    keys = signed(OLD)[0].section("keys").chunks[0].digest.hex()
    before = (root / "chunks" / keys).stat()
    bring(BundleFolder(root), NEW)
    after = (root / "chunks" / keys).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    named = {chunk.digest.hex() for chunk in signed(NEW)[1]}
    assert {path.name for path in (root / "chunks").iterdir()} == named  # what only the old one named is gone


def test_a_rotten_byte_is_found_whenever_it_is_read(root: Path) -> None:
    for path in (root / "chunks").iterdir():
        data = path.read_bytes()
        path.write_bytes(data[:5] + bytes([data[5] ^ 4]) + data[6:])
        with pytest.raises(WrongHash):
            BundleFolder(root).load(KEYS, city="isfahan")
        path.write_bytes(data[:-1])
        with pytest.raises(WrongLength):
            BundleFolder(root).load(KEYS, city="isfahan")
        path.write_bytes(data)
    BundleFolder(root).load(KEYS, city="isfahan")


def test_a_rotten_chunk_counts_as_missing_and_is_replaced(root: Path) -> None:
    folder, (manifest, chunks) = BundleFolder(root), signed(OLD)
    one = manifest.chunks(KINDS)[0]
    (root / "chunks" / one.digest.hex()).write_bytes(b"rot")
    assert not folder.holds(one)
    folder.put_chunk(one, chunks[one])
    assert folder.holds(one)


def test_wrong_bytes_get_no_name(root: Path) -> None:
    folder = BundleFolder(root)
    with pytest.raises(WrongHash):
        folder.put_chunk(Chunk(bytes(32), 3), b"abc")
    assert not (root / "chunks" / bytes(32).hex()).exists()


def test_a_folder_without_a_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(BundleFailed, match=r"manifest\.cose"):
        BundleFolder(tmp_path / "nothing").load(KEYS, city="isfahan")
    with pytest.raises(BundleFailed):
        BundleFolder(tmp_path / "nothing").room()


def test_one_process_writes_at_a_time(root: Path) -> None:
    first, second = BundleFolder(root), BundleFolder(root)
    first.hold()
    with pytest.raises(BundleBusy) as caught:
        second.hold()
    assert "stop it" in caught.value.fix
    first.release()
    second.hold()
    second.release()


def test_what_is_interrupted_is_swept_away(root: Path) -> None:
    (root / "chunks" / "abc.part").write_bytes(b"half")
    bring(BundleFolder(root), NEW)
    assert not list(root.rglob("*.part"))


def test_a_card_that_is_full_leaves_the_old_bundle(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleFailed, match="No space left"):
        bring(BundleFolder(root), NEW)
    monkeypatch.undo()
    assert BundleFolder(root).load(KEYS, city="isfahan")[1] == OLD
