"""Journal records: what a validator signs, stores and ships, always the same bytes.

A record is CBOR [1, public, attachment]; `public` is itself CBOR, so the sealed part can be bound to exactly its bytes.

    kind        attachment                                   says
    OPENING     empty                                        a journal begins; names its predecessor
    DAY_KEY     the day key, wrapped to the backend          taps sealed under this key follow
    TAP         the rider's proof, sealed; empty if none     one decision at the door, refusals too
    SHIFT, ANNULMENT, EVENT   empty                          what the driver did (`driver_records.py`)

Rules:
- every record names its device, journal epoch, sequence and its predecessor's hash (P11);
- sequence orders, time only labels, and every time carries its clock's quality (P14);
- the bytes are never re-encoded: `raw` is what was signed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeAlias

from protocol import limits
from protocol.errors import OutOfRange, UnknownVersion, WrongType
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.wire import cbor
from protocol.wire.driver_records import (
    ANNULMENT,
    EVENT,
    SHIFT,
    Annulment,
    Event,
    Shift,
    read_annulment,
    read_event,
    read_shift,
)
from protocol.wire.record_parts import (
    LINK,
    VERSION,
    ClockQuality,
    Instant,
    Link,
    RecordKind,
    link_values,
    public_part,
    record_bytes,
)


class CodeKind(IntEnum):
    """What was held before the camera."""

    NONE = 0  # not ours
    LONG_PASS = 1
    SHORT_PASS = 2
    PROXY = 3  # none: the driver's float pays for somebody
    BEARER_TICKET = 4
    GRANT = 5  # or nothing: it may have come over the network


class Doubt(IntEnum):
    """Why a position is not trusted. One with a doubt labels where the vehicle may have been, and decides nothing."""

    NONE = 0  # trusted
    SETTLING = 1  # the first fixes, and the first after any other doubt
    STALE = 2  # nothing newer has come
    NO_ACCURACY = 3  # the receiver does not say how good it is; accuracy_m is 0
    INACCURATE = 4
    FEW_SATELLITES = 5  # under four
    JUMPED = 6  # further than a bus can have driven
    OUTSIDE = 7  # of the city
    FROZEN = 8  # the same place, while the receiver says that it moves
    TIME_WRONG = 9  # the receiver's time is not ours, while ours is trusted: what invents the one invents the other


@dataclass(frozen=True, slots=True)
class Service:
    """Where the device serves; null where it is not known."""

    vehicle: str
    door: int
    route: str | None = None
    direction: int | None = None
    trip: str | None = None
    stop: str | None = None
    shift: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where the vehicle says it is, how good that is in metres, and whether it is trusted: jammed GPS is a fact."""

    lat_e6: int
    lon_e6: int
    accuracy_m: int
    doubt: Doubt = Doubt.NONE


@dataclass(frozen=True, slots=True)
class Opening:
    """A journal begins. `predecessor` is the (epoch, sequence, head) this device knew before, if any."""

    link: Link
    at: Instant
    software: str
    tap_key: bytes
    predecessor: tuple[int, int, bytes] | None
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class DayKeyRecord:
    """A day key, wrapped to the backend."""

    link: Link
    at: Instant
    day: int
    key_id: bytes
    wrapped: bytes
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Tap:
    """One decision at the door. `public` is the exact public part that `sealed` is bound to.

    `line_told`: a person or the configuration named the service's line. One that only the road says prices nothing.
    `policy`: the number of the policies, and the name of the one by which it was decided. `forgone_rials`: the fares
    that nobody pays for a free ride, with the city's part. `metres`: how far along the line's way the vehicle was, by a
    trusted place. `closes`: of a tap-out, epoch and sequence of the boarding that it ends.
    """

    link: Link
    at: Instant
    service: Service
    position: Position | None
    key_id: bytes | None
    code_kind: CodeKind
    party: int
    product: int
    tariff_version: int
    fare_rials: int
    verdict: Verdict
    reason: Reason
    lists: tuple[int, int]  # (bundle number, deny-list number) in force
    line_told: bool
    policy: tuple[int, str] | None = None
    forgone_rials: int = 0
    metres: int | None = None
    closes: tuple[int, int] | None = None
    sealed: bytes = b""
    public: bytes = b""
    raw: bytes = b""

    @property
    def fare_line(self) -> str | None:
        """The line that prices go by, on the bus and at the office alike (P14)."""
        return self.service.route if self.line_told else None


