"""Health and state messages of a device, signed by its tap key.

Health tells how the device is, on change and once a minute; state is its birth and its will (death), both retained.

Version 2 added what stands behind `bundle_issued_ms`, and the cause of a state; version 3 of health added `board`.
Older versions are still read, what they lack being unknown: a backend is renewed before its buses. Only the newest is
written.

Null is what a machine does not have, or does not know; a reading that it has and that failed is null and stands in
`unread`: it is said and not hidden.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from protocol import limits
from protocol.errors import OutOfRange
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.signed import open_message, seal_message

HEALTH_VERSION = 3
STATE_VERSION = 2


class CameraState(IntEnum):
    """State of one camera, itself a monitored device."""

    STARTING = 0
    WORKING = 1
    STALLED = 2  # open, but no new frame
    MISSING = 3  # cannot be opened or has vanished
    ENDED = 4  # a file or folder that was played to its end


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """One camera since start: frames seen, dropped because a newer one came, and codes read in them.

    Of its lens, over the last hours: how much less steep edges are than the best it was ever seen to do, and how much
    of a code's white lies over its black. 0 while too few codes were seen.
    """

    name: str
    state: CameraState
    frames: int
    dropped: int
    reads: int
    blur_permille: int = 0
    haze_permille: int = 0


class RunCause(IntEnum):
    """Why a device's process began, or why its session ended."""

    UNKNOWN = 0
    FIRST = 1  # no run before on this card
    BOOTED = 2  # the machine was switched on, and the run before had ended by itself
    POWER_LOST = 3  # the machine was switched on, and the run before had not ended: its power was cut
    RESTARTED = 4  # stopped and started while the machine ran
    CRASHED = 5  # the run before did not end by itself while the machine ran
    STOPPED = 6  # said by the device as it stops
    LOST = 7  # the will: said by the broker when the session is gone
    CARD_COPY = 8  # whatever began it: by its machine's counter the card is a copy from before, or another machine's


BIRTHS = frozenset(
    (RunCause.UNKNOWN, RunCause.FIRST, RunCause.BOOTED, RunCause.POWER_LOST, RunCause.RESTARTED, RunCause.CRASHED)
)
DEATHS = frozenset((RunCause.UNKNOWN, RunCause.STOPPED, RunCause.LOST))


@dataclass(frozen=True, slots=True)
class Machine:
    """The computer under a device.

    `temperature_mc`: its hottest zone, thousandths of a degree Celsius. `throttled`: a Pi's own bits, 0 to 3 now and 16
    to 19 since it was switched on: too little voltage, frequency capped, throttled, soft temperature limit.
    `disk_written_bytes`: to the card's partition since it was switched on. `memory_free_bytes`: what could be had.
    `process_bytes`: resident. `process_permille`: of one processor, since the word before. `load_milli`: the load of a
    minute, thousandths. `up_s`: since it was switched on.
    """

    temperature_mc: int | None = None
    throttled: int | None = None
    disk_total_bytes: int | None = None
    disk_written_bytes: int | None = None
    memory_total_bytes: int | None = None
    memory_free_bytes: int | None = None
    process_bytes: int | None = None
    process_permille: int | None = None
    load_milli: int | None = None
    up_s: int | None = None


@dataclass(frozen=True, slots=True)
class SisterLink:
    """The other door, as this one sees it. `silent_s`: since the link was lost, 0 while it stands.

    `waiting`: our records that it has not witnessed; `carried`: its records that lie here without a receipt.
    `exposed_rials`: of the fares accepted here in this run while the other door did not hear of them: the most that
    could have been spent there a second time.
    """

    linked: bool
    silent_s: int
    waiting: int
    carried: int
    exposed_rials: int = 0


class BoardState(IntEnum):
    """How a door's panel board is to its computer."""

    THERE = 0
    GONE = 1  # nothing is heard of it: no lamp, no sounder, no button
    REFUSED = 2  # it answers, and its firmware does not fit this software


class BoardCause(IntEnum):
    """Why a panel board started last, in its own numbers (`Cause` of the firmware's declaration)."""

    POWER = 0
    WATCHDOG = 1  # its program hung
    ASKED = 2


