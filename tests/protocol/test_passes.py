"""Codes and long passes: layout, round trip, bounds."""

import base45
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import (
    BadKey,
    BadSignature,
    DamagedCode,
    NotAFareCode,
    OutOfRange,
    SavarError,
    TooLarge,
    UnknownIssuer,
    UnknownVersion,
    WrongLength,
)
from protocol.wire.codes import is_ours, read_code, write_code
from protocol.wire.keys import Purpose
from protocol.wire.passes import (
    Presentation,
    issue_credential,
    open_long_pass,
    open_presentation,
    render_long_pass,
    verify_credential,
)
from tests.protocol import samples

ISSUERS = [samples.OTHER_ISSUER.verifying, samples.ISSUER.verifying]
ALPHANUMERIC = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


@given(st.binary(max_size=600))
def test_code_round_trip_in_the_alphabet_of_a_qr(payload: bytes) -> None:
    text = write_code(payload)
    assert ALPHANUMERIC.issuperset(text)
    assert read_code(text.encode()) == payload
    assert len(text) == 4 + len(payload) // 2 * 3 + len(payload) % 2 * 2


@given(st.text(alphabet=sorted(ALPHANUMERIC), max_size=60))
def test_one_payload_has_one_text(text: str) -> None:
    try:
        payload = read_code(b"SV1:" + text.encode())
    except DamagedCode:
        return
    assert write_code(payload) == "SV1:" + text


def test_a_long_pass_fills_version_8_l_exactly() -> None:
    assert len(write_code(bytes(limits.LONG_PASS_BYTES))) == 279


@pytest.mark.parametrize("text", [b"", b"SV1", b"sv1:00", b"SV2:00", b" SV1:00", b"https://example.org", b"\xff\xfe"])
def test_not_ours(text: bytes) -> None:
    assert not is_ours(text)
    with pytest.raises(NotAFareCode) as caught:
        read_code(text)
    assert caught.value.data == {"bytes": len(text)}


@pytest.mark.parametrize(
    "text", [b"SV1:0", b"SV1:::", b"SV1::::", b"SV1:ab", b"SV1:00\n", b"SV1:\xff\xff", b"SV1:0000"]
)
def test_ours_but_damaged(text: bytes) -> None:
    with pytest.raises(DamagedCode) as caught:
        read_code(text)
    assert caught.value.data == {"chars": len(text)}


def test_longer_than_any_symbol() -> None:
    with pytest.raises(TooLarge):
        read_code(b"SV1:" + b"0" * limits.CODE_TEXT_MAX_CHARS)


@given(
    ident=st.binary(min_size=8, max_size=8), version=st.integers(0, 255), rider=st.integers(0, 15),
    product=st.integers(0, 15), expiry=st.integers(0, 65_535), allowance=st.integers(0, 255),
    time_s=st.integers(0, limits.UINT32_MAX), counter=st.integers(0, 65_535), party=st.integers(0, limits.PARTY_MAX),
)  # fmt: skip
def test_round_trip(
    *,
    ident: bytes,
    version: int,
    rider: int,
    product: int,
    expiry: int,
    allowance: int,
    time_s: int,
    counter: int,
    party: int,
) -> None:
    raw = issue_credential(
        samples.ISSUER, credential_id=ident, version=version, holder=samples.HOLDER.public, rider_class=rider, product=product,
        expiry_day=expiry, allowance_units=allowance,
    )  # fmt: skip
    received = render_long_pass(raw, samples.HOLDER, time_s=time_s, counter=counter, party=party)
    found = open_long_pass(received, ISSUERS)
    credential = found.credential
    assert credential == verify_credential(raw, ISSUERS)
    assert (credential.credential_id, credential.version, credential.holder) == (ident, version, samples.HOLDER.public)
    assert (credential.rider_class, credential.product) == (rider, product)
    assert (credential.expiry_day, credential.allowance_units) == (expiry, allowance)
    assert (found.time_s, found.counter, found.party) == (time_s, counter, party)
    assert found.presentation == Presentation(ident, time_s, counter)
    assert (found.raw, credential.raw) == (received, raw)
    open_presentation(received)


def test_layout() -> None:
    """Offsets as PROTOCOL.md tells them."""
    raw = samples.long_pass(party=3, counter=0x0102, time_s=0x0A0B0C0D)
    assert raw[0] == 1
    assert raw[1] == samples.ISSUER.id[0]
    assert raw[2:10] == samples.CREDENTIAL_ID
    assert raw[10] == 1
    assert raw[11:44] == samples.HOLDER.public
    assert raw[44] == 0x20
    assert raw[45:47] == (samples.DAY + 120).to_bytes(2, "big")
    assert raw[47] == 10
    assert raw[112:119].hex() == "0a0b0c0d" + "0102" + "03"
    samples.ISSUER.verifying.verify(Purpose.CREDENTIAL, raw[:48], raw[48:112])
    samples.HOLDER.verifying.verify(Purpose.PASS, raw[:119], raw[119:])


