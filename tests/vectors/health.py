"""Golden vectors of health and state: every version that is read, and what must be refused."""

from dataclasses import replace
from typing import Any

from protocol.wire import cbor
from protocol.wire.health import (
    BoardHealth,
    BoardState,
    CameraHealth,
    CameraState,
    Health,
    Machine,
    RunCause,
    encode_health,
    encode_state,
)
from protocol.wire.keys import Purpose
from protocol.wire.signed import cut, seal_message
from tests.protocol import samples
from tests.vectors.entries import Entries, of


def health_entries() -> Entries:
    """By name, as `make` writes them into messages.json."""
    health = encode_health(samples.HEALTH, samples.TAP_KEY)
    state = encode_state(samples.STATE, samples.TAP_KEY)
    cameras = tuple(CameraHealth(f"camera-{n}", CameraState.STALLED, n, n, n, n, 1_000) for n in range(8))
    long_health = Health(
        samples.DEVICE, samples.EPOCH, samples.WALL_MS, 2, "savar 0.1.0", 1, 1, 1, 1, 0, cameras, "دوربین " * 28
    )
    bare = replace(long_health, cameras=(), problem="")
    full = replace(samples.HEALTH, unread=tuple(f"reading-{n}" for n in range(16)), machine=Machine(*[2**32 - 1] * 10))
    most = BoardHealth(BoardState.REFUSED, 65_535, 65_535, None, 65_535, True, True, True, *[2**63 - 1] * 6)
    full = replace(full, machine=replace(full.machine, temperature_mc=-200_000), board=most)
    gone = replace(samples.HEALTH, board=BoardHealth(BoardState.GONE))
    copied = replace(samples.HEALTH, started=RunCause.CARD_COPY)
    will = replace(samples.STATE, online=False, cause=RunCause.LOST)
    return {
        "health": of(health, decoder="health"),
        "health with eight cameras": of(encode_health(long_health, samples.TAP_KEY), decoder="health"),
        "health of a machine that tells nothing": of(encode_health(bare, samples.TAP_KEY), decoder="health"),
        "health at its bounds": of(encode_health(full, samples.TAP_KEY), decoder="health"),
        "health of a door whose panel board is gone": of(encode_health(gone, samples.TAP_KEY), decoder="health"),
        "health of a card that is a copy": of(encode_health(copied, samples.TAP_KEY), decoder="health"),
        "health, version 1": of(_older(Purpose.HEALTH, health, 1, 14), decoder="health"),
        "health, version 2": of(_older(Purpose.HEALTH, health, 2, 23), decoder="health"),
        "state": of(state, decoder="state"),
        "state: a will": of(encode_state(will, samples.TAP_KEY), decoder="state"),
        "state, version 1": of(_older(Purpose.STATE, state, 1, 5), decoder="state"),
        "state read as health": of(state, decoder="health"),
    } | _changed()


def _older(purpose: Purpose, message: bytes, version: int, fields: int) -> bytes:
    """A message as an older version had it: the same fields without those behind."""
    return seal_message(purpose, cbor.encode([version, *_values(message)[1 : 1 + fields]]), samples.TAP_KEY)


def _changed() -> Entries:
    """What must be refused, each signed again."""
    health = _values(encode_health(samples.HEALTH, samples.TAP_KEY))
    state = _values(encode_state(samples.STATE, samples.TAP_KEY))
    changed = {
        "health: version 4": [4, *health[1:]],
        "health: version 1 with the fields of 2": [1, *health[1:24]],
        "health: version 2 with the fields of 3": [2, *health[1:]],
        "health: version 3 with the fields of 2": [3, *health[1:24]],
        "health: version 2 with the fields of 1": [2, *health[1:15]],
        "health: too hot for any sensor": [*health[:21], [200_001, *health[21][1:]], *health[22:]],
        "health: tamper is 0": [*health[:20], 0, *health[21:]],
        "health: sister without its last field": [*health[:22], health[22][:-1], *health[23:]],
        "health: seventeen unread": [*health[:23], ["disk"] * 17, *health[24:]],
        "health: a board in no state": [*health[:24], [None, *health[24][1:]]],
        "health: a board that started for no known cause": [*health[:24], [*health[24][:3], 3, *health[24][4:]]],
        "health: board without its last field": [*health[:24], health[24][:-1]],
        "health: unknown cause": [*health[:17], 9, *health[18:]],
    }
    entries = {
        name: of(seal_message(Purpose.HEALTH, cbor.encode(values), samples.TAP_KEY), decoder="health")
        for name, values in changed.items()
    }
    for name, values in {
        "state: a birth that was lost": [*state[:6], 7], "state: a death that booted": [*state[:2], False, *state[3:6], 2],
    }.items():  # fmt: skip
        entries[name] = of(seal_message(Purpose.STATE, cbor.encode(values), samples.TAP_KEY), decoder="state")
    return entries


def _values(message: bytes) -> list[Any]:
    return cbor.decode(cut(message, max_bytes=len(message)).payload, max_bytes=len(message))
