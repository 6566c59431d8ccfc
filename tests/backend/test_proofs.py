"""Riders' proofs: opened where they hold, a finding and no exception where they do not (P9, P20)."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from backend.app.proofs import ProofDesk
from backend.core.limits import DAY_KEYS_CACHED_MAX
from protocol.wire.records import DayKeyRecord, Tap, decode_record
from tests.backend.bus import SEALING, Bus, Proof, Rider, key

pytestmark = pytest.mark.databases

RIDER = Rider(1)
nobody: Callable[[Sequence[bytes]], Mapping[bytes, object]] = lambda _: {}  # noqa: E731 - long passes ask for no rider


class Shelf:
    """The day keys that the ledger holds; counts how often it is asked."""

    def __init__(self, *buses: Bus) -> None:
        self.kept = {(bus.name, bus.epoch, bus.day_key.id): bus.records[1] for bus in buses}
        self.asked = 0

    def find(self, device: str, epoch: int, key_id: bytes) -> bytes | None:
        self.asked += 1
        return self.kept.get((device, epoch, key_id))


def tap_of(bus: Bus, *, proof: Proof = Proof.GENUINE, counter: int = 1) -> Tap:
    bus.tap(RIDER.show(counter, party=2), proof=proof)
    return decode_record(bus.records[-1])


def test_a_genuine_proof_opens() -> None:
    """It carries what the rider signed: credential, time, counter, party."""
    bus = Bus()
    proof = ProofDesk(SEALING, Shelf(bus).find, nobody).open(tap_of(bus))
    shown = RIDER.show(1, party=2)
    assert proof.raw == shown.raw
    assert (proof.presentation, proof.party, proof.credential.raw) == (shown.presentation, 2, RIDER.credential)


def test_a_short_pass_is_proven_by_the_key_that_was_issued_under_its_id() -> None:
    """P9, P20: whatever key, class or version a bus may have in its table."""
    bus = Bus()
    bus.tap(RIDER.show_short(5, party=2))
    tap = decode_record(bus.records[-1])
    shown = RIDER.show_short(5, party=2)
    registered = {RIDER.credential_id: RIDER.row}
    proof = ProofDesk(SEALING, Shelf(bus).find, lambda _: registered).open(tap)
    assert (proof.raw, proof.presentation, proof.party) == (shown.raw, RIDER.show(5).presentation, 2)
    assert proof.credential.holder == RIDER.key.public
    other = Rider(1, holder=key("other"))
    assert ProofDesk(SEALING, Shelf(bus).find, lambda _: {RIDER.credential_id: other.row}).open(tap) is None
    assert ProofDesk(SEALING, Shelf(bus).find, nobody).open(tap) is None


@pytest.mark.parametrize("proof", [Proof.STRIPPED, Proof.FORGED, Proof.BARE, Proof.MOVED])
def test_a_short_proof_that_does_not_hold_is_none(proof: Proof) -> None:
    """P9, P20."""
    bus = Bus()
    bus.tap(RIDER.show_short(1), proof=proof)
    desk = ProofDesk(SEALING, Shelf(bus).find, lambda _: {RIDER.credential_id: RIDER.row})
    assert desk.open(decode_record(bus.records[-1])) is None


@pytest.mark.parametrize("proof", [Proof.STRIPPED, Proof.FORGED, Proof.BARE, Proof.MOVED])
def test_a_proof_that_does_not_hold_is_none(proof: Proof) -> None:
    """P9, P20: another phone's signature, half a pass, a part sealed for another tap, nothing."""
    bus = Bus()
    assert ProofDesk(SEALING, Shelf(bus).find, nobody).open(tap_of(bus, proof=proof)) is None


def test_a_day_key_wrapped_to_another_backend() -> None:
    """P20: not ours to open; asked of the shelf once, and remembered as closed."""
    bus = Bus(sealing=key("other"))
    shelf = Shelf(bus)
    desk = ProofDesk(SEALING, shelf.find, nobody)
    assert [desk.open(tap_of(bus, counter=n)) for n in range(3)] == [None] * 3
    assert shelf.asked == 1


def test_a_day_key_of_another_device_or_epoch_does_not_open() -> None:
    """P20: its wrapping is bound to device and epoch, so it cannot be lent."""
    bus, other, earlier = Bus(), Bus("bus-2-d1"), Bus(epoch=7)
    for lender in (other, earlier):
        shelf = Shelf(bus)
        shelf.kept = {(bus.name, bus.epoch, bus.day_key.id): lender.records[1]}
        desk = ProofDesk(SEALING, shelf.find, nobody)
        record = decode_record(lender.records[1])
        link = decode_record(bus.records[1]).link
        desk.learn(DayKeyRecord(link, record.at, record.day, bus.day_key.id, record.wrapped))
        assert desk.open(tap_of(bus)) is None


def test_a_day_key_under_anothers_id_is_not_used() -> None:
    """P20: an id that its key does not have is refused, also where the key itself would open."""
    bus = Bus()
    record = decode_record(bus.records[1])
    desk = ProofDesk(SEALING, lambda *_: None, nobody)
    desk.learn(DayKeyRecord(record.link, record.at, record.day, b"another1", record.wrapped))
    assert desk._keys == {(bus.name, bus.epoch, b"another1"): None}


def test_a_shelf_with_something_else_on_it() -> None:
    bus = Bus()
    shelf = Shelf(bus)
    shelf.kept = dict.fromkeys(shelf.kept, bus.records[0])
    assert ProofDesk(SEALING, shelf.find, nobody).open(tap_of(bus)) is None


def test_a_learned_key_needs_no_shelf() -> None:
    """The day key and its taps come in one batch, before either is stored."""
    bus = Bus()
    desk = ProofDesk(SEALING, lambda *_: pytest.fail("asked"), nobody)
    desk.learn(decode_record(bus.records[1]))
    assert desk.open(tap_of(bus)) is not None


def test_keys_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes and is fetched again when it is needed."""
    assert DAY_KEYS_CACHED_MAX >= 1_000
    monkeypatch.setattr("backend.app.proofs.DAY_KEYS_CACHED_MAX", 2)
    buses = [Bus(f"bus-{n}-d1") for n in range(3)]
    shelf = Shelf(*buses)
    desk = ProofDesk(SEALING, shelf.find, nobody)
    for bus in buses:
        desk.learn(decode_record(bus.records[1]))
    assert len(desk._keys) == 2
    assert desk.open(tap_of(buses[2])) is not None
    assert shelf.asked == 0
    assert desk.open(tap_of(buses[0])) is not None
    assert shelf.asked == 1
    assert len(desk._keys) == 2
