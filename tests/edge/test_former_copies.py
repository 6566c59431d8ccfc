"""Copies of doors that were the sister before: kept under their names, carried by a door with another sister or none."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters import former_copies as former
from edge.adapters.copies import ApswCopies, open_copies
from edge.adapters.former_copies import device_in, former_copies, put_by
from edge.adapters.tap_signer import InlineTapSigner
from edge.app.station import Station
from edge.core.errors import JournalFailed
from edge.core.former import Former
from edge.core.limits import COURIER_AFTER_MS, FORMER_SISTERS_MAX
from protocol.wire import chain
from protocol.wire.batches import decode_batch
from protocol.wire.receipts import Receipt, encode_receipt
from protocol.wire.records import Instant, Service
from protocol.wire.standing import Watermark
from protocol.wire.topics import Address, Channel
from simulators.held_riders import HeldRiders
from tests.edge.door import BACKEND, MemoryJournal, RememberingPanel, Rider, at, boarding, bundle
from tests.edge.pair import FRONT, KEYS, REAR, Broker, shipped
from tests.edge.test_copies_contract import NEW, OLD, add, digest, sequences

DEAD, OTHER = "bus-1-d2", "bus-1-d3"
AFTER_S = COURIER_AFTER_MS / 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sister.db"


def held_of(path: Path, device: str, last: int = 3, epoch: int = NEW) -> None:
    copies = ApswCopies(path, sister=device)
    add(copies, epoch, 1, last)
    copies.close()


def names(path: Path) -> list[str]:
    return sorted(it.name for it in path.parent.iterdir())


@pytest.mark.parametrize("now", [OTHER, None])
def test_copies_of_another_door_go_under_its_name_and_are_found_there(path: Path, now: str | None) -> None:
    held_of(path, DEAD)
    put_by(path, now)
    assert names(path) == [f"sister-of-{DEAD}.db"]
    if now is not None:
        open_copies(path, sister=now).close()
    (kept,) = former_copies(path)
    assert (kept.device, list(kept.copies.held())) == (DEAD, [Watermark(NEW, 3, digest(NEW, 3))])
    kept.copies.close()


def test_the_copies_of_the_sister_stay(path: Path) -> None:
    held_of(path, DEAD)
    before = path.read_bytes()
    put_by(path, DEAD)
    assert (names(path), path.read_bytes(), former_copies(path)) == (["sister.db"], before, [])


def test_a_former_sister_that_is_the_sister_again_goes_on_in_its_own_copies(path: Path) -> None:
    held_of(path, DEAD)
    put_by(path, OTHER)
    held_of(path, OTHER, 5, OLD)
    put_by(path, DEAD)
    again = open_copies(path, sister=DEAD)
    assert [it.epoch for it in again.held()] == [NEW]
    again.close()
    (kept,) = former_copies(path)
    assert (kept.device, [it.epoch for it in kept.copies.held()]) == (OTHER, [OLD])
    kept.copies.close()


def test_two_files_of_one_name_are_both_kept_and_both_carried(path: Path) -> None:
    held_of(path, DEAD)
    put_by(path, OTHER)
    held_of(path, DEAD, 7, OLD)
    put_by(path, OTHER)
    assert names(path) == [f"sister-of-{DEAD}-2.db", f"sister-of-{DEAD}.db"]
    found = former_copies(path)
    assert sorted(mark.epoch for it in found for mark in it.copies.held()) == sorted((OLD, NEW))
    for it in found:
        it.copies.close()


@pytest.mark.parametrize("folds", [True, False])
def test_records_that_lie_in_the_log_alone_go_along(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, folds: bool
) -> None:
    """As a door that was killed left them. Where the log cannot be folded in nothing is moved: a cut would part them."""
    made = path.with_name("made.db")
    copies = ApswCopies(made, sister=DEAD)
    add(copies, NEW, 1, 3)
    log = made.with_name("made.db-wal")
    assert log.stat().st_size, "what was added is in the log"
    shutil.copy(made, path)
    shutil.copy(log, path.with_name("sister.db-wal"))
    copies.close()
    made.unlink()
    if not folds:
        monkeypatch.setattr(former, "device_in", lambda _: DEAD)
        put_by(path, OTHER)
        assert "sister.db-wal could not be folded in" in caplog.text
        monkeypatch.undo()
    assert path.with_name("sister.db-wal").exists()
    put_by(path, OTHER)
    assert names(path) == [f"sister-of-{DEAD}.db"]
    (found,) = former_copies(path)
    assert sequences(found.copies, NEW, 1) == [1, 2, 3]
    found.copies.close()


def test_what_was_set_aside_before_is_carried_where_it_can_be_read_and_left_where_not(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held_of(path.with_name("sister-aside-1.db"), DEAD)
    path.with_name("sister-aside-2.db").write_bytes(b"no database at all" * 300)
    held_of(path.with_name("sister-aside-3.db"), OTHER, 60)
    torn = path.with_name("sister-aside-3.db")
    torn.write_bytes(torn.read_bytes()[:-2048] + bytes(range(256)) * 8)
    (kept,) = former_copies(path)
    assert kept.device == DEAD
    assert "sister-aside-3.db cannot be read, and is left" in caplog.text
    kept.copies.close()


def test_more_of_them_than_are_carried_are_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(FORMER_SISTERS_MAX + 1):
        held_of(path.with_name(f"sister-of-bus-{number}-d2.db"), f"bus-{number}-d2")
    found = former_copies(path)
    assert len(found) == FORMER_SISTERS_MAX
    assert f"copies of bus-{FORMER_SISTERS_MAX}-d2 are not carried" in caplog.text
    for it in found:
        it.copies.close()


def test_whose_records_were_all_wiped_takes_no_place_from_one_that_has_some(path: Path) -> None:
    """A door outlives many sisters: the files stay, and the newest would be left out for ever by its name."""
    for number in range(FORMER_SISTERS_MAX):
        file = path.with_name(f"sister-of-bus-{number}-d2.db")
        held_of(file, f"bus-{number}-d2")
        copies = ApswCopies(file, sister=f"bus-{number}-d2")
        copies.prune(NEW, 3)
        copies.close()
    held_of(path.with_name("sister-of-spare-7-d1.db"), "spare-7-d1")
    found = former_copies(path)
    assert [it.device for it in found] == ["spare-7-d1", *(f"bus-{n}-d2" for n in range(FORMER_SISTERS_MAX - 1))]
    for it in found:
        it.copies.close()


def test_nothing_is_found_where_nothing_is(path: Path) -> None:
    put_by(path, DEAD)
    put_by(path, None)
    assert (former_copies(path), device_in(path), path.parent.exists()) == ([], None, False)


# --- carried ----------------------------------------------------------------------------------------------------------


class Alone:
    """A door without a sister, on whose card lie copies of the one that it had: a journal of three taps."""

    def __init__(self, path: Path) -> None:
        self.journal = MemoryJournal(NEW)
        service = boarding(self.journal, RememberingPanel())
        service.begin(at())
        for number in range(3):
            service.present(Rider(number + 1).code(at()), at(), settled=False)
        self._lie_on(path)
        self.broker, self.now = Broker(), at()
        self.formers = former_copies(path)
        self.station = self._station()
        self.station.begin(at())
        self.broker.connected = True
        self.station.session_changed(connected=True)

    def _lie_on(self, path: Path) -> None:
        rows = [(n, raw, chain.head_of(raw)) for n, raw in sorted(self.journal.rows.items())]
        signature = decode_batch(shipped(self.journal, device=REAR)).signature
        copies = ApswCopies(path.with_name(f"sister-of-{REAR}.db"), sister=REAR)
        copies.add(Watermark.before(NEW), rows, signature)
        copies.close()
        self.last, self.head = rows[-1][0], rows[-1][2]

    def _station(self) -> Station:
        return Station(
            address=Address("testabad", "s0", FRONT), service=Service("bus-1", 1, "r9", 0), bundle=bundle(),
            journal=MemoryJournal(OLD), riders=HeldRiders(), tap_signer=InlineTapSigner(KEYS[FRONT]), key=KEYS[FRONT],
            panel=RememberingPanel(), clock=self, session=self.broker, sister=None, software="test",
            randomness=bytes, wake=lambda: None, heard=lambda _: None, formers=self.formers,
        )  # fmt: skip

    def read(self) -> Instant:
        return self.now

    def step(self, seconds: float) -> None:
        self.now = at(seconds)
        self.station.step(self.now)

    @property
    def carried(self) -> list[tuple[str, int]]:
        batches = [decode_batch(data) for topic, data in self.broker.published if topic.endswith(Channel.TAPS.value)]
        return [(it.device, it.last) for it in batches if it.device == REAR]


@pytest.fixture
def alone(path: Path) -> Iterator[Alone]:
    made = Alone(path)
    yield made
    for it in made.formers:
        it.copies.close()


def test_a_door_without_a_sister_carries_what_it_holds_of_the_one_it_had_until_it_is_receipted(alone: Alone) -> None:
    alone.step(1)
    assert (alone.carried, alone.station.courier_backlog) == ([], alone.last)
    alone.step(AFTER_S + 2)
    assert alone.carried == [(REAR, alone.last)]
    word = Receipt(REAR, NEW, alone.last, alone.head, 1, bytes(32), at(AFTER_S + 3).wall_ms)
    alone.station.message_came(encode_receipt(word, BACKEND))
    alone.step(AFTER_S + 4)
    assert alone.station.courier_backlog == 0


class Unreadable(ApswCopies):
    """On a card that does not answer."""

    def held(self) -> object:  # type: ignore[override]
        raise JournalFailed("the card does not answer")


def test_copies_that_cannot_be_read_later_are_said_and_keep_nobody_from_boarding(alone: Alone, path: Path) -> None:
    alone.formers.append(Former(REAR, Unreadable(path, sister=REAR)))
    alone.station = alone._station()
    alone.station.begin(at())
    said = alone.station.problem(at())
    assert said == "the records of a door that was here before are not carried: the card does not answer"
