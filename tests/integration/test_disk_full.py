"""A card that is really full (P4): nothing that was not stored is accepted, nothing stored is lost, and it goes on."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.adapters.ballast import Ballast
from edge.adapters.journal import ApswJournal
from edge.core.errors import JournalFull
from edge.core.limits import BALLAST_BYTES, BALLAST_LEAVES_BYTES, PRUNE_ROWS_MAX
from edge.core.ports import StoredRecord
from edge.core.retention import ReceiptDay
from protocol.fares.verdicts import Verdict
from protocol.wire import chain
from tests.edge.door import DEVICE, RememberingPanel, Rider, at, boarding

pytestmark = pytest.mark.integration
KIB, MIB = 1 << 10, 1 << 20
Mount = Callable[[str, int], Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Makes a small card: a file system of a kind and a size in bytes."""
    assert os.geteuid() == 0, "this test mounts a small file system: run it as root, as CI does"
    card = tmp_path / "card"
    card.mkdir()
    with ExitStack() as stack:

        def mounted(kind: str, size: int) -> Path:
            if kind == "tmpfs":
                subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(card)], check=True)
            else:
                image = tmp_path / "card.img"
                with image.open("wb") as file:
                    file.truncate(size)
                subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
                subprocess.run(["mount", "-o", "loop", str(image), str(card)], check=True)
            stack.callback(subprocess.run, ["umount", "--lazy", str(card)], check=True)
            return card

        yield mounted


def whole(journal: ApswJournal) -> list[StoredRecord]:
    """Every record from the first that is there to the head, proven to be one chain of this device."""
    rows = list(journal.read(1, 1_000_000, 1 << 30))
    walked = chain.walk([row.raw for row in rows], device="bus-1-d1", epoch=11, first=rows[0].sequence)
    assert walked[-1][1] == journal.head.hash
    chain.verify_hash(walked[-1][1], rows[-1].signature, DEVICE.verifying)
    return rows


def test_a_full_card_shows_out_of_service_and_recovers(mount: Mount) -> None:
    card = mount("tmpfs", 512 * KIB)
    filler = card / "filler"
    filler.write_bytes(bytes(200 * KIB))
    journal = ApswJournal(card / "journal.db", device="bus-1-d1", new_epoch=11)
    panel = RememberingPanel()
    service = boarding(journal, panel)
    service.begin(at())
    shown: list[Verdict] = []
    for number in range(1, 2_000):
        outcome = service.present(Rider(number).code(at()), at(), settled=False)
        assert outcome is not None
        shown.append(outcome.showing.verdict)
        if shown[-1] is Verdict.OUT_OF_SERVICE:
            assert isinstance(outcome.problem, JournalFull)
            assert outcome.sequence is None
            break
    accepted = shown.count(Verdict.ACCEPTED)
    assert accepted > 50, "the card was full before the test began"
    assert shown[-1] is Verdict.OUT_OF_SERVICE
    assert panel.shown[-1].verdict is Verdict.OUT_OF_SERVICE
    filler.unlink()
    again = service.present(Rider(5_000).code(at(1)), at(1), settled=False)
    assert again is not None
    assert again.showing.verdict is Verdict.ACCEPTED
    journal.close()
    reopened = ApswJournal(card / "journal.db", device="bus-1-d1", new_epoch=11)
    walked = chain.walk([row.raw for row in whole(reopened)], device="bus-1-d1", epoch=11, first=1)
    taps = [record for record, _ in walked if hasattr(record, "verdict")]
    assert len(taps) == accepted + 1
    reopened.close()


