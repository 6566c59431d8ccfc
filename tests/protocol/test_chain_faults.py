"""Faults of journals, receipts, seals and bundles that real systems had or that an attacker would try (P2, P11, P12)."""

import pytest

from protocol import limits
from protocol.errors import (
    BadSignature,
    ChainBroken,
    HighSSignature,
    OutOfRange,
    RolledBack,
    SavarError,
    SealBroken,
    UnknownKey,
)
from protocol.wire import cbor, chain
from protocol.wire.batches import decode_batch, encode_batch, verify_batch
from protocol.wire.bundles import cut_bundle
from protocol.wire.keys import SigningKey
from protocol.wire.manifests import encode_manifest, open_manifest
from protocol.wire.receipts import Receipt, encode_receipt, open_receipt
from protocol.wire.records import Tap, decode_record, encode_day_key, encode_tap
from protocol.wire.seal import unwrap_day_key, wrap_day_key
from tests.protocol import samples

TAP = samples.TAP_KEY.verifying
RECORDS, HASHES = samples.history()


def batch_of(records: list[bytes], head: bytes, first: int = 1) -> bytes:
    return samples.batch(records, head, first=first)


def verified(data: bytes) -> None:
    verify_batch(decode_batch(data), TAP)


# --- the chain -----------------------------------------------------------------------------------------------------


def test_receipt_for_another_history() -> None:
    """P2: a receipt names the chain's head; over the same numbers of another history it proves nothing."""
    other = [samples.opening(), encode_day_key(_day_key_of_another_day())]
    other_head = chain.next_hash(chain.next_hash(chain.GENESIS, other[0]), other[1])
    receipt = Receipt(samples.DEVICE, samples.EPOCH, 2, other_head, 1, bytes(32), 1)
    opened = open_receipt(encode_receipt(receipt, samples.RECEIPT_KEY), [samples.RECEIPT_KEY.verifying])
    assert opened.sequence == 2
    assert opened.head != HASHES[1]
    third = decode_record(RECORDS[2]).link
    with pytest.raises(ChainBroken) as caught:
        chain.follow(third, device=opened.device, epoch=opened.epoch, sequence=3, previous=opened.head)
    assert caught.value.data["field"] == "previous"


def _day_key_of_another_day() -> object:
    record = decode_record(RECORDS[1])
    return type(record)(record.link, record.at, record.day + 1, record.key_id, record.wrapped)


def test_receipt_signed_by_a_device() -> None:
    with pytest.raises(UnknownKey):
        open_receipt(encode_receipt(samples.RECEIPT, samples.TAP_KEY), [samples.RECEIPT_KEY.verifying])


def test_batch_with_a_hole() -> None:
    with pytest.raises(ChainBroken) as caught:
        verified(batch_of(RECORDS[:2] + RECORDS[3:], HASHES[-1]))
    assert caught.value.data == {"field": "sequence", "sequence": 3, "expected": 3, "found": 4}


def test_batch_with_its_numbers_moved_over_a_hole() -> None:
    with pytest.raises(ChainBroken) as caught:
        verified(batch_of(RECORDS[2:], HASHES[-1], first=2))
    assert caught.value.data == {"field": "sequence", "sequence": 2, "expected": 2, "found": 3}


def test_batch_with_a_fork() -> None:
    """P11: a cloned card writes another record of the same number."""
    fork = samples.tap(HASHES[1], sequence=3, sealed=False)
    head = chain.next_hash(HASHES[1], fork)
    with pytest.raises(ChainBroken) as caught:
        verified(batch_of([*RECORDS[:2], fork, RECORDS[3]], chain.next_hash(head, RECORDS[3])))
    assert caught.value.data["field"] == "previous"
    assert caught.value.data["sequence"] == 4


def test_batch_with_records_in_another_order() -> None:
    with pytest.raises(ChainBroken) as caught:
        verified(batch_of([RECORDS[0], RECORDS[2], RECORDS[1], *RECORDS[3:]], HASHES[-1]))
    assert caught.value.data["field"] == "sequence"


def test_batch_with_a_record_twice() -> None:
    with pytest.raises(ChainBroken):
        verified(batch_of([*RECORDS[:2], RECORDS[1], *RECORDS[2:]], HASHES[-1]))


@pytest.mark.parametrize(("field", "wrong"), [("device", {"device": "bus-0002-d1"}), ("epoch", {"epoch": 1})])
def test_batch_under_another_name(field: str, wrong: dict[str, object]) -> None:
    data = samples.batch(RECORDS, HASHES[-1], **wrong)
    with pytest.raises(ChainBroken) as caught:
        verified(data)
    assert caught.value.data["field"] == field


