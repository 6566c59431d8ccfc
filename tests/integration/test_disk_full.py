"""A card that is really full (P4): nothing that was not stored is accepted, nothing stored is lost, and it goes on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.journal import ApswJournal
from edge.core.errors import JournalFull
from protocol.fares.verdicts import Verdict
from protocol.wire import chain
from tests.edge.door import DEVICE, RememberingPanel, Rider, at, boarding

pytestmark = pytest.mark.integration


@pytest.fixture
def small_card(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    assert os.geteuid() == 0, "this test mounts a small file system: run it as root, as CI does"
    card = tmp_path / "card"
    card.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(card)], check=True)
    yield card
    subprocess.run(["umount", str(card)], check=True)


def test_a_full_card_shows_out_of_service_and_recovers(small_card: Path) -> None:
    filler = small_card / "filler"
    filler.write_bytes(bytes(200 * 1024))
    journal = ApswJournal(small_card / "journal.db", device="bus-1-d1", new_epoch=11)
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
    reopened = ApswJournal(small_card / "journal.db", device="bus-1-d1", new_epoch=11)
    rows = reopened.read(1, 10_000, 1 << 30)
    walked = chain.walk([row.raw for row in rows], device="bus-1-d1", epoch=11, first=1)
    chain.verify_hash(walked[-1][1], rows[-1].signature, DEVICE.verifying)
    taps = [record for record, _ in walked if hasattr(record, "verdict")]
    assert len(taps) == accepted + 1
    reopened.close()