@given(st.integers(0, limits.LONG_PASS_BYTES * 8 - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    flipped = bytearray(samples.long_pass())
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SavarError):
        open_long_pass(bytes(flipped), ISSUERS)


@pytest.mark.parametrize("size", [1, 47, 48, 111, 113, 118, 120, 182, 184, 366])
def test_wrong_length(size: int) -> None:
    with pytest.raises(WrongLength) as caught:
        open_long_pass((samples.long_pass() * 2)[:size], ISSUERS)
    assert caught.value.data == {"bytes": size}
    for check in (open_presentation, lambda raw: verify_credential(raw, ISSUERS)):
        with pytest.raises(WrongLength):
            check(bytes([1]) * (size + 1000))


@pytest.mark.parametrize("raw", [b"", b"\x00" + bytes(182), b"\x02" + bytes(182), b"\xff"])
def test_unknown_kind(raw: bytes) -> None:
    with pytest.raises(UnknownVersion) as caught:
        open_long_pass(raw, ISSUERS)
    assert caught.value.data == {"kind": raw[0] if raw else None}


def test_a_presentation_is_read_whole_up_to_the_fullest_party_and_of_no_other_kind() -> None:
    """P16: the backend believes the holder's signature here, and nothing that it was not made over."""
    open_presentation(samples.long_pass(party=limits.PARTY_MAX))
    raw = b"\x02" + samples.long_pass()[1:119]
    with pytest.raises(UnknownVersion) as caught:
        open_presentation(raw + samples.HOLDER.sign(Purpose.PASS, raw))
    assert caught.value.data == {"kind": 2}


def test_credential_of_unknown_kind() -> None:
    with pytest.raises(UnknownVersion):
        verify_credential(b"\x02" + samples.credential()[1:], ISSUERS)


def test_two_issuer_keys_with_one_hint_are_both_tried() -> None:
    """Several issuer keys are valid at once, and a byte of hint meets twice in 256."""
    twin = next(key for key in (samples.key(f"twin {n}") for n in range(10_000)) if key.id[0] == samples.ISSUER.id[0])
    for order in ([twin, samples.ISSUER], [samples.ISSUER, twin]):
        assert open_long_pass(samples.long_pass(), [key.verifying for key in order]).counter == 1234
    with pytest.raises(BadSignature):
        open_long_pass(samples.long_pass(), [twin.verifying])


def test_no_issuer_keys_at_all() -> None:
    with pytest.raises(UnknownIssuer):
        open_long_pass(samples.long_pass(), [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 256),
        ("rider_class", 16),
        ("product", -1),
        ("product", 16),
        ("expiry_day", 65_536),
        ("allowance_units", 256),
    ],
)
def test_issuing_out_of_range(field: str, value: int) -> None:
    fields = {"version": 1, "rider_class": 0, "product": 0, "expiry_day": 1, "allowance_units": 0} | {field: value}
    with pytest.raises(OutOfRange) as caught:
        issue_credential(samples.ISSUER, credential_id=bytes(8), holder=samples.HOLDER.public, **fields)
    assert caught.value.data["field"] == field


def test_issuing_to_no_key_or_no_id() -> None:
    fields = {"version": 1, "rider_class": 0, "product": 0, "expiry_day": 1, "allowance_units": 0}
    with pytest.raises(BadKey):
        issue_credential(samples.ISSUER, credential_id=bytes(8), holder=bytes(33), **fields)
    with pytest.raises(OutOfRange):
        issue_credential(samples.ISSUER, credential_id=bytes(7), holder=samples.HOLDER.public, **fields)


@pytest.mark.parametrize(("field", "value"), [("time_s", 1 << 32), ("time_s", -1), ("counter", 65_536), ("party", 16)])
def test_rendering_out_of_range(field: str, value: int) -> None:
    fields = {"time_s": 1, "counter": 1, "party": 0} | {field: value}
    with pytest.raises(OutOfRange) as caught:
        render_long_pass(samples.credential(), samples.HOLDER, **fields)
    assert caught.value.data["field"] == field


def test_rendering_over_something_else_than_a_credential() -> None:
    with pytest.raises(WrongLength):
        render_long_pass(samples.long_pass(), samples.HOLDER, time_s=1, counter=1, party=0)


def test_the_library_decodes_what_the_standard_says() -> None:
    """RFC 9285 §4.3: AB, base-45, ietf!"""
    for text, encoded in ((b"AB", b"BB8"), (b"base-45", b"UJCLQE7W581"), (b"ietf!", b"QED8WEX0")):
        assert base45.b45encode(text) == encoded
        assert read_code(b"SV1:" + encoded) == text
