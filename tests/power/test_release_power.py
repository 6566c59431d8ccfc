"""Updates on a real ext4 whose power is cut at 200 random operations: always a whole version, always the journal (P12)."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import BinaryIO

import pytest

from edge.adapters.card_files import RealCardFiles
from edge.adapters.journal import ApswJournal
from edge.core.errors import ReleaseFailed
from edge.core.ports import ChainedRecord
from edge.core.taps import next_link, opening_record
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.records import ClockQuality, Instant
from simulators.errors import DiskUnavailable
from simulators.power.disk import LoopDisk
from tests.edge.model_card import PowerCut
from tests.edge.release_life import Life

pytestmark = pytest.mark.integration
CUTS = 200
KEY = SigningKey.from_secret(bytes(31) + b"\x07")
OPERATIONS_MAX = 80  # an update takes some 70: each of its steps is cut, and many lives come through


class CutFiles(RealCardFiles):
    """The real files, asking before each operation and inside each write."""

    def __init__(self, root: Path, on_operation: Callable[[], None]) -> None:
        super().__init__(root)
        self._on_operation = on_operation

    def make_folder(self, path: str) -> None:
        self._on_operation()
        super().make_folder(path)

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        def asked() -> Iterator[bytes]:
            for part in parts:
                self._on_operation()
                yield part

        self._on_operation()
        super().write(path, asked())

    def rename(self, path: str, name: str) -> None:
        self._on_operation()
        super().rename(path, name)

    def sync(self, folder: str) -> None:
        self._on_operation()
        super().sync(folder)

    def remove(self, path: str) -> None:
        self._on_operation()
        super().remove(path)

    def open(self, path: str) -> BinaryIO:
        return super().open(path)


def record(journal: ApswJournal) -> ChainedRecord:
    now = Instant(1_790_000_000_000, 0, ClockQuality.TRUSTED, 1)
    return opening_record(next_link("bus-1-d1", journal.head), now, "power", KEY.public)


def tree(root: Path) -> Callable[[str], dict[str, bytes]]:
    def files(folder: str) -> dict[str, bytes]:
        at = root / folder
        return {
            path.relative_to(at).as_posix(): path.read_bytes() for path in at.rglob("*") if path.is_file()
        }  # fmt: skip

    return files


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_power_cuts_leave_a_whole_version_and_the_journal(tmp_path: Path) -> None:
    try:
        with LoopDisk(tmp_path / "probe.img", tmp_path / "probe"):
            pass
    except DiskUnavailable as why:
        pytest.skip(f"REAL POWER CUTS NOT RUN, only those of the modelled card: {why}")
    rng = Random("releases")
    with LoopDisk(tmp_path / "card.img", tmp_path / "card") as disk:
        left = 0

        def operation() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                disk.cut()
                raise PowerCut
            if left < 0:
                raise PowerCut  # the process is gone

        root = disk.at / "releases"
        root.mkdir()
        life = Life(CutFiles(root, operation), tree(root))
        written = 0
        for _ in range(CUTS):
            journal = ApswJournal(disk.at / "journal.db", device="bus-1-d1", new_epoch=1)
            assert journal.head.sequence == written
            taken = record(journal)
            journal.append(taken, None)
            journal.sign_tail(KEY.sign(Purpose.RECORD, taken.head))
            written = journal.head.sequence
            journal.close()
            left = rng.randrange(1, OPERATIONS_MAX)
            try:
                life.run(3)
            except (PowerCut, ReleaseFailed):
                assert left <= 0
            else:
                disk.cut()
            disk.unmount()
            disk.mount()
            left = OPERATIONS_MAX * 100
            life.look()
        assert life.confirmed > CUTS / 10, "hardly anything was updated: nothing is proven"
