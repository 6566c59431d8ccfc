"""What a driver did, as records: what is written is what is read, and nothing else is taken."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import OutOfRange, WrongType
from protocol.wire import cbor
from protocol.wire.driver_records import (
    Annulment,
    AnnulReason,
    Event,
    EventKind,
    FreeCause,
    Shift,
    ShiftStep,
    TakeBack,
    encode_annulment,
    encode_event,
    encode_shift,
)
from protocol.wire.records import Link, RecordKind, decode_record, kind_of
from tests.protocol import samples
from tests.protocol.test_records import instants, links, names, without_bytes

shifts = st.builds(Shift, links, instants, st.sampled_from(ShiftStep), names, names, names, st.none() | names,
                   st.none() | st.integers(0, 1))  # fmt: skip
orders = st.builds(
    TakeBack, st.integers(0, limits.INT63_MAX), st.integers(1, limits.INT63_MAX), st.sampled_from(AnnulReason)
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    what = draw(st.sampled_from(EventKind))
    order = draw(orders) if what is EventKind.TAKE_BACK else None
    shift = draw(names if order is not None else st.none() | names)
    cause = FreeCause.CROWD if what is EventKind.FREE_RIDE else None
    return Event(draw(links), draw(instants), draw(names), shift, what, cause, order)


@st.composite
def annulments(draw: st.DrawFn) -> Annulment:
    link = replace(draw(links), sequence=draw(st.integers(2, limits.INT63_MAX)))
    tap = draw(st.integers(1, link.sequence - 1))
    return Annulment(link, draw(instants), draw(names), draw(names), tap, draw(st.sampled_from(AnnulReason)))


@given(st.one_of(shifts, events(), annulments()))
def test_what_a_driver_did_round_trip(record: Shift | Event | Annulment) -> None:
    encode = {Shift: encode_shift, Event: encode_event, Annulment: encode_annulment}[type(record)]
    raw = encode(record)  # type: ignore[operator]
    found = decode_record(raw)
    assert type(found) is type(record)
    assert without_bytes(found) == without_bytes(record)
    assert found.raw == raw
    assert (
        kind_of(found)
        is {Shift: RecordKind.SHIFT, Event: RecordKind.EVENT, Annulment: RecordKind.ANNULMENT}[type(found)]
    )
    _, public, _ = cbor.decode(raw, max_bytes=9999)
    with pytest.raises(OutOfRange):
        decode_record(cbor.encode([1, public, b"x"]))


@pytest.mark.parametrize("tap", [5, 6])
def test_a_tap_is_annulled_behind_it(tap: int) -> None:
    record = Annulment(Link("d", 1, 5, bytes(32)), samples.instant(), "bus-1", "s-1", tap, AnnulReason.TWICE)
    with pytest.raises(OutOfRange):
        encode_annulment(record)
    raw = encode_annulment(replace(record, tap=4))
    _, public, _ = cbor.decode(raw, max_bytes=9999)
    values = cbor.decode(public, max_bytes=9999)
    values[-2] = tap
    with pytest.raises(OutOfRange):
        decode_record(cbor.encode([1, cbor.encode(values), b""]))


@pytest.mark.parametrize(("what", "cause"), [(1, None), (3, 1)])
def test_a_free_ride_has_a_cause_and_nothing_else_has(what: int, cause: int | None) -> None:
    told = None if cause is None else FreeCause(cause)
    with pytest.raises(WrongType):
        encode_event(Event(Link("d", 1, 5, bytes(32)), samples.instant(), "bus-1", None, EventKind(what), told))


@pytest.mark.parametrize(
    ("what", "shift", "order"),
    [
        (EventKind.TAKE_BACK, "s-1", None),
        (EventKind.SOS, "s-1", TakeBack(1, 4, AnnulReason.TWICE)),
        (EventKind.TAKE_BACK, None, TakeBack(1, 4, AnnulReason.TWICE)),
    ],
)
def test_an_order_to_take_back_names_a_tap_and_a_shift(
    what: EventKind, shift: str | None, order: TakeBack | None
) -> None:
    with pytest.raises(WrongType):
        encode_event(Event(Link("d", 1, 5, bytes(32)), samples.instant(), "bus-1", shift, what, None, order))
