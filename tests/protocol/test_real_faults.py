"""Faults that systems in service had in passes, signatures and messages, one test each, named after the fault (P9, P10).

Level-2 signature stripped, bytes re-encoded before verifying, algorithm guessed: seen in a standard's reference code.
Lengths read wrongly above 255: seen in a ticketing client. The rest follows from what is signed here. Faults of chains,
seals and bundles are in test_chain_faults.py.
"""

import pytest

from protocol.errors import (
    BadKey,
    BadSignature,
    HighSSignature,
    MissingSignature,
    NotDeterministic,
    OutOfRange,
    SavarError,
    TrailingBytes,
    UnknownAlgorithm,
    UnknownIssuer,
)
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.health import encode_health, encode_state, open_health, open_state
from protocol.wire.keys import Purpose, bstr, to_be_signed
from protocol.wire.passes import (
    issue_credential,
    open_long_pass,
    open_presentation,
    render_long_pass,
    verify_credential,
)
from protocol.wire.receipts import encode_receipt, open_receipt
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
    open_presentation(raw)  # proves the phone, never the issuer


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
