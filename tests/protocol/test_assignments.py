"""Where a device serves: what is written is read again, for that device alone, and never an older one (P12)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import (
    BadKey,
    BadSignature,
    NumberReused,
    OutOfRange,
    ProofError,
    RolledBack,
    UnknownKey,
    WireError,
)
from protocol.limits import INT63_MAX
from protocol.wire.assignments import Assignment, Other, Serves, encode_assignment, open_assignment, require_newer
from tests.protocol.samples import TAP_KEY
from tests.vectors.assignments import ASSIGNED, NUMBER
from tests.vectors.enrolments import DEVICES_KEY, GOOD, OTHER

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)
DOORS = st.integers(0, 127)


def opened(data: bytes, *, city: str = "isfahan", device: str = "spare-0007-d1") -> Assignment:
    return open_assignment(data, root=GOOD.root, city=city, device=device)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, INT63_MAX), st.none() | st.builds(Serves, NAMES, DOORS, st.none() | NAMES),
    st.none() | st.builds(Other, NAMES, DOORS.map(lambda it: it + 128), st.just(OTHER.public), st.none() | NAMES),
)  # fmt: skip
def test_an_assignment_comes_back_as_it_was(number: int, serves: Serves | None, other: Other | None) -> None:
    said = replace(ASSIGNED, number=number, serves=serves, other=None if serves is None else other)
    data = encode_assignment(said, DEVICES_KEY)
    assert opened(data) == said
    assert encode_assignment(said, DEVICES_KEY) == data


@settings(max_examples=60, deadline=None)
@given(st.integers(0), st.integers(1, 255))
def test_no_byte_of_it_can_be_changed(at: int, change: int) -> None:
    data = bytearray(encode_assignment(ASSIGNED, DEVICES_KEY))
    data[at % len(data)] ^= change
    with pytest.raises((WireError, ProofError)):
        opened(bytes(data))


def test_it_is_for_one_device_of_one_city() -> None:
    data = encode_assignment(ASSIGNED, DEVICES_KEY)
    assert opened(data) == ASSIGNED
    for name in ({"device": "spare-0008-d1"}, {"city": "shiraz"}):
        with pytest.raises(OutOfRange):
            opened(data, **name)


def test_whoever_is_not_the_office_assigns_nothing() -> None:
    for key in (TAP_KEY, OTHER):
        with pytest.raises(UnknownKey):
            opened(encode_assignment(ASSIGNED, key))
    with pytest.raises(BadSignature):  # an authority of one's own
        open_assignment(encode_assignment(ASSIGNED, DEVICES_KEY), root=GOOD.intermediate, city="isfahan", device="x")


@given(st.integers(1, INT63_MAX), st.integers(1, INT63_MAX))
def test_numbers_only_rise(held: int, new: int) -> None:
    before, after = replace(ASSIGNED, number=held), replace(ASSIGNED, number=new)
    assert require_newer(after, None)
    if new >= held:
        assert require_newer(after, before) is (new > held)
    else:
        with pytest.raises(RolledBack):
            require_newer(after, before)


def test_one_number_is_one_assignment() -> None:
    with pytest.raises(NumberReused):
        require_newer(replace(ASSIGNED, serves=Serves("bus-0002", 1)), ASSIGNED)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ASSIGNED, serves=None), replace(ASSIGNED, serves=Serves("bus-0001", 2)),
        replace(ASSIGNED, other=Other("spare-0007-d1", 2, OTHER.public)), replace(ASSIGNED, number=0),
        *(replace(ASSIGNED, other=Other("bus-0001-d2", 2, OTHER.public, it)) for it in ("eth0\n", "", "bus network")),
    ],
)  # fmt: skip
def test_what_cannot_be_is_not_written(wrong: Assignment) -> None:
    with pytest.raises(OutOfRange):
        encode_assignment(wrong, DEVICES_KEY)


def test_a_key_that_is_none_is_not_written() -> None:
    with pytest.raises(BadKey):
        encode_assignment(replace(ASSIGNED, other=Other("bus-0001-d2", 2, bytes(33))), DEVICES_KEY)
    assert ASSIGNED.number == NUMBER
