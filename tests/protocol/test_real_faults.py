"""Faults that systems in service had, one test each, named after the fault (P2, P9, P10, P11, P12).

Level-2 signature stripped, bytes re-encoded before verifying, algorithm guessed: seen in a standard's reference code.
Lengths read wrongly above 255: seen in a ticketing client. The rest follows from what is signed here.
"""

import pytest

from protocol import limits
from protocol.errors import (
    BadKey,
    BadSignature,
    ChainBroken,
    HighSSignature,
    MissingSignature,
    NotDeterministic,
    OutOfRange,
    RolledBack,
    SavarError,
    SealBroken,
    TrailingBytes,
    UnknownAlgorithm,
    UnknownIssuer,
    UnknownKey,
)
from protocol.wire import cbor, chain
from protocol.wire.batches import decode_batch, encode_batch, verify_batch
from protocol.wire.bundles import encode_bundle, open_bundle
from protocol.wire.health import encode_health, encode_state, open_health, open_state
from protocol.wire.keys import Purpose, bstr, to_be_signed
from protocol.wire.passes import (
    issue_credential,
    open_long_pass,
    render_long_pass,
    verify_credential,
    verify_presentation,
)
from protocol.wire.receipts import Receipt, encode_receipt, open_receipt
from protocol.wire.records import Tap, decode_record, encode_day_key, encode_tap
from protocol.wire.seal import unwrap_day_key, wrap_day_key
from protocol.wire.signed import open_message, seal_message
from tests.protocol import samples

ISSUERS = [samples.ISSUER.verifying, samples.OTHER_ISSUER.verifying]
TAP = samples.TAP_KEY.verifying
PASS = samples.long_pass()
RECORDS, HASHES = samples.history()


def batch_of(records: list[bytes], head: bytes, first: int = 1) -> bytes:
    return samples.batch(records, head, first=first)


def verified(data: bytes) -> None:
    verify_batch(decode_batch(data), TAP)


# --- passes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [112, 119])
def test_inner_signature_stripped(size: int) -> None:
    """P9: a pass without its phone's signature is fraud, not a simpler ticket."""
    with pytest.raises(MissingSignature) as caught:
        open_long_pass(PASS[:size], ISSUERS)
    assert caught.value.data == {"bytes": size}


@pytest.mark.parametrize(("start", "end"), [(119, 183), (119, 151), (151, 183), (48, 112)])
def test_signature_zeroed(start: int, end: int) -> None:
    with pytest.raises(BadSignature):
        open_long_pass(PASS[:start] + bytes(end - start) + PASS[end:], ISSUERS)


@pytest.mark.parametrize("at", [48, 119])
def test_high_s_twin_of_a_pass(at: int) -> None:
    """The twin satisfies the same equation: taken, it would be a second form of one presentation."""
    twin = PASS[:at] + samples.high_s(PASS[at : at + 64]) + PASS[at + 64 :]
    assert twin != PASS
    with pytest.raises(HighSSignature):
        open_long_pass(twin, ISSUERS)


def test_high_s_twin_of_a_message() -> None:
    data = seal_message(Purpose.HEALTH, b"payload", samples.TAP_KEY)
    with pytest.raises(HighSSignature):
        open_message(Purpose.HEALTH, data[:-64] + samples.high_s(data[-64:]), [TAP], max_bytes=999)


def test_presentation_of_one_credential_glued_to_another() -> None:
    """The phone signs over its credential's bytes, so its signature fits no other, not even of the same holder."""
    other = samples.credential(expiry_day=samples.DAY + 400)
    with pytest.raises(BadSignature):
        open_long_pass(other + PASS[112:], ISSUERS)
    stolen = samples.credential(holder=samples.OTHER_HOLDER)
    with pytest.raises(BadSignature):
        open_long_pass(stolen + PASS[112:], ISSUERS)


def test_holder_key_exchanged() -> None:
    """A thief's key in a real credential breaks the issuer's signature."""
    forged = PASS[:11] + samples.OTHER_HOLDER.public + PASS[44:112]
    with pytest.raises(BadSignature):
        open_long_pass(render_long_pass(forged, samples.OTHER_HOLDER, time_s=1, counter=1, party=0), ISSUERS)


