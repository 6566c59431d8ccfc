"""Boarding requests and grants: layout, size, round trip, bounds, and what they are bound to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import BadSignature, MissingSignature, OutOfRange, SavarError, UnknownVersion
from protocol.wire.codes import write_code
from protocol.wire.grants import (
    GRANTED,
    is_grant,
    issue_grant,
    open_boarding,
    open_grant,
    read_boarding,
    sign_boarding,
)
from protocol.wire.keys import Purpose
from protocol.wire.passes import Presentation
from protocol.wire.tickets import RIDDEN
from tests.protocol import samples

ISSUERS = [samples.OTHER_ISSUER.verifying, samples.ISSUER.verifying]
HOLDER = samples.HOLDER.verifying
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)


@given(
    ident=st.binary(min_size=8, max_size=8), version=st.integers(0, 255), time_s=st.integers(0, limits.UINT32_MAX),
    nonce=st.binary(min_size=8, max_size=8), party=st.integers(0, limits.PARTY_MAX), vehicle=NAMES,
    terms=st.tuples(st.integers(0, 15), st.integers(0, 15), st.integers(0, limits.RIALS_MAX)),
)  # fmt: skip
def test_round_trip(
    *, ident: bytes, version: int, time_s: int, nonce: bytes, party: int, vehicle: str, terms: tuple[int, int, int]
) -> None:
    raw = sign_boarding(
        samples.HOLDER, credential_id=ident, version=version, time_s=time_s, nonce=nonce, party=party, vehicle=vehicle
    )
    asked = open_boarding(raw, HOLDER)
    assert (asked.credential_id, asked.version, asked.time_s, asked.nonce) == (ident, version, time_s, nonce)
    assert (asked.party, asked.vehicle, asked.raw) == (party, vehicle, raw)
    granted = issue_grant(samples.ISSUER, raw, rider_class=terms[0], product=terms[1], most_rials=terms[2])
    found = open_grant(granted, ISSUERS)
    assert (found.issuer, found.request, found.raw) == (samples.ISSUER.verifying, asked, granted)
    assert (found.rider_class, found.product, found.most_rials) == terms
    assert found.presentation == Presentation(ident, time_s, GRANTED)
    assert found.party == party
    assert is_grant(granted)
    assert 160 <= len(granted) <= 191


def test_layout() -> None:
    """Offsets as PROTOCOL.md tells them."""
    raw = samples.grant(party=3, time_s=0x0A0B0C0D, rider_class=2, product=1, most_rials=0x0102030405)
    terms = "06" + samples.ISSUER.id[:1].hex() + "21" + "0102030405"
    asked = samples.CREDENTIAL_ID.hex() + "01" + "0a0b0c0d" + samples.NONCE.hex() + "03" + "08" + b"bus-0001".hex()
    assert raw[:39].hex() == terms + asked
    HOLDER.verify(Purpose.BOARDING, raw[8:39], raw[39:103])
    samples.ISSUER.verifying.verify(Purpose.GRANT, raw[:103], raw[103:])
    assert len(raw) == 159 + 8


def test_a_grant_is_as_small_a_symbol_as_a_long_pass() -> None:
    """ISO/IEC 18004, table 7: alphanumeric at L, version 8 holds 279 characters, version 9 holds 335."""
    assert len(write_code(samples.grant(vehicle="v" * 24))) <= 279
    assert len(write_code(samples.grant(vehicle="v" * 32))) <= 335


@given(st.integers(0, len(samples.grant()) * 8 - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    flipped = bytearray(samples.grant())
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SavarError):
        open_grant(bytes(flipped), ISSUERS)


@given(st.integers(0, len(samples.boarding_request()) * 8 - 1))
def test_every_flipped_bit_of_a_request_is_refused(bit: int) -> None:
    flipped = bytearray(samples.boarding_request())
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SavarError):
        open_boarding(bytes(flipped), HOLDER)


def test_the_issuers_key_alone_makes_no_rider() -> None:
    """A grant over a request that its rider has not signed opens at a door, and proves nobody."""
    forged = open_grant(samples.grant(holder=samples.ISSUER), ISSUERS)
    with pytest.raises(BadSignature):
        forged.request.prove(HOLDER)


def test_a_riders_key_alone_makes_no_grant() -> None:
    body = samples.grant()[:-64]
    with pytest.raises(BadSignature):
        open_grant(body + samples.HOLDER.sign(Purpose.GRANT, body), ISSUERS)


@pytest.mark.parametrize(
    ("after_ms", "good"), [(-30_001, False), (-30_000, True), (0, True), (570_000, True), (570_001, False)]
)
def test_a_grant_lives_for_ten_minutes_of_the_bus(*, after_ms: int, good: bool) -> None:
    asked = open_grant(samples.grant(), ISSUERS).request
    assert asked.good_at(samples.TIME_S * 1000 + after_ms) == good


def test_no_phones_render_is_a_grants_presentation() -> None:
    """5,760 renders a day, and a bearer ticket's number is another."""
    assert 86_400 // limits.RENDER_PERIOD_S < GRANTED < RIDDEN


def test_a_grant_without_its_signatures_is_fraud() -> None:
    """P9."""
    with pytest.raises(MissingSignature):
        open_grant(samples.grant()[:-64], ISSUERS)
    with pytest.raises(MissingSignature):
        read_boarding(samples.boarding_request()[:-64])


@pytest.mark.parametrize("raw", [b"", samples.ticket(), samples.badge(), samples.long_pass(), samples.short_pass()])
def test_what_is_of_another_kind_is_no_grant(raw: bytes) -> None:
    with pytest.raises(UnknownVersion):
        open_grant(raw, ISSUERS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("credential_id", bytes(7)), ("version", 256), ("time_s", 1 << 32), ("nonce", bytes(9)), ("party", 16),
        ("party", -1), ("vehicle", ""), ("vehicle", "v" * 33), ("vehicle", "BUS"),
    ],
)  # fmt: skip
def test_nothing_is_asked_that_no_reader_takes(field: str, value: object) -> None:
    fields = {
        "credential_id": bytes(8), "version": 1, "time_s": 1, "nonce": bytes(8), "party": 0, "vehicle": "bus-1",
    } | {field: value}  # fmt: skip
    with pytest.raises(OutOfRange) as caught:
        sign_boarding(samples.HOLDER, **fields)
    assert caught.value.data["field"] == field


@pytest.mark.parametrize(
    ("field", "value"), [("rider_class", 16), ("product", -1), ("most_rials", -1), ("most_rials", limits.RIALS_MAX + 1)]
)
def test_nothing_is_granted_that_no_reader_takes(field: str, value: int) -> None:
    terms = {"rider_class": 0, "product": 0, "most_rials": 1} | {field: value}
    with pytest.raises(OutOfRange) as caught:
        issue_grant(samples.ISSUER, samples.boarding_request(), **terms)
    assert caught.value.data["field"] == field
