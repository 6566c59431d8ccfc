"""Entries of records.json: what a driver did."""

from dataclasses import replace
from typing import Any

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
from protocol.wire.records import Link
from tests.protocol import samples
from tests.vectors.entries import Entries, of

_LINK = Link(samples.DEVICE, samples.EPOCH, 9, bytes(range(32)))
SHIFT = Shift(_LINK, samples.instant(), ShiftStep.BEGIN, "bus-0001", "d-17", "d-17-20719-1", "r9", 0)
ANNULMENT = Annulment(_LINK, samples.instant(), "bus-0001", "d-17-20719-1", 5, AnnulReason.LEFT_BUS)
EVENT = Event(_LINK, samples.instant(), "bus-0001", "d-17-20719-1", EventKind.FREE_RIDE, FreeCause.READER_OUT)

TAKE_BACK = replace(EVENT, what=EventKind.TAKE_BACK, cause=None, order=TakeBack(samples.EPOCH, 5, AnnulReason.LEFT_BUS))


def driver_entries() -> Entries:
    """Each kind, and what its reader refuses."""

    def changed(raw: bytes, position: int, value: object) -> dict[str, Any]:
        _, public, _ = cbor.decode(raw, max_bytes=9999)
        values = cbor.decode(public, max_bytes=9999)
        return of(cbor.encode([1, cbor.encode([*values[:position], value, *values[position + 1 :]]), b""]))

    shift, annulment, event = encode_shift(SHIFT), encode_annulment(ANNULMENT), encode_event(EVENT)
    take_back = encode_event(TAKE_BACK)
    _, public, _ = cbor.decode(shift, max_bytes=9999)
    return {
        "shift": of(shift), "shift without a line": of(encode_shift(replace(SHIFT, route=None, direction=None))),
        "annulment": of(annulment), "event": of(event),
        "take back": of(take_back), "take back without an order": changed(take_back, 13, None),
        "take back record 0": changed(take_back, 13, [samples.EPOCH, 0, 2]),
        "take back without a shift": changed(take_back, 10, None), "SOS with an order": changed(take_back, 11, 3),
        "SOS without a shift": of(encode_event(replace(EVENT, shift=None, what=EventKind.SOS, cause=None))),
        "shift with an attachment": of(cbor.encode([1, public, b"x"])), "step 9": changed(shift, 9, 9),
        "driver in capitals": changed(shift, 11, "D-17"), "annulment of itself": changed(annulment, 11, 9),
        "annulment of what comes later": changed(annulment, 11, 10), "annulment of record 0": changed(annulment, 11, 0),
        "free ride without a cause": changed(event, 12, None), "SOS with a cause": changed(event, 11, 3),
        "event of tomorrow": changed(event, 11, 99),
    }  # fmt: skip