def test_issuer_key_taken_from_the_code() -> None:
    """A self-made issuer whose hint is right is still not an issuer: keys come from the bundle only."""
    impostor = next(
        key for key in (samples.key(f"impostor {n}") for n in range(10_000)) if key.id[0] == samples.ISSUER.id[0]
    )
    forged = samples.credential(issuer=impostor)
    assert forged[1] == PASS[1]
    with pytest.raises(BadSignature):
        open_long_pass(render_long_pass(forged, samples.HOLDER, time_s=1, counter=1, party=0), ISSUERS)
    with pytest.raises(BadSignature):
        verify_credential(forged, ISSUERS)


def test_a_holder_does_not_issue() -> None:
    """The holder's key inside the code verifies nothing but the presentation."""
    forged = issue_credential(
        samples.HOLDER, credential_id=bytes(8), version=1, holder=samples.HOLDER.public, rider_class=6, product=0,
        expiry_day=65_535, allowance_units=255,
    )  # fmt: skip
    raw = render_long_pass(forged, samples.HOLDER, time_s=1, counter=1, party=0)
    with pytest.raises((UnknownIssuer, BadSignature)):
        open_long_pass(raw, ISSUERS)
    verify_presentation(raw)  # proves the phone, never the issuer


def test_unknown_issuer_hint() -> None:
    hint = next(hint for hint in range(256) if hint not in {key.id[0] for key in ISSUERS})
    with pytest.raises(UnknownIssuer) as caught:
        open_long_pass(PASS[:1] + bytes([hint]) + PASS[2:], ISSUERS)
    assert caught.value.data == {"hint": hint}


def test_party_beyond_fifteen() -> None:
    """Signed by the phone itself: a changed app, not a damaged code."""
    signed = PASS[:118] + b"\x10"
    with pytest.raises(OutOfRange) as caught:
        open_long_pass(signed + samples.HOLDER.sign(Purpose.PASS, signed), ISSUERS)
    assert caught.value.data == {"field": "party", "value": 16, "most": 15}


def test_holder_key_off_the_curve() -> None:
    body = PASS[:11] + b"\x02" + b"\xff" * 32 + PASS[44:48]
    signed = body + samples.ISSUER.sign(Purpose.CREDENTIAL, body) + PASS[112:119]
    with pytest.raises(BadKey):
        open_long_pass(signed + bytes(64), ISSUERS)


# --- signatures and messages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", Purpose, ids=lambda purpose: purpose.name)
@pytest.mark.parametrize("used", Purpose, ids=lambda purpose: purpose.name)
def test_signature_of_another_purpose_reused(made: Purpose, used: Purpose) -> None:
    data = seal_message(made, b"the same bytes", samples.TAP_KEY)
    if made is used:
        assert open_message(used, data, [TAP], max_bytes=999) == b"the same bytes"
        return
    with pytest.raises(BadSignature):
        open_message(used, data, [TAP], max_bytes=999)


def test_a_state_is_no_health_and_a_credentials_signature_no_pass() -> None:
    with pytest.raises(BadSignature):
        open_health(encode_state(samples.STATE, samples.TAP_KEY), [TAP])
    with pytest.raises(BadSignature):
        open_state(encode_health(samples.HEALTH, samples.TAP_KEY), [TAP])
    signed = PASS[:119]
    with pytest.raises(BadSignature):
        open_long_pass(signed + samples.HOLDER.sign(Purpose.CREDENTIAL, signed), ISSUERS)


@pytest.mark.parametrize(
    "header", [b"\xa1\x01\x27", b"\xa1\x01\x38\x22", b"\xa1\x01\x05", b"\xa0", b"", b"\xa1\x01\x25"],
    ids=["EdDSA", "ES384", "HMAC", "none named", "empty", "-6"],
)  # fmt: skip
def test_algorithm_guessed(header: bytes) -> None:
    """Another protected header is another algorithm, even under a signature that our own key made over it."""
    good = seal_message(Purpose.HEALTH, b"abc", samples.TAP_KEY)
    data = good[:2] + bstr(header) + good[6:]
    with pytest.raises(UnknownAlgorithm) as caught:
        open_message(Purpose.HEALTH, data, [TAP], max_bytes=999)
    assert str(caught.value.data["header"]).startswith(bstr(header).hex())