Record: TypeAlias = Opening | DayKeyRecord | Tap | Shift | Annulment | Event

_OPENING: cbor.Fields = (
    *LINK,
    ("software", cbor.short_text),
    ("tap_key", cbor.octets(limits.PUBLIC_KEY_BYTES)),
    ("predecessor", cbor.optional(cbor.row((
        ("epoch", cbor.uint(limits.INT63_MAX)),
        ("sequence", cbor.uint(limits.INT63_MAX)),
        ("head", cbor.octets(limits.HASH_BYTES)),
    )))),
)  # fmt: skip
_DAY_KEY: cbor.Fields = (
    *LINK,
    ("day", cbor.uint(limits.UINT32_MAX)),
    ("key_id", cbor.octets(limits.KEY_ID_BYTES)),
)
_SERVICE: cbor.Fields = (
    ("vehicle", cbor.name_text),
    ("door", cbor.uint(255)),
    ("route", cbor.optional(cbor.name_text)),
    ("direction", cbor.optional(cbor.uint(1))),
    ("trip", cbor.optional(cbor.name_text)),
    ("stop", cbor.optional(cbor.name_text)),
    ("shift", cbor.optional(cbor.name_text)),
)
_TAP_REST: cbor.Fields = (
    ("position", cbor.optional(cbor.row((
        ("lat_e6", cbor.sint(90_000_000)),
        ("lon_e6", cbor.sint(180_000_000)),
        ("accuracy_m", cbor.uint(limits.UINT32_MAX)),
        ("doubt", cbor.code(Doubt)),
    )))),
    ("key_id", cbor.optional(cbor.octets(limits.KEY_ID_BYTES))),
    ("code_kind", cbor.code(CodeKind)),
    ("party", cbor.uint(limits.PARTY_MAX)),
    ("product", cbor.uint(15)),
    ("tariff_version", cbor.uint(limits.UINT32_MAX)),
    ("fare_rials", cbor.uint(limits.RIALS_MAX)),
    ("verdict", cbor.code(Verdict)),
    ("reason", cbor.code(Reason)),
    ("lists", cbor.row((("bundle", cbor.uint(limits.INT63_MAX)), ("deny", cbor.uint(limits.INT63_MAX))))),
    ("line_told", cbor.flag),
    ("policy", cbor.optional(cbor.row((("number", cbor.uint(limits.INT63_MAX)), ("order", cbor.name_text))))),
    ("forgone_rials", cbor.uint(limits.RIALS_MAX)),
    ("metres", cbor.optional(cbor.uint(limits.TARIFF_METRES_MAX))),
    ("closes", cbor.optional(cbor.row((
        ("epoch", cbor.uint(limits.INT63_MAX)), ("sequence", cbor.uint(limits.INT63_MAX, least=1)),
    )))),
)  # fmt: skip
_TAP: cbor.Fields = (*LINK, *_SERVICE, *_TAP_REST)
_RECORD: cbor.Fields = (
    ("public", cbor.octets(most=limits.RECORD_MAX_BYTES)),
    ("attachment", cbor.octets(most=limits.RECORD_MAX_BYTES)),
)
_KINDS: dict[type, RecordKind] = {
    Opening: RecordKind.OPENING, DayKeyRecord: RecordKind.DAY_KEY, Tap: RecordKind.TAP, Shift: RecordKind.SHIFT,
    Annulment: RecordKind.ANNULMENT, Event: RecordKind.EVENT,
}  # fmt: skip
_FIELDS = {
    RecordKind.OPENING: _OPENING, RecordKind.DAY_KEY: _DAY_KEY, RecordKind.TAP: _TAP, RecordKind.SHIFT: SHIFT,
    RecordKind.ANNULMENT: ANNULMENT, RecordKind.EVENT: EVENT,
}  # fmt: skip
# What an enum's own look-up takes is a tenth of a record's decoding: from checked numbers to members.
_RECORD_KINDS = {int(it): (it, it.name.lower(), _FIELDS[it]) for it in RecordKind}
_CLOCK_QUALITIES = {int(it): it for it in ClockQuality}
_CODE_KINDS = {int(it): it for it in CodeKind}
_VERDICTS = {int(it): it for it in Verdict}
_REASONS = {int(it): it for it in Reason}
_BY_DRIVER: dict[RecordKind, Callable[[Link, Instant, list[Any], bytes], Record]] = {
    RecordKind.SHIFT: read_shift, RecordKind.ANNULMENT: read_annulment, RecordKind.EVENT: read_event,
}  # fmt: skip


