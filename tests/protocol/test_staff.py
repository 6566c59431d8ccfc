"""The staff list: who is known, what is no PIN, and that the list says no PIN."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import DuplicateKey, NotDeterministic, OutOfRange
from protocol.wire import staff
from protocol.wire.staff import StaffRow, decode_staff, encode_staff, hash_pin, knows, make_row
from tests.vectors.staff import ROWS


def test_who_is_known_and_who_is_not() -> None:
    assert knows(ROWS, "4021", "1234")
    assert knows(ROWS, "5007", "25801")
    for number, pin in (
        ("4021", "25801"),
        ("4021", "1235"),
        ("4022", "1234"),
        ("4021", "123"),
        ("4021", "۱۲۳۴"),
        ("", ""),
    ):
        assert not knows(ROWS, number, pin), (number, pin)
    assert not knows([], "4021", "1234")


def test_a_row_of_nobody_is_not_opened_by_its_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash that stands in for an unknown number opens nothing, even if somebody met it."""
    nobody = StaffRow("4021", bytes(limits.PIN_SALT_BYTES), bytes(limits.HASH_BYTES))
    assert not knows([nobody], "4021", "0000")
    monkeypatch.setattr(staff, "hash_pin", lambda _pin, _salt: bytes(limits.HASH_BYTES))
    assert not knows([], "4021", "1234")


def test_an_unknown_number_costs_as_much_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    monkeypatch.setattr(staff, "hash_pin", lambda pin, _: hashed.append(pin) or bytes(32))
    knows(ROWS, "4021", "9999")
    knows(ROWS, "0000", "9999")
    assert hashed == ["9999", "9999"]


def test_the_hash_is_scrypt_as_the_page_says() -> None:
    expected = hashlib.scrypt(b"1234", salt=bytes(range(16)), n=16_384, r=8, p=1, dklen=32)
    assert hash_pin("1234", bytes(range(16))) == expected
    assert make_row("4021", "1234", bytes(16)).pin != make_row("4021", "1234", bytes(15) + b"\x01").pin


@pytest.mark.parametrize("pin", ["", "123", "123456789", "12 4", "-123", "12a4", "۱۲۳۴", "²²²²"])
def test_what_is_no_pin(pin: str) -> None:
    with pytest.raises(OutOfRange) as refused:
        hash_pin(pin, bytes(16))
    assert pin not in str(refused.value) or pin == "", "what was typed is not repeated"


rows = st.builds(
    StaffRow,
    number=st.text("abcz0129-", min_size=1, max_size=limits.NAME_MAX_CHARS),
    salt=st.binary(min_size=16, max_size=16),
    pin=st.binary(min_size=32, max_size=32),
    badge=st.none() | st.binary(min_size=8, max_size=8),
    both=st.booleans(),
)


@given(st.lists(rows, max_size=20, unique_by=lambda row: row.number))
def test_any_list_comes_back_as_it_went(people: list[StaffRow]) -> None:
    people.sort(key=lambda row: row.number)
    assert list(decode_staff(encode_staff(people))) == people


def test_what_is_not_sorted_is_not_written() -> None:
    with pytest.raises(NotDeterministic):
        encode_staff(ROWS[::-1])
    with pytest.raises(DuplicateKey):
        encode_staff([ROWS[0], ROWS[0]])


def test_a_full_list_fits_its_chunk() -> None:
    everybody = [StaffRow(f"{n:032}", bytes(16), bytes(32), bytes(8)) for n in range(limits.STAFF_MAX)]
    assert len(encode_staff(everybody)) <= limits.CHUNK_MAX_BYTES
