"""Health and state messages of a device, signed by its tap key.

Health tells how the device is, on change and once a minute; state is its birth and its will (death), both retained.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from protocol import limits
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.signed import open_message, seal_message

VERSION = 1


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


@dataclass(frozen=True, slots=True)
class Health:
    """How a device is. `problem` is the text of the worst current fault, empty if none.

    `bundle_number` and `bundle_issued_ms` are of the bundle in force: a device that is kept from newer ones shows.
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


_CAMERA: cbor.Fields = (
    ("name", cbor.name_text),
    ("state", cbor.code(CameraState)),
    ("frames", cbor.uint(limits.INT63_MAX)),
    ("dropped", cbor.uint(limits.INT63_MAX)),
    ("reads", cbor.uint(limits.INT63_MAX)),
    ("blur_permille", cbor.uint(1_000)),
    ("haze_permille", cbor.uint(1_000)),
)
_HEALTH: cbor.Fields = (
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
_STATE: cbor.Fields = (
    ("device", cbor.name_text),
    ("online", cbor.flag),
    ("epoch", cbor.uint(limits.INT63_MAX)),
    ("wall_ms", cbor.uint(limits.INT63_MAX)),
    ("software", cbor.short_text),
)


def encode_health(health: Health, signer: Signer) -> bytes:
    """Health → signed message bytes. A problem longer than its limit is cut: better told in part than not at all."""
    cameras = [
        [c.name, int(c.state), c.frames, c.dropped, c.reads, c.blur_permille, c.haze_permille] for c in health.cameras
    ]
    values = [
        health.device, health.epoch, health.wall_ms, health.clock_quality, health.software,
        health.last_sequence, health.receipted_sequence, health.accepted, health.refused, health.disk_free_bytes,
        cameras, health.problem[: limits.TEXT_MAX_CHARS], health.bundle_number, health.bundle_issued_ms,
    ]  # fmt: skip
    payload = cbor.encode_structure("health", values, _HEALTH, version=VERSION, max_bytes=limits.MESSAGE_MAX_BYTES)
    return seal_message(Purpose.HEALTH, payload, signer)


def open_health(data: bytes, keys: Iterable[VerifyingKey]) -> Health:
    """Signed message bytes → verified health. Raises WireError or ProofError by name."""
    payload = open_message(Purpose.HEALTH, data, keys, max_bytes=limits.MESSAGE_MAX_BYTES)
    values = cbor.decode_structure("health", payload, _HEALTH, version=VERSION, max_bytes=limits.MESSAGE_MAX_BYTES)
    values[10] = tuple(CameraHealth(c[0], CameraState(c[1]), *c[2:]) for c in values[10])
    return Health(*values)


@dataclass(frozen=True, slots=True)
class State:
    """Birth (online) or will (offline) of a device's session, with the time the session began."""

    device: str
    online: bool
    epoch: int
    wall_ms: int
    software: str


def encode_state(state: State, signer: Signer) -> bytes:
    """State → signed message bytes."""
    values = [state.device, state.online, state.epoch, state.wall_ms, state.software]
    payload = cbor.encode_structure("state", values, _STATE, version=VERSION, max_bytes=limits.MESSAGE_MAX_BYTES)
    return seal_message(Purpose.STATE, payload, signer)


def open_state(data: bytes, keys: Iterable[VerifyingKey]) -> State:
    """Signed message bytes → verified state. Raises WireError or ProofError by name."""
    payload = open_message(Purpose.STATE, data, keys, max_bytes=limits.MESSAGE_MAX_BYTES)
    values = cbor.decode_structure("state", payload, _STATE, version=VERSION, max_bytes=limits.MESSAGE_MAX_BYTES)
    return State(*values)