@lru_cache(maxsize=64)
def _checked_service(service: Service) -> tuple[object, ...]:
    """A service's fields, checked once: it changes at a stop, and a tap should not pay for it each time."""
    values = (
        service.vehicle, service.door, service.route, service.direction, service.trip, service.stop, service.shift,
    )  # fmt: skip
    cbor.check_fields("tap", values, _SERVICE)
    return values


def _service_values(service: Service) -> tuple[object, ...]:
    """The checked fields themselves, so that what only equals them (True for 1) is never what is encoded."""
    try:
        return _checked_service(service)
    except TypeError:  # not hashable, and so of a wrong type: its check names the field
        return _checked_service.__wrapped__(service)


def encode_public_tap(tap: Tap) -> bytes:
    """The public part of a tap: what the sealed part will be bound to. Raises WireError naming a wrong field."""
    position = tap.position
    link = link_values(RecordKind.TAP, tap.link, tap.at)
    rest = (
        None if position is None else [position.lat_e6, position.lon_e6, position.accuracy_m, int(position.doubt)],
        tap.key_id, int(tap.code_kind), tap.party, tap.product, tap.tariff_version, tap.fare_rials,
        int(tap.verdict), int(tap.reason), list(tap.lists), tap.line_told,
        None if tap.policy is None else list(tap.policy), tap.forgone_rials, tap.metres,
        None if tap.closes is None else list(tap.closes),
    )  # fmt: skip
    cbor.check_fields("tap", link, LINK)
    cbor.check_fields("tap", rest, _TAP_REST)
    _check_told(tap.service.route, told=tap.line_told)
    _check_forgone(tap.verdict, tap.forgone_rials)
    _check_closes(tap.verdict, closes=tap.closes is not None)
    return cbor.encode([*link, *_service_values(tap.service), *rest])


def encode_tap(public: bytes, sealed: bytes) -> bytes:
    """Public part and sealed rider part → record bytes. Raises TooLarge."""
    return record_bytes(public, sealed)


def encode_opening(opening: Opening) -> bytes:
    """Opening → record bytes. Raises WireError naming a wrong field."""
    before = opening.predecessor
    public = public_part(RecordKind.OPENING, [
        *link_values(RecordKind.OPENING, opening.link, opening.at),
        opening.software, opening.tap_key, None if before is None else list(before),
    ], _OPENING)  # fmt: skip
    return record_bytes(public, b"")


def encode_day_key(record: DayKeyRecord) -> bytes:
    """Day key record → record bytes. Raises WireError naming a wrong field."""
    values = [*link_values(RecordKind.DAY_KEY, record.link, record.at), record.day, record.key_id]
    return record_bytes(public_part(RecordKind.DAY_KEY, values, _DAY_KEY), record.wrapped)


def kind_of(record: Record) -> RecordKind:
    """Which kind of record it is."""
    return _KINDS[type(record)]