def test_batch_signed_by_another_device_or_over_another_head() -> None:
    data = batch_of(RECORDS, HASHES[-1])
    with pytest.raises(BadSignature):
        verify_batch(decode_batch(data), samples.OTHER_TAP_KEY.verifying)
    with pytest.raises(BadSignature):
        verified(batch_of(RECORDS, HASHES[-2]))
    with pytest.raises(HighSSignature):
        verified(data[:-64] + samples.high_s(data[-64:]))


def test_a_journal_that_does_not_begin_at_its_beginning() -> None:
    """Record 1 follows 32 zero bytes; another `previous` hides what came before."""
    first = samples.opening(b"\x01" * 32)
    with pytest.raises(ChainBroken) as caught:
        verified(batch_of([first], chain.next_hash(b"\x01" * 32, first)))
    assert caught.value.data["field"] == "previous"


def test_batch_cut_short_does_not_verify() -> None:
    """The signature is the last record's: what is left out at the end is missed."""
    with pytest.raises(BadSignature):
        verified(
            encode_batch(samples.DEVICE, samples.EPOCH, 1, RECORDS[:-1], chain.sign_hash(HASHES[-1], samples.TAP_KEY))
        )


def test_batch_with_any_byte_changed() -> None:
    """Exhaustive over one small batch: each byte, by its lowest bit, its highest bit and all of them."""
    data = batch_of(RECORDS[:2], HASHES[1])
    verified(data)
    for at in range(len(data)):
        for change in (0x01, 0x80, 0xFF):
            flipped = bytearray(data)
            flipped[at] ^= change
            with pytest.raises(SavarError):
                verified(bytes(flipped))


def test_a_destroyed_record_leaves_its_neighbours_proven() -> None:
    """A day key past its time: its bytes go, its hash stays, both sides still verify."""
    before, after = RECORDS[:1], RECORDS[2:]
    assert chain.walk(before, device=samples.DEVICE, epoch=samples.EPOCH, first=1)[-1][1] == HASHES[0]
    walked = chain.walk(after, device=samples.DEVICE, epoch=samples.EPOCH, first=3)
    assert walked[0][0].link.previous == HASHES[1]
    assert walked[-1][1] == HASHES[-1]


# --- sealing, bundles ----------------------------------------------------------------------------------------------


def test_sealed_part_moved_to_another_tap() -> None:
    first, second = decode_record(RECORDS[2]), decode_record(RECORDS[3])
    assert isinstance(first, Tap)
    assert isinstance(second, Tap)
    assert samples.DAY_KEY.open(3, first.sealed, first.public)[:112] == samples.credential()
    moved = decode_record(encode_tap(second.public, first.sealed))
    for sequence in (3, 4):
        with pytest.raises(SealBroken):
            samples.DAY_KEY.open(sequence, moved.sealed, moved.public)


def test_day_key_of_another_device() -> None:
    wrapped = wrap_day_key(
        bytes(32), samples.SEALING_KEY.public, device="bus-0002-d1", epoch=samples.EPOCH, day=samples.DAY
    )
    with pytest.raises(SealBroken) as caught:
        unwrap_day_key(wrapped, samples.SEALING_KEY, device=samples.DEVICE, epoch=samples.EPOCH, day=samples.DAY)
    assert caught.value.data == {"device": samples.DEVICE, "epoch": samples.EPOCH, "day": samples.DAY}


def manifest(number: int = 12, key: SigningKey = samples.BUNDLE_KEY) -> bytes:
    return encode_manifest("isfahan", number, samples.WALL_MS, cut_bundle(samples.BUNDLE)[0], key)


def test_bundle_of_another_city() -> None:
    with pytest.raises(OutOfRange) as caught:
        open_manifest(manifest(), [samples.BUNDLE_KEY.verifying], city="shiraz")
    assert caught.value.data == {"field": "city", "expected": "shiraz", "found": "isfahan"}


def test_bundle_rolled_back() -> None:
    """P12."""
    keys = [samples.BUNDLE_KEY.verifying]
    in_force = open_manifest(manifest(13), keys, city="isfahan")
    with pytest.raises(RolledBack) as caught:
        open_manifest(manifest(12), keys, city="isfahan", in_force=in_force)
    assert caught.value.data == {"number": 12, "in_force": 13}


def test_bundle_of_a_captured_broker() -> None:
    """P12: whoever can publish cannot sign."""
    with pytest.raises(UnknownKey):
        open_manifest(manifest(key=samples.TAP_KEY), [samples.BUNDLE_KEY.verifying], city="isfahan")


def test_a_number_is_not_a_boolean() -> None:
    """In Python True equals 1, in CBOR it does not."""
    data = batch_of(RECORDS, HASHES[-1])
    values = cbor.decode(data, max_bytes=limits.BATCH_MAX_BYTES)
    for position in (0, 3):
        with pytest.raises(SavarError):
            decode_batch(cbor.encode([*values[:position], True, *values[position + 1 :]]))
