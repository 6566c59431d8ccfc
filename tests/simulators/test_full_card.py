"""A simulated card that is full, and loses its power at every single operation while it makes room (P1, P2, P4)."""

from contextlib import suppress
from pathlib import Path
from random import Random

import apsw
import pytest

from edge.adapters.journal import ApswJournal
from edge.core.errors import JournalFailed, JournalFull
from edge.core.retention import ReceiptDay
from protocol.wire import chain
from simulators.seeded.ballast import SimBallast
from simulators.seeded.disk import PowerCut, SimDisk
from tests.edge.door import DEVICE
from tests.edge.test_journal_contract import fill, record

SIZE, LEAVES = 96 << 10, 64 << 10
RECEIPTED = 20  # records that may go


class Bus:
    """A journal on a card of its own; what `append` promised is remembered outside."""

    def __init__(self, name: str, seed: int) -> None:
        self.disk = SimDisk(name, Random(seed), self._operation)
        self.cut_in: int | None = None
        self.promised: dict[int, bytes] = {}
        self.journal = self.open()

    def _operation(self, _what: str) -> None:
        if self.cut_in is not None:
            self.cut_in -= 1
            if self.cut_in < 0:
                raise PowerCut

    def open(self) -> ApswJournal:
        reserve = SimBallast(self.disk, size=SIZE, leaves=LEAVES)
        return ApswJournal(
            Path("/journal.db"), device="bus-1-d1", new_epoch=11, vfs=self.disk.name, reserve=reserve
        )  # fmt: skip

    def tap(self) -> None:
        following = record(self.journal)
        self.journal.append(following, None)
        self.promised[following.sequence] = following.raw
        self.journal.sign_tail(chain.sign_hash(following.head, DEVICE))

    def fill_up(self) -> None:
        """Taps until the card takes no more."""
        self.disk.full_at = self.disk.used() + (16 << 10)
        try:
            for number in range(1, 1_000):
                self.tap()
                if number % 10 == 0:
                    self.journal.checkpoint()
        except JournalFull:
            return
        pytest.fail("the card was never full")

    def keep_house(self) -> None:
        """What the sync thread does on a full card whose oldest records may go."""
        self.journal.keep_receipt(b"receipt", RECEIPTED, ReceiptDay(1, 1, 1))
        self.journal.forget_window(self.journal.head.sequence)
        self.journal.checkpoint()
        self.journal.prune(RECEIPTED)
        self.journal.checkpoint()

    def power_back(self) -> None:
        """The power went and is back: a new process, and what survived."""
        self.cut_in = None
        with suppress(apsw.Error):
            self.journal._write.close(force=True)  # the dead process's handles: they reach the card no more
        self.disk.cut()
        self.journal = self.open()
        if self.journal.signed < self.journal.head.sequence:
            self.journal.sign_tail(chain.sign_hash(self.journal.head.hash, DEVICE))

    def check(self) -> None:
        """Everything promised that had no receipt is there, byte for byte, in one chain."""
        rows = self.journal.read(1, 10_000, 1 << 30)
        held = {row.sequence: row.raw for row in rows}
        assert [held[sequence] for sequence in self.promised if sequence > RECEIPTED] == [
            raw for sequence, raw in self.promised.items() if sequence > RECEIPTED
        ]
        chain.walk([row.raw for row in rows], device="bus-1-d1", epoch=11, first=rows[0].sequence)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"full-{request.node.name}"


def test_a_full_card_makes_room_on_lent_room(name: str) -> None:
    bus = Bus(name, 1)
    fill(bus.journal, 40)
    bus.fill_up()
    bus.keep_house()
    bus.check()
    for _ in range(5):
        bus.tap()
    assert bus.disk.used() <= (bus.disk.full_at or 0)


def test_what_a_failed_sync_left_behind_is_removed_on_lent_room_too(name: str) -> None:
    """Its record is on the card and was never promised; the card is full before it can be taken out."""
    bus = Bus(name, 1)
    fill(bus.journal, 40)
    bus.promised.update((row.sequence, row.raw) for row in bus.journal.read(1, 40, 1 << 20))
    bus.disk.failing_sync = True
    with pytest.raises(JournalFailed):
        bus.journal.append(record(bus.journal), None)
    bus.disk.failing_sync = False
    bus.disk.full_at = bus.disk.used()
    bus.keep_house()
    bus.check()
    bus.tap()
    bus.check()


def test_the_power_may_go_at_any_moment_of_it(name: str) -> None:
    operations = 0
    while True:
        bus = Bus(f"{name}-{operations}", operations)
        fill(bus.journal, 40)
        bus.promised.update((row.sequence, row.raw) for row in bus.journal.read(1, 40, 1 << 20))
        bus.fill_up()
        bus.cut_in = operations
        try:
            bus.keep_house()
        except PowerCut:
            operations += 1
        else:
            break
        bus.power_back()
        bus.check()
        bus.keep_house()
        bus.check()
        for _ in range(5):
            bus.tap()
        bus.check()
        bus.disk.unregister()
    assert operations > 20, "nothing was cut"
