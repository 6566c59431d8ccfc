"""The rider table's rows and chunks: layout, one form, bounds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import DuplicateKey, NotDeterministic, OutOfRange, TooLarge, WrongLength
from protocol.wire.riders import RiderRow, chunk_ids, decode_row, decode_rows, encode_rows
from tests.protocol import samples

ROWS = st.builds(
    RiderRow, credential_id=st.binary(min_size=8, max_size=8), holder=st.binary(min_size=33, max_size=33),
    version=st.integers(0, 255), rider_class=st.integers(0, 15), product=st.integers(0, 15),
    expiry_day=st.integers(0, 65_535), allowance_units=st.integers(0, 65_535),
)  # fmt: skip


@given(st.lists(ROWS, max_size=20, unique_by=lambda row: row.credential_id))
def test_round_trip_sorted_by_id_whatever_the_order(rows: list[RiderRow]) -> None:
    chunk = encode_rows(rows)
    in_order = sorted(rows, key=lambda row: row.credential_id)
    assert decode_rows(chunk) == in_order
    assert chunk == encode_rows(reversed(rows))
    assert chunk_ids(chunk) == [row.credential_id for row in in_order]
    size = limits.RIDER_ROW_BYTES
    assert [decode_row(chunk[at : at + size]) for at in range(0, len(chunk), size)] == in_order


def test_layout() -> None:
    """Offsets as PROTOCOL.md tells them."""
    row = RiderRow(samples.CREDENTIAL_ID, samples.HOLDER.public, 7, 2, 1, 0x0102, 0x0304)
    told = samples.CREDENTIAL_ID + samples.HOLDER.public + bytes.fromhex("07" + "02" + "01" + "0102" + "0304")
    assert encode_rows([row]) == told
    assert len(told) == limits.RIDER_ROW_BYTES


def test_a_full_chunk_stays_within_a_mebibyte_and_one_more_row_does_not_go() -> None:
    most = limits.RIDER_CHUNK_ROWS_MAX
    rows = [replace(samples.ROW, credential_id=n.to_bytes(8, "big")) for n in range(1, most + 2)]
    chunk = encode_rows(rows[:-1])
    assert len(chunk) <= 1 << 20 < len(chunk) + limits.RIDER_ROW_BYTES
    assert len(decode_rows(chunk)) == most
    with pytest.raises(TooLarge):
        encode_rows(rows)


@pytest.mark.parametrize("take", [decode_rows, chunk_ids])
def test_a_chunk_is_taken_whole_and_in_order_or_not_at_all(take: object) -> None:
    low, high = (encode_rows([replace(samples.ROW, credential_id=bytes([n] * 8))]) for n in (1, 2))
    for chunk, error in ((high + low, NotDeterministic), (low + low, DuplicateKey), (low + high[:-1], WrongLength)):
        with pytest.raises(error):
            take(chunk)
    for at in (42, 43):
        with pytest.raises(OutOfRange):
            take(low[:at] + b"\x10" + low[at + 1 :])


def test_an_id_of_zeros_is_an_id() -> None:
    assert len(decode_rows(encode_rows([replace(samples.ROW, credential_id=bytes(8))]))) == 1


@pytest.mark.parametrize("size", [0, 47, 49, 96])
def test_a_row_is_48_bytes(size: int) -> None:
    with pytest.raises(WrongLength):
        decode_row(bytes(size))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("credential_id", bytes(7)), ("holder", bytes(32)), ("version", 256), ("version", -1), ("rider_class", 16),
        ("product", 16), ("expiry_day", 65_536), ("allowance_units", 65_536),
    ],
)  # fmt: skip
def test_writing_out_of_range(field: str, value: int | bytes) -> None:
    with pytest.raises(OutOfRange) as caught:
        encode_rows([replace(samples.ROW, **{field: value})])
    assert caught.value.data["field"] == field


def test_one_rider_twice_cannot_be_written() -> None:
    with pytest.raises(DuplicateKey):
        encode_rows([samples.ROW, replace(samples.ROW, version=2)])
