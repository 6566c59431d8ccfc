"""What a driver does, as records: a shift begins, moves to another line and ends; a tap is annulled; something happens.

    kind        attachment   says
    SHIFT       empty        who drives, under which shift, on which line from here on
    ANNULMENT   empty        a tap of this journal is taken back, and why
    EVENT       empty        everybody rides free, SOS, an incident; the other door is told to take a tap back

A proxy boarding, which the driver's float pays, is a TAP of code kind PROXY.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from protocol import limits
from protocol.errors import OutOfRange, WrongType
from protocol.wire import cbor
from protocol.wire.record_parts import LINK, Instant, Link, RecordKind, link_values, public_part, record_bytes


class ShiftStep(IntEnum):
    """What a SHIFT record says."""

    BEGIN = 1
    LINE = 2  # another line or direction
    END = 3


class AnnulReason(IntEnum):
    """Why a driver takes a tap back."""

    WRONG_PARTY = 1  # more companions than there are
    LEFT_BUS = 2  # the rider got off before the bus left
    WRONG_LINE = 3
    TWICE = 4  # one rider paid two times


class EventKind(IntEnum):
    """What happened on a bus."""

    FREE_RIDE = 1  # from here on everybody rides free; `cause` says why
    FARES_AGAIN = 2
    SOS = 3
    ACCIDENT = 4
    ILLNESS = 5
    QUARREL = 6
    BREAKDOWN = 7
    TAKE_BACK = 8  # the other door is to annul one of its taps; `order` says which. Its own ANNULMENT does it


class FreeCause(IntEnum):
    """Why a driver lets people ride free."""

    READER_OUT = 1
    CROWD = 2
    ORDER = 3  # the control room said so


@dataclass(frozen=True, slots=True)
class Shift:
    """A driver's shift. `driver` is the staff list's name; route and direction are null where not chosen."""

    link: Link
    at: Instant
    step: ShiftStep
    vehicle: str
    driver: str
    shift: str
    route: str | None
    direction: int | None
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Annulment:
    """The tap of this journal with that sequence is taken back."""

    link: Link
    at: Instant
    vehicle: str
    shift: str
    tap: int
    reason: AnnulReason
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Which tap of the other door's journal is to be annulled, and why. The epoch names the journal."""

    epoch: int
    tap: int
    reason: AnnulReason


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened. `cause` belongs to a free ride, `order` to TAKE_BACK, and to nothing else."""

    link: Link
    at: Instant
    vehicle: str
    shift: str | None
    what: EventKind
    cause: FreeCause | None = None
    order: TakeBack | None = None
    raw: bytes = b""


SHIFT: cbor.Fields = (
    *LINK,
    ("step", cbor.code(ShiftStep)),
    ("vehicle", cbor.name_text),
    ("driver", cbor.name_text),
    ("shift", cbor.name_text),
    ("route", cbor.optional(cbor.name_text)),
    ("direction", cbor.optional(cbor.uint(1))),
)
ANNULMENT: cbor.Fields = (
    *LINK,
    ("vehicle", cbor.name_text),
    ("shift", cbor.name_text),
    ("tap", cbor.uint(limits.INT63_MAX, least=1)),
    ("reason", cbor.code(AnnulReason)),
)
EVENT: cbor.Fields = (
    *LINK,
    ("vehicle", cbor.name_text),
    ("shift", cbor.optional(cbor.name_text)),
    ("what", cbor.code(EventKind)),
    ("cause", cbor.optional(cbor.code(FreeCause))),
    ("order", cbor.optional(cbor.row((
        ("epoch", cbor.uint(limits.INT63_MAX)),
        ("tap", cbor.uint(limits.INT63_MAX, least=1)),
        ("reason", cbor.code(AnnulReason)),
    )))),
)  # fmt: skip


def encode_shift(record: Shift) -> bytes:
    """Shift → record bytes. Raises WireError naming a wrong field."""
    values = [
        *link_values(RecordKind.SHIFT, record.link, record.at), int(record.step), record.vehicle, record.driver,
        record.shift, record.route, record.direction,
    ]  # fmt: skip
    return record_bytes(public_part(RecordKind.SHIFT, values, SHIFT), b"")


def encode_annulment(record: Annulment) -> bytes:
    """Annulment → record bytes. Raises WireError naming a wrong field: a tap lies before what takes it back."""
    _require_before(record.tap, record.link)
    values = [
        *link_values(RecordKind.ANNULMENT, record.link, record.at), record.vehicle, record.shift, record.tap,
        int(record.reason),
    ]  # fmt: skip
    return record_bytes(public_part(RecordKind.ANNULMENT, values, ANNULMENT), b"")


def encode_event(record: Event) -> bytes:
    """Event → record bytes. Raises WireError naming a wrong field."""
    values = [
        *link_values(RecordKind.EVENT, record.link, record.at), record.vehicle, record.shift, int(record.what),
        None if record.cause is None else int(record.cause),
        None if (it := record.order) is None else [it.epoch, it.tap, int(it.reason)],
    ]  # fmt: skip
    _require_cause(record.what, record.cause)
    _require_order(record.what, record.shift, record.order)
    return record_bytes(public_part(RecordKind.EVENT, values, EVENT), b"")


def read_shift(link: Link, at: Instant, rest: list[Any], raw: bytes) -> Shift:
    """Checked fields behind the link → shift."""
    step, vehicle, driver, shift, route, direction = rest
    return Shift(link, at, ShiftStep(step), vehicle, driver, shift, route, direction, raw)


def read_annulment(link: Link, at: Instant, rest: list[Any], raw: bytes) -> Annulment:
    """Checked fields behind the link → annulment. Raises OutOfRange for a tap that does not lie before it."""
    vehicle, shift, tap, reason = rest
    _require_before(tap, link)
    return Annulment(link, at, vehicle, shift, tap, AnnulReason(reason), raw)


def read_event(link: Link, at: Instant, rest: list[Any], raw: bytes) -> Event:
    """Checked fields behind the link → event. Raises WrongType where a cause or an order is missing or in the way."""
    vehicle, shift, what, told_cause, told_order = rest
    _require_cause(what, told_cause)
    _require_order(what, shift, told_order)
    cause = None if told_cause is None else FreeCause(told_cause)
    order = None if told_order is None else TakeBack(told_order[0], told_order[1], AnnulReason(told_order[2]))
    return Event(link, at, vehicle, shift, EventKind(what), cause, order, raw)


def _require_cause(what: int, cause: int | None) -> None:
    if (what == EventKind.FREE_RIDE) != (cause is not None):
        raise WrongType("a free ride has a cause, and nothing else has one", field="cause")


def _require_order(what: int, shift: str | None, order: object) -> None:
    if (what == EventKind.TAKE_BACK) != (order is not None):
        raise WrongType("TAKE_BACK names a tap, and nothing else does", field="order")
    if order is not None and shift is None:
        raise WrongType("a tap is taken back in a shift", field="shift")


def _require_before(tap: int, link: Link) -> None:
    if tap >= link.sequence:
        raise OutOfRange("an annulled tap lies before its annulment", field="tap", tap=tap, sequence=link.sequence)
