"""What every journal record has: its kind, its place in the chain, its time and how good that is."""

from dataclasses import dataclass
from enum import IntEnum

from protocol import limits
from protocol.errors import TooLarge
from protocol.wire import cbor

VERSION = 1


class RecordKind(IntEnum):
    """First field of every public part."""

    OPENING = 0
    DAY_KEY = 1
    TAP = 2
    SHIFT = 3
    ANNULMENT = 4
    EVENT = 5


class ClockQuality(IntEnum):
    """How far the device's wall clock has earned trust."""

    TRUSTED = 0  # disciplined by NTP, GNSS or the backend's signed time
    HOLDOVER = 1  # was disciplined, runs on; its uncertainty grows
    UNTRUSTED = 2  # never set, jumped back, or its battery is dead


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of a device's clocks."""

    wall_ms: int  # Unix milliseconds
    mono_ms: int  # since some fixed point of this run
    quality: ClockQuality
    uncertainty_s: int  # the wall clock is right within ± this

    @property
    def trusted(self) -> bool:
        """Whether freshness may be judged by it."""
        return self.quality is not ClockQuality.UNTRUSTED

    def age_ms(self, now: "Instant") -> int | None:
        """How long ago it was, never below 0, by the wall clocks of two instants; None where one is not trusted."""
        return max(0, now.wall_ms - self.wall_ms) if now.trusted and self.trusted else None


@dataclass(frozen=True, slots=True)
class Link:
    """A record's place in its chain."""

    device: str
    epoch: int
    sequence: int
    previous: bytes


LINK: cbor.Fields = (
    ("kind", cbor.code(RecordKind)),
    ("device", cbor.name_text),
    ("epoch", cbor.uint(limits.INT63_MAX)),
    ("sequence", cbor.uint(limits.INT63_MAX, least=1)),
    ("previous", cbor.octets(limits.HASH_BYTES)),
    ("wall_ms", cbor.uint(limits.INT63_MAX)),
    ("mono_ms", cbor.uint(limits.INT63_MAX)),
    ("clock_quality", cbor.code(ClockQuality)),
    ("clock_uncertainty_s", cbor.uint(limits.UINT32_MAX)),
)


def link_values(kind: RecordKind, link: Link, at: Instant) -> list[object]:
    """The fields that every public part begins with."""
    return [
        int(kind), link.device, link.epoch, link.sequence, link.previous,
        at.wall_ms, at.mono_ms, int(at.quality), at.uncertainty_s,
    ]  # fmt: skip


def public_part(kind: RecordKind, values: list[object], fields: cbor.Fields) -> bytes:
    """Checked values → public part: nothing goes into the chain that its reader would refuse."""
    cbor.check_fields(kind.name.lower(), values, fields)
    return cbor.encode(values)


def record_bytes(public: bytes, attachment: bytes) -> bytes:
    """Public part and attachment → record bytes. Raises TooLarge."""
    data = cbor.encode([VERSION, public, attachment])
    if len(data) > limits.RECORD_MAX_BYTES:
        raise TooLarge("record over its limit", bytes=len(data), limit=limits.RECORD_MAX_BYTES)
    return data