def decode_record(raw: bytes) -> Record:
    """Record bytes (already authenticated by the chain) → record. Raises WireError by name."""
    public, attachment = cbor.decode_structure(
        "record", raw, _RECORD, version=VERSION, max_bytes=limits.RECORD_MAX_BYTES
    )
    values = cbor.decode(public, max_bytes=limits.RECORD_MAX_BYTES)
    if not isinstance(values, list) or not values:
        raise WrongType("record's public part is not a structure")
    known = _RECORD_KINDS.get(values[0]) if type(values[0]) is int else None
    if known is None:
        raise UnknownVersion("record of unknown kind", kind=repr(values[0])[:40])
    kind, name, fields = known
    cbor.check_fields(name, values, fields)
    link = Link(values[1], values[2], values[3], values[4])
    at = Instant(values[5], values[6], _CLOCK_QUALITIES[values[7]], values[8])
    rest = values[len(LINK) :]
    if kind is RecordKind.TAP:
        return _tap(link, at, rest, sealed=attachment, public=public, raw=raw)
    if kind is RecordKind.DAY_KEY:
        return DayKeyRecord(link, at, rest[0], rest[1], wrapped=attachment, raw=raw)
    if attachment:
        raise OutOfRange(f"a record of kind {kind.name} has no attachment", field="attachment", bytes=len(attachment))
    if kind in _BY_DRIVER:
        return _BY_DRIVER[kind](link, at, rest, raw)
    before = rest[2]
    return Opening(link, at, rest[0], rest[1], None if before is None else (before[0], before[1], before[2]), raw=raw)


def _check_told(route: str | None, *, told: bool) -> None:
    if told and route is None:
        raise WrongType("a tap without a line says that somebody told it", field="line_told")


def _check_forgone(verdict: int, forgone_rials: int) -> None:
    if not forgone_rials:
        return
    row = TABLE[Verdict(verdict)]
    if row.charged or not row.boards:
        raise OutOfRange("fares are forgone where somebody boards free", field="forgone_rials", rials=forgone_rials)


def _check_closes(verdict: int, *, closes: bool) -> None:
    if closes != (verdict == Verdict.TAPPED_OUT):
        raise WrongType("a tap names the boarding that it ends exactly when it is a tap-out", field="closes")


def _position(lat_e6: int, lon_e6: int, accuracy_m: int, doubt: int) -> Position:
    return Position(lat_e6, lon_e6, accuracy_m, Doubt(doubt))


def _tap(link: Link, at: Instant, rest: list[Any], *, sealed: bytes, public: bytes, raw: bytes) -> Tap:
    """Checked values → Tap."""
    (vehicle, door, route, direction, trip, stop, shift, position, day_key, code_kind, party, product, tariff, fare,
     verdict, reason, lists, line_told, policy, forgone_rials, metres, closes) = rest  # fmt: skip
    if bool(sealed) != (day_key is not None):
        raise WrongType("a tap names a day key exactly when it has a sealed part", field="key_id")
    _check_told(route, told=line_told)
    _check_forgone(verdict, forgone_rials)
    _check_closes(verdict, closes=closes is not None)
    return Tap(
        link=link,
        at=at,
        service=Service(vehicle, door, route, direction, trip, stop, shift),
        position=None if position is None else _position(*position),
        key_id=day_key,
        code_kind=_CODE_KINDS[code_kind],
        party=party,
        product=product,
        tariff_version=tariff,
        fare_rials=fare,
        verdict=_VERDICTS[verdict],
        reason=_REASONS[reason],
        lists=(lists[0], lists[1]),
        line_told=line_told,
        policy=None if policy is None else (policy[0], policy[1]),
        forgone_rials=forgone_rials,
        metres=metres,
        closes=None if closes is None else (closes[0], closes[1]),
        sealed=sealed,
        public=public,
        raw=raw,
    )


__all__ = [
    "VERSION", "Annulment", "ClockQuality", "CodeKind", "DayKeyRecord", "Doubt", "Event", "Instant", "Link", "Opening",
    "Position", "Record", "RecordKind", "Service", "Shift", "Tap", "decode_record", "encode_day_key", "encode_opening",
    "encode_public_tap", "encode_tap", "kind_of",
]  # fmt: skip