@dataclass(frozen=True, slots=True)
class BoardHealth:
    """A door's panel board. Null: not told, or the board has no such part.

    `firmware`, `starts` (since its power came) and `cause` are what it said last. `supply_mv` to `door_open` are its
    inputs of now, null while it is not there. The rest is counted by the device in this run: openings of the door;
    codes accepted while the vehicle was parked by its board's own word; frames that were damaged; commands sent again,
    and told as lost; sessions begun with the board.
    """

    state: BoardState
    firmware: int | None = None
    starts: int | None = None
    cause: BoardCause | None = None
    supply_mv: int | None = None
    supply_low: bool | None = None
    ignition: bool | None = None
    door_open: bool | None = None
    openings: int | None = None
    parked_accepted: int | None = None
    damaged: int | None = None
    sent_again: int | None = None
    lost: int | None = None
    sessions: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How a device is. `problem` is the text of the worst current fault, empty if none.

    `bundle_number` and `bundle_issued_ms` are of the bundle in force: a device that is kept from newer ones shows.
    `oldest_waiting_s`: age of the oldest record without a receipt, 0 if none waits; how many wait is `last_sequence` −
    `receipted_sequence`. `certificate_until_ms`: when its certificate ends; a date and not days left, for the device's
    own clock may be wrong. `tamper`: whether its housing was opened; null until a board says it. `board`: null where it
    has no panel board.
    """

    device: str
    epoch: int
    wall_ms: int
    clock_quality: int
    software: str
    last_sequence: int
    receipted_sequence: int
    accepted: int
    refused: int
    disk_free_bytes: int
    cameras: tuple[CameraHealth, ...]
    problem: str
    bundle_number: int = 0
    bundle_issued_ms: int = 0
    clock_uncertainty_s: int = 0
    oldest_waiting_s: int | None = None
    started: RunCause = RunCause.UNKNOWN
    uptime_s: int = 0
    certificate_until_ms: int | None = None
    tamper: bool | None = None
    machine: Machine = Machine()
    sister: SisterLink | None = None
    unread: tuple[str, ...] = ()
    board: BoardHealth | None = None


_CAMERA: cbor.Fields = (
    ("name", cbor.name_text),
    ("state", cbor.code(CameraState)),
    ("frames", cbor.uint(limits.INT63_MAX)),
    ("dropped", cbor.uint(limits.INT63_MAX)),
    ("reads", cbor.uint(limits.INT63_MAX)),
    ("blur_permille", cbor.uint(1_000)),
    ("haze_permille", cbor.uint(1_000)),
)
_COUNT = cbor.uint(limits.INT63_MAX)
_MACHINE: cbor.Fields = (
    ("temperature_mc", cbor.optional(cbor.sint(limits.HEALTH_TEMPERATURE_MAX_MC))),
    ("throttled", cbor.optional(cbor.uint(limits.UINT32_MAX))),
    ("disk_total_bytes", cbor.optional(_COUNT)),
    ("disk_written_bytes", cbor.optional(_COUNT)),
    ("memory_total_bytes", cbor.optional(_COUNT)),
    ("memory_free_bytes", cbor.optional(_COUNT)),
    ("process_bytes", cbor.optional(_COUNT)),
    ("process_permille", cbor.optional(_COUNT)),
    ("load_milli", cbor.optional(_COUNT)),
    ("up_s", cbor.optional(_COUNT)),
)
_SISTER: cbor.Fields = (
    ("linked", cbor.flag),
    ("silent_s", _COUNT),
    ("waiting", _COUNT),
    ("carried", _COUNT),
    ("exposed_rials", _COUNT),
)
_BOARD: cbor.Fields = (
    ("state", cbor.code(BoardState)),
    ("firmware", cbor.optional(cbor.uint(limits.UINT16_MAX))),
    ("starts", cbor.optional(cbor.uint(limits.UINT16_MAX))),
    ("cause", cbor.optional(cbor.code(BoardCause))),
    ("supply_mv", cbor.optional(cbor.uint(limits.UINT16_MAX))),
    ("supply_low", cbor.optional(cbor.flag)),
    ("ignition", cbor.optional(cbor.flag)),
    ("door_open", cbor.optional(cbor.flag)),
    ("openings", cbor.optional(_COUNT)),
    ("parked_accepted", cbor.optional(_COUNT)),
    ("damaged", cbor.optional(_COUNT)),
    ("sent_again", cbor.optional(_COUNT)),
    ("lost", cbor.optional(_COUNT)),
    ("sessions", cbor.optional(_COUNT)),
)
_HEALTH_1: cbor.Fields = (
    ("device", cbor.name_text),
    ("epoch", cbor.uint(limits.INT63_MAX)),
    ("wall_ms", cbor.uint(limits.INT63_MAX)),
    ("clock_quality", cbor.uint(2)),
    ("software", cbor.short_text),
    ("last_sequence", cbor.uint(limits.INT63_MAX)),
    ("receipted_sequence", cbor.uint(limits.INT63_MAX)),
    ("accepted", cbor.uint(limits.INT63_MAX)),
    ("refused", cbor.uint(limits.INT63_MAX)),
    ("disk_free_bytes", cbor.uint(limits.INT63_MAX)),
    ("cameras", cbor.array(cbor.row(_CAMERA), most=limits.HEALTH_CAMERAS_MAX)),
    ("problem", cbor.short_text),
    ("bundle_number", cbor.uint(limits.INT63_MAX)),
    ("bundle_issued_ms", cbor.uint(limits.INT63_MAX)),
)
_HEALTH_2: cbor.Fields = (
    *_HEALTH_1,
    ("clock_uncertainty_s", cbor.uint(limits.UINT32_MAX)),
    ("oldest_waiting_s", cbor.optional(_COUNT)),
    ("started", cbor.code(RunCause)),
    ("uptime_s", _COUNT),
    ("certificate_until_ms", cbor.optional(_COUNT)),
    ("tamper", cbor.optional(cbor.flag)),
    ("machine", cbor.row(_MACHINE)),
    ("sister", cbor.optional(cbor.row(_SISTER))),
    ("unread", cbor.array(cbor.name_text, most=limits.HEALTH_UNREAD_MAX)),
)
_HEALTH: cbor.Fields = (*_HEALTH_2, ("board", cbor.optional(cbor.row(_BOARD))))
_HEALTHS = {1: _HEALTH_1, 2: _HEALTH_2, HEALTH_VERSION: _HEALTH}
_STATE_1: cbor.Fields = (
    ("device", cbor.name_text),
    ("online", cbor.flag),
    ("epoch", cbor.uint(limits.INT63_MAX)),
    ("wall_ms", cbor.uint(limits.INT63_MAX)),
    ("software", cbor.short_text),
)
_STATE: cbor.Fields = (*_STATE_1, ("cause", cbor.code(RunCause)))
_STATES = {1: _STATE_1, STATE_VERSION: _STATE}


def _board(row: Sequence[Any]) -> BoardHealth:
    state, firmware, starts, cause, *told = row
    return BoardHealth(BoardState(state), firmware, starts, None if cause is None else BoardCause(cause), *told)


# What a checked field becomes; the others stay as they are.
_MADE: Mapping[str, Callable[[Any], Any]] = {
    "cameras": lambda rows: tuple(CameraHealth(row[0], CameraState(row[1]), *row[2:]) for row in rows),
    "started": RunCause,
    "machine": lambda row: Machine(*row),
    "sister": lambda row: SisterLink(*row),
    "unread": tuple,
    "board": _board,
}


def encode_health(health: Health, signer: Signer) -> bytes:
    """Health → signed message bytes. A problem longer than its limit is cut: better told in part than not at all."""
    cameras = [
        [c.name, int(c.state), c.frames, c.dropped, c.reads, c.blur_permille, c.haze_permille] for c in health.cameras
    ]
    values = [
        health.device, health.epoch, health.wall_ms, health.clock_quality, health.software,
        health.last_sequence, health.receipted_sequence, health.accepted, health.refused, health.disk_free_bytes,
        cameras, health.problem[: limits.TEXT_MAX_CHARS], health.bundle_number, health.bundle_issued_ms,
        health.clock_uncertainty_s, health.oldest_waiting_s, int(health.started), health.uptime_s,
        health.certificate_until_ms, health.tamper, _values(health.machine),
        None if health.sister is None else _values(health.sister), list(health.unread),
        None if health.board is None else _values(health.board),
    ]  # fmt: skip
    most = limits.MESSAGE_MAX_BYTES
    payload = cbor.encode_structure("health", values, _HEALTH, version=HEALTH_VERSION, max_bytes=most)
    return seal_message(Purpose.HEALTH, payload, signer)


def _values(part: Machine | SisterLink | BoardHealth) -> list[Any]:
    """Its fields, in their order: numbers and flags."""
    return [getattr(part, name) for name in part.__slots__]


def open_health(data: bytes, keys: Iterable[VerifyingKey]) -> Health:
    """Signed message bytes → verified health. Raises WireError or ProofError by name."""
    payload = open_message(Purpose.HEALTH, data, keys, max_bytes=limits.MESSAGE_MAX_BYTES)
    values = cbor.decode_versions("health", payload, _HEALTHS, max_bytes=limits.MESSAGE_MAX_BYTES)
    told = zip(_HEALTH, values, strict=False)  # an older version is the first fields of a newer one
    return Health(**{name: _made(name, value) for (name, _), value in told})


def _made(name: str, value: Any) -> Any:
    made = _MADE.get(name)
    return value if made is None or value is None else made(value)


@dataclass(frozen=True, slots=True)
class State:
    """Birth (online) or will (offline) of a device's session, with the time the session began, and why."""

    device: str
    online: bool
    epoch: int
    wall_ms: int
    software: str
    cause: RunCause = RunCause.UNKNOWN


def encode_state(state: State, signer: Signer) -> bytes:
    """State → signed message bytes."""
    _require_cause(state)
    values = [state.device, state.online, state.epoch, state.wall_ms, state.software, int(state.cause)]
    most = limits.MESSAGE_MAX_BYTES
    payload = cbor.encode_structure("state", values, _STATE, version=STATE_VERSION, max_bytes=most)
    return seal_message(Purpose.STATE, payload, signer)


def open_state(data: bytes, keys: Iterable[VerifyingKey]) -> State:
    """Signed message bytes → verified state. Raises WireError or ProofError by name."""
    payload = open_message(Purpose.STATE, data, keys, max_bytes=limits.MESSAGE_MAX_BYTES)
    values = cbor.decode_versions("state", payload, _STATES, max_bytes=limits.MESSAGE_MAX_BYTES)
    state = State(*values[:5], *(RunCause(cause) for cause in values[5:]))
    _require_cause(state)
    return state


def _require_cause(state: State) -> None:
    if state.cause not in (BIRTHS if state.online else DEATHS):
        raise OutOfRange("a birth with the cause of a death, or the other way round", field="cause", value=state.cause)