class Bus:
    """A door whose journal stands on a card with a ballast and somebody else's files."""

    def __init__(self, card: Path) -> None:
        self.card = card
        self.journal = self.open()
        self.service = boarding(self.journal, RememberingPanel())
        self.service.begin(at())
        self.number = 0

    def open(self) -> ApswJournal:
        ballast = Ballast(self.card / "ballast", BALLAST_BYTES)
        return ApswJournal(self.card / "journal.db", device="bus-1-d1", new_epoch=11, reserve=ballast)

    def restart(self) -> None:
        self.journal.close()
        self.journal = self.open()
        self.service = boarding(self.journal, RememberingPanel())
        self.service.begin(self.now)

    @property
    def now(self) -> object:
        return at(self.number / 100)

    def taps(self, most: int = 100_000) -> int:
        """Taps until one is refused or `most` were accepted, folding the log in as the sync thread does."""
        accepted = 0
        while accepted < most:
            self.number += 1
            outcome = self.service.present(Rider(self.number).code(self.now), self.now, settled=False)  # type: ignore[arg-type]
            assert outcome is not None
            if outcome.problem is not None:
                assert isinstance(outcome.problem, JournalFull)
                return accepted
            accepted += 1
            if accepted % 20 == 0:
                self.journal.checkpoint()
        return accepted

    @property
    def free(self) -> int:
        card = os.statvfs(self.card)
        return card.f_bavail * card.f_frsize

    @property
    def ballast(self) -> int:
        return (self.card / "ballast").stat().st_blocks * 512


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_full_card_makes_room_for_itself_when_what_is_oldest_may_go(mount: Mount, kind: str) -> None:
    card = mount(kind, 36 * MIB)
    bus = Bus(card)
    assert bus.ballast >= BALLAST_BYTES
    filler = card / "filler"
    filler.write_bytes(bytes(bus.free - 300 * KIB))
    assert bus.taps() > 100, "the card was full before the test began"
    before = whole(bus.journal)

    # Nothing may go: taps are refused and the rest of the house is kept, however often, at nobody's expense.
    for _ in range(5):
        bus.journal.forget_window(bus.journal.head.sequence)
        assert bus.ballast >= BALLAST_BYTES - BALLAST_LEAVES_BYTES - MIB  # lent, and back at once
        bus.journal.keep_receipt(b"receipt", 10, ReceiptDay(1, 1, 1))
        bus.journal.checkpoint()
        assert bus.taps() < 100
    assert bus.taps() == 0
    assert [row for row in whole(bus.journal) if row.sequence <= before[-1].sequence] == before
    lent = bus.ballast
    assert lent >= BALLAST_BYTES - BALLAST_LEAVES_BYTES - MIB
    bus.restart()
    assert bus.taps() == 0
    assert bus.ballast == lent

    # What the caller has a receipt for may go: as much as goes is accepted again, time after time.
    last = 0
    for _ in range(5):
        last += PRUNE_ROWS_MAX
        assert bus.journal.prune(last) > 0
        assert PRUNE_ROWS_MAX // 2 < bus.taps() < PRUNE_ROWS_MAX * 2
        bus.journal.checkpoint()
        assert bus.ballast == lent
    assert whole(bus.journal)[0].sequence == last + 1

    # The card has room again: the ballast is whole, and the file may grow.
    filler.unlink()
    bus.journal.checkpoint()
    assert bus.ballast >= BALLAST_BYTES
    assert bus.taps(500) == 500
    assert whole(bus.journal)[0].sequence == last + 1
    bus.journal.close()


def test_without_a_ballast_a_full_card_is_stuck(mount: Mount) -> None:
    """The control: what the ballast is for."""
    card = mount("tmpfs", MIB)
    journal = ApswJournal(card / "journal.db", device="bus-1-d1", new_epoch=11)
    service = boarding(journal, RememberingPanel())
    service.begin(at())
    for number in range(1, 10_000):
        outcome = service.present(Rider(number).code(at()), at(), settled=False)
        assert outcome is not None
        if outcome.problem is not None:
            break
    head = journal.head
    with pytest.raises(JournalFull):
        journal.prune(head.sequence)
    with pytest.raises(JournalFull):  # by its name, though SQLite ends the transaction itself
        journal.forget_window(head.sequence)
    assert journal.head == head
    journal.close()
