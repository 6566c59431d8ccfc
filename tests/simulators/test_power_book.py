"""The oracle of the power-cut tests finds what it is there to find: each kind of defect, planted in a journal."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.adapters.journal import ApswJournal
from edge.core.accepted import Accepted
from edge.core.ports import ChainedRecord
from protocol.wire import chain
from protocol.wire.records import decode_record
from simulators.power.book import Found
from simulators.power.card import CardTrial
from simulators.power.child import Order
from simulators.power.riders import RiderQueue
from simulators.power.weak import WeakJournal
from tests.edge.door import ISSUER
from tests.spoil import spoiled

CUTS = 20


class Forgetful(ApswJournal):
    """Takes no window up after a start."""

    def window(self) -> Iterable[Accepted]:
        return []


class Nameless(ApswJournal):
    """Keeps no plain ids beside the records."""

    def append(self, record: ChainedRecord, accepted: Accepted | None, **beside: Any) -> None:
        super().append(record, None, **beside)


class Blurred(ApswJournal):
    """Keeps who boarded, but not with which render."""

    def append(self, record: ChainedRecord, accepted: Accepted | None, **beside: Any) -> None:
        if accepted is not None:
            accepted = replace(accepted, presentation=replace(accepted.presentation, counter=999))
        super().append(record, accepted, **beside)


class Forged(ApswJournal):
    """Stores another record than the one that was signed, with a digest that is right for it."""

    def append(self, record: ChainedRecord, accepted: Accepted | None, **beside: Any) -> None:
        other = spoiled(record.raw)
        if record.sequence % 10 != 9:
            super().append(record, accepted)
            return
        head = chain.next_hash(decode_record(record.raw).link.previous, other)
        super().append(replace(record, raw=other, head=head), accepted)


class Leaky(ApswJournal):
    """Loses its oldest record at every start."""

    def __init__(self, path: Path, *, device: str, new_epoch: int, vfs: str | None = None) -> None:
        super().__init__(path, device=device, new_epoch=new_epoch, vfs=vfs)
        if self.head.sequence > 5:
            self.prune(1)


def cut(folder: Path, journal: type[ApswJournal]) -> Found:
    trial = CardTrial(folder, seed=7, journal=journal)
    for _ in range(CUTS):
        trial.cut()
    trial.end()
    return trial.found


def test_a_sound_journal_is_found_sound_and_a_seed_replays(tmp_path: Path) -> None:
    found = cut(tmp_path, ApswJournal)
    assert (found.lost, found.doubled, found.broken, found.reopened) == ([], [], [], [])
    assert found.taps > CUTS
    assert cut(tmp_path, ApswJournal) == found


@pytest.mark.parametrize(
    ("journal", "finding"),
    [
        (WeakJournal, "lost"),
        (Forgetful, "doubled"),
        (Nameless, "doubled"),
        (Blurred, "reopened"),
        (Forged, "broken"),
        (Leaky, "broken"),
    ],
)
def test_a_planted_defect_is_found(tmp_path: Path, journal: type[ApswJournal], finding: str) -> None:
    assert getattr(cut(tmp_path, journal), finding)


def test_an_order_survives_its_line() -> None:
    riders = RiderQueue(ISSUER, 20_000)
    order = Order([riders.presentation(7, 1_790_000_000), riders.presentation(8, 1_790_000_001, 2)], 9)
    assert Order.of(order.line().decode()) == order


def test_a_rider_shows_the_very_same_code_again() -> None:
    shown = RiderQueue(ISSUER, 20_000).presentation(7, 1_790_000_000)
    assert RiderQueue(ISSUER, 20_000).text(shown) == RiderQueue(ISSUER, 20_000).text(shown)
