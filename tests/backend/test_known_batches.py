"""What comes again is known by its hashes alone: nothing of it is decoded, and nothing else passes for it."""

from pathlib import Path

import pytest

from backend.app import ingest
from protocol.wire.batches import encode_batch
from tests.backend.bus import Bus, Rider, key
from tests.backend.desk import Desk

pytestmark = pytest.mark.databases
RIDERS = [Rider(number) for number in range(3)]


def ridden(taps: int = 20) -> Bus:
    bus = Bus()
    bus.ride(4, RIDERS, taps)
    return bus


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(("first", "last"), [(1, 22), (1, 5), (7, 22), (9, 9), (22, 22)])
def test_no_record_of_it_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, last: int, *, apart: bool
) -> None:
    """P6: also what the same group brought a moment ago."""
    bus = ridden()
    desk = Desk(tmp_path, [bus], RIDERS)
    whole, again = (bus, bus.batch()), (bus, bus.batch(first, last))
    read = []
    verify = ingest.verify_batch
    monkeypatch.setattr(ingest, "verify_batch", lambda *asked: (read.append(asked[0].first), verify(*asked))[1])
    receipts = desk.take(whole) + desk.take(again) if apart else desk.take(whole, again)
    assert read == [1]
    assert {(it.sequence, it.head) for it in receipts} == {(22, bus.hashes[-1])}
    assert desk.records() == 22
    assert desk.quarantined() == []


def test_another_keys_signature_under_known_bytes_is_quarantined(tmp_path: Path) -> None:
    bus = ridden()
    desk = Desk(tmp_path, [bus], RIDERS)
    desk.take_whole(bus)
    assert desk.take((bus, bus.batch(3, 9, signer=key("thief")))) == []
    assert [reason for _, reason, *_ in desk.quarantined()] == ["BadSignature"]


def test_known_records_at_another_place_are_not_known(tmp_path: Path) -> None:
    """The place is part of what is compared: our hash before it."""
    bus = ridden()
    desk = Desk(tmp_path, [bus], RIDERS)
    desk.take_whole(bus)
    moved = encode_batch(bus.name, bus.epoch, 4, bus.records[4:9], bus.batch(5, 9)[-64:])
    assert desk.take((bus, moved)) == []
    assert [reason for _, reason, *_ in desk.quarantined()] == ["ChainBroken"]


def test_a_branch_below_the_end_is_a_fork_as_before(tmp_path: Path) -> None:
    """P11."""
    bus = ridden()
    desk = Desk(tmp_path, [bus], RIDERS)
    twin = bus.fork(10)
    twin.ride(5, RIDERS, 5)
    desk.take_whole(bus)
    desk.take((bus, twin.batch(8, 15)))
    assert ("fork", bus.name) in desk.alarms
    assert desk.records() == bus.last
