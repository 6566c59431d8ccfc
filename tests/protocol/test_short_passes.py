"""Short passes: layout, round trip, bounds, and what they are bound to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import BadSignature, OutOfRange, SavarError, UnknownRider, UnknownVersion, WrongLength
from protocol.wire.codes import write_code
from protocol.wire.keys import Purpose
from protocol.wire.passes import issue_credential, open_long_pass, read_issued, render_long_pass
from protocol.wire.riders import RiderRow, row_of
from protocol.wire.short_passes import FindRider, is_short, open_short_pass, render_short_pass
from tests.protocol import samples


def holding(*rows: RiderRow) -> FindRider:
    return {row.credential_id: row for row in rows}.get


def test_a_short_pass_fits_version_5_l_and_not_4() -> None:
    """ISO/IEC 18004, table 7: alphanumeric at L, version 4 holds 114 characters, version 5 holds 154."""
    size = len(write_code(samples.short_pass()))
    assert size == 126
    assert 114 < size <= 154


@given(
    ident=st.binary(min_size=8, max_size=8), version=st.integers(0, 255), time_s=st.integers(0, limits.UINT32_MAX),
    counter=st.integers(0, 65_535), party=st.integers(0, limits.PARTY_MAX),
)  # fmt: skip
def test_round_trip_and_one_presentation_in_two_forms(
    *, ident: bytes, version: int, time_s: int, counter: int, party: int
) -> None:
    credential = issue_credential(
        samples.ISSUER, credential_id=ident, version=version, holder=samples.HOLDER.public, rider_class=3, product=2,
        expiry_day=9, allowance_units=255,
    )  # fmt: skip
    row = row_of(read_issued(credential))
    raw = render_short_pass(credential, samples.HOLDER, time_s=time_s, counter=counter, party=party)
    found = open_short_pass(raw, holding(row))
    assert (found.credential, found.raw) == (row, raw)
    assert (found.time_s, found.counter, found.party) == (time_s, counter, party)
    twin = render_long_pass(credential, samples.HOLDER, time_s=time_s, counter=counter, party=party)
    long = open_long_pass(twin, [samples.ISSUER.verifying])
    assert (found.presentation, found.party) == (long.presentation, long.party)
    assert (is_short(raw), is_short(twin)) == (True, False)


def test_layout() -> None:
    """Offsets as PROTOCOL.md tells them."""
    raw = samples.short_pass(party=3, counter=0x0102, time_s=0x0A0B0C0D)
    assert raw[:17].hex() == "02" + samples.CREDENTIAL_ID.hex() + "01" + "0a0b0c0d" + "0102" + "03"
    assert len(raw) == limits.SHORT_PASS_BYTES
    samples.HOLDER.verifying.verify(Purpose.SHORT_PASS, raw[:17], raw[17:])


@given(st.integers(0, limits.SHORT_PASS_BYTES * 8 - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    flipped = bytearray(samples.short_pass())
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SavarError):
        open_short_pass(bytes(flipped), holding(samples.ROW))


@pytest.mark.parametrize("held", [None, 0, 2, 255])
def test_a_row_of_another_version_says_nothing(held: int | None) -> None:
    """Also not to a pass that its key has signed."""
    fields = {name: getattr(samples.ROW, name) for name in samples.ROW.__slots__}
    rows = [] if held is None else [RiderRow(**fields | {"version": held})]
    with pytest.raises(UnknownRider) as caught:
        open_short_pass(samples.short_pass(), holding(*rows))
    assert caught.value.data == {"version": 1, "held": held}


def test_what_counts_is_the_row_that_the_signed_id_names() -> None:
    """One key in two credentials: a pass of the one never rides as the other."""
    other = RiderRow(bytes(8), samples.HOLDER.public, 1, 3, 0, 65_535, 9)
    assert open_short_pass(samples.short_pass(), holding(samples.ROW, other)).credential == samples.ROW
    moved = b"\x02" + bytes(8) + samples.short_pass()[9:]
    with pytest.raises(BadSignature):
        open_short_pass(moved, holding(samples.ROW, other))


@pytest.mark.parametrize("size", [1, 16, 18, 80, 82, 183])
def test_wrong_length(size: int) -> None:
    with pytest.raises(WrongLength) as caught:
        open_short_pass((samples.short_pass() * 3)[:size], holding(samples.ROW))
    assert caught.value.data == {"bytes": size}


@pytest.mark.parametrize("raw", [b"", b"\x01" + bytes(80), b"\x03" + bytes(80)])
def test_another_kind(raw: bytes) -> None:
    with pytest.raises(UnknownVersion) as caught:
        open_short_pass(raw, holding(samples.ROW))
    assert caught.value.data == {"kind": raw[0] if raw else None}


@pytest.mark.parametrize(("field", "value"), [("time_s", 1 << 32), ("time_s", -1), ("counter", 65_536), ("party", 16)])
def test_rendering_out_of_range(field: str, value: int) -> None:
    fields = {"time_s": 1, "counter": 1, "party": 0} | {field: value}
    with pytest.raises(OutOfRange) as caught:
        render_short_pass(samples.credential(), samples.HOLDER, **fields)
    assert caught.value.data["field"] == field


def test_rendering_over_something_else_than_a_credential() -> None:
    with pytest.raises(WrongLength):
        render_short_pass(samples.long_pass(), samples.HOLDER, time_s=1, counter=1, party=0)