REENCODED = {
    "wider integer": lambda payload: payload.replace(b"\x1b" + samples.EPOCH.to_bytes(8, "big"), b"\xc2\x48" + samples.EPOCH.to_bytes(8, "big")),
    "indefinite array": lambda payload: b"\x9f" + payload[1:] + b"\xff",
    "longer array head": lambda payload: b"\x98" + bytes([payload[0] & 31]) + payload[1:],
    "trailing byte": lambda payload: payload + b"\x00",
}  # fmt: skip


@pytest.mark.parametrize("reencode", REENCODED.values(), ids=REENCODED)
def test_bytes_re_encoded_before_verifying(reencode: object) -> None:
    """P9: the same meaning in other bytes fails its signature; and even signed again it is refused as what it is."""
    good = encode_receipt(samples.RECEIPT, samples.RECEIPT_KEY)
    payload = open_message(Purpose.RECEIPT, good, [samples.RECEIPT_KEY.verifying], max_bytes=999)
    other = reencode(payload)
    assert other != payload
    keys = [samples.RECEIPT_KEY.verifying]
    with pytest.raises(BadSignature):
        open_receipt(good[:17] + bstr(other) + good[-66:], keys)
    with pytest.raises((NotDeterministic, TrailingBytes)):
        open_receipt(seal_message(Purpose.RECEIPT, other, samples.RECEIPT_KEY), keys)


def test_a_batch_re_encoded_is_refused() -> None:
    data = batch_of(RECORDS, HASHES[-1])
    with pytest.raises(NotDeterministic):
        decode_batch(b"\x9f" + data[1:] + b"\xff")
    with pytest.raises(NotDeterministic):
        decode_batch(b"\x98\x06" + data[1:])


@pytest.mark.parametrize("size", [255, 256, 257, 65_535, 65_536])
def test_length_fields_misread_in_messages(size: int) -> None:
    """A reader that shifts by 2 where 8 is meant is right below 256 only."""
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    data = seal_message(Purpose.HEALTH, payload, samples.TAP_KEY)
    assert open_message(Purpose.HEALTH, data, [TAP], max_bytes=1 << 20) == payload
    assert to_be_signed(Purpose.HEALTH, payload).endswith(bstr(payload))
    with pytest.raises(SavarError):
        open_message(Purpose.HEALTH, data[:17] + bstr(payload[:-1]) + data[-66:], [TAP], max_bytes=1 << 20)


def test_length_fields_misread_in_batches() -> None:
    """Records beyond 255 bytes, and a batch beyond 65,535."""
    records, hashes = samples.history(taps=200)
    assert max(map(len, records)) > 255
    data = batch_of(records, hashes[-1])
    assert len(data) > 65_535
    assert [record.raw for record, _ in verify_batch(decode_batch(data), TAP)] == records


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


def test_bundle_of_another_city() -> None:
    data = encode_bundle(samples.BUNDLE, samples.BUNDLE_KEY)
    with pytest.raises(OutOfRange) as caught:
        open_bundle(data, [samples.BUNDLE_KEY.verifying], city="shiraz")
    assert caught.value.data == {"field": "city", "expected": "shiraz", "found": "isfahan"}


def test_bundle_rolled_back() -> None:
    """P12."""
    data = encode_bundle(samples.BUNDLE, samples.BUNDLE_KEY)
    with pytest.raises(RolledBack) as caught:
        open_bundle(data, [samples.BUNDLE_KEY.verifying], city="isfahan", at_least=13)
    assert caught.value.data == {"number": 12, "in_force": 13}


def test_bundle_of_a_captured_broker() -> None:
    """P12: whoever can publish cannot sign."""
    with pytest.raises(UnknownKey):
        open_bundle(encode_bundle(samples.BUNDLE, samples.TAP_KEY), [samples.BUNDLE_KEY.verifying], city="isfahan")


def test_a_number_is_not_a_boolean() -> None:
    """In Python True equals 1, in CBOR it does not."""
    data = batch_of(RECORDS, HASHES[-1])
    values = cbor.decode(data, max_bytes=limits.BATCH_MAX_BYTES)
    for position in (0, 3):
        with pytest.raises(SavarError):
            decode_batch(cbor.encode([*values[:position], True, *values[position + 1 :]]))
