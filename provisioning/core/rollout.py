"""Whether a release may spread further: judged by what its devices said since, and by the others. Pure.

    10 ‰ ─▶ 100 ‰ ─▶ 1,000 ‰        each step only when the gate is open; a gate that finds harm halts

Rules:
- G1 a release is judged by devices that run it: one that gave it up, or was not started anew since, runs another;
- G2 it waits STAGE_HOURS_MIN, and until STAGE_RUNS_PERMILLE of its devices that spoke since run it;
- G3 it is halted when devices that run it ail, or have crashed, clearly more often than all others do;
- G4 it is halted when devices of the stage that spoke since have fallen silent clearly more often than all others that
  did: whom it killed at its first start never says that it runs it; where no other spoke, a network that is down and
  a holiday look the same, and nothing is halted for silence;
- G5 "clearly" is HARM_DEVICES_MIN devices at least, and HARM_PERMILLE more of them: one broken camera halts nothing.

Which are told of no more when there is no room for a newer one: halted ones, then old ones and drafts; of each kind of
computer the newest that is everywhere goes last, and the newest that spreads stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from protocol.wire.releases import Stage, Stages
from provisioning.core.errors import BadSetting
from provisioning.core.limits import (
    HARM_DEVICES_MIN,
    HARM_PERMILLE,
    SILENT_HOURS,
    STAGE_HOURS_MIN,
    STAGE_RUNS_PERMILLE,
)

STAGES_PERMILLE = (10, 100, 1_000)
_HOUR_MS = 3_600_000


class Gate(Enum):
    """What becomes of a release's next stage."""

    OPEN = "open"
    WAIT = "wait"
    HALT = "halt"


@dataclass(frozen=True, slots=True)
class DeviceWord:
    """What the backend knows of a device. `release`: which it runs, 0 for the first installation; None if unknown.

    `ails`: its last word names a fault, or that its process crashed.
    """

    device: str
    release: int | None
    seen_ms: int | None
    ails: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """The gate, why in words, and how many devices may take the release, spoke since, and run it."""

    gate: Gate
    why: str
    ring: int
    spoke: int
    runs: int


def next_permille(permille: int) -> int | None:
    """The stage after this one; None behind the last."""
    return next((it for it in STAGES_PERMILLE if it > permille), None)


def spread(number: int, permille: int, first: Sequence[str] = ()) -> Callable[[Stages], Stages]:
    """A release gets a stage. Raises BadSetting for one that is halted, and for a smaller share than before."""

    def change(stages: Stages) -> Stages:
        held = stages.of(number)
        if number in stages.halted:
            raise BadSetting(f"release {number} is halted", fix="mend it, and make another release", release=number)
        if held is not None and permille < held.permille:
            raise BadSetting(
                f"release {number} has {held.permille} ‰ already", fix="halt it, if it must not go on", release=number
            )
        named = tuple(sorted({*first, *(() if held is None else held.first)}))
        others = tuple(it for it in stages.stages if it.release != number)
        return replace(stages, stages=(*others, Stage(number, permille, named)))

    return change


def halt(number: int) -> Callable[[Stages], Stages]:
    """A release is begun nowhere any more. Raises BadSetting for one that never had a stage."""

    def change(stages: Stages) -> Stages:
        if not any(it.release == number for it in stages.stages):
            raise BadSetting(
                f"release {number} has no stage", fix="`savar release show` says which have", release=number
            )
        return replace(stages, halted=tuple(sorted({number, *stages.halted})))

    return change


def staying(platforms: Mapping[int, str], stages: Stages, most: int) -> list[int]:
    """Which releases are still told of, at most `most`. `platforms`: each one's kind of computer, by number."""

    def newest(permille: int) -> set[int]:
        spread = [it.release for it in stages.stages if it.permille >= permille and it.release not in stages.halted]
        by_platform = {platforms[number]: number for number in sorted(spread) if number in platforms}
        return set(by_platform.values())

    spreading, everywhere = newest(0), newest(STAGES_PERMILLE[-1])

    def worth(number: int) -> tuple[int, int]:
        kept = 3 if number in spreading else 2 if number in everywhere else 0 if number in stages.halted else 1
        return kept, number

    return sorted(sorted(platforms, key=worth)[-most:])


def judge(words: Sequence[DeviceWord], stage: Stage, *, since_ms: int, now_ms: int) -> Judgement:
    """What the devices of a stage say of its release, `since_ms`: when the stage was published."""
    ring = [it for it in words if stage.takes(it.device)]
    others = [it for it in words if not stage.takes(it.device)]
    spoke = _seen_since(ring, since_ms)
    runs = [it for it in spoke if it.release == stage.release]

    def told(gate: Gate, why: str) -> Judgement:
        return Judgement(gate, why, len(ring), len(spoke), len(runs))

    sound = [it for it in others if it.seen_ms is not None]
    if _harm(sum(it.ails for it in runs), len(runs), sum(it.ails for it in sound), len(sound)):  # G3
        return told(Gate.HALT, "devices that run it ail far more often than the others")
    silent_ms = now_ms - SILENT_HOURS * _HOUR_MS
    others_spoke = _seen_since(others, since_ms)
    quiet, usual = (len(them) - len(_seen_since(them, silent_ms)) for them in (spoke, others_spoke))
    if others_spoke and _harm(quiet, len(spoke), usual, len(others_spoke)):  # G4
        return told(Gate.HALT, "devices that may take it have fallen silent far more often than the others")
    if now_ms - since_ms < STAGE_HOURS_MIN * _HOUR_MS:  # G2
        return told(Gate.WAIT, f"the stage is younger than {STAGE_HOURS_MIN} hours")
    if not runs or len(runs) * 1_000 < len(spoke) * STAGE_RUNS_PERMILLE:
        return told(Gate.WAIT, f"{len(runs)} of {len(spoke)} devices that spoke run it")
    return told(Gate.OPEN, f"{len(runs)} of {len(spoke)} devices that spoke run it")


def _seen_since(words: Sequence[DeviceWord], since_ms: int) -> list[DeviceWord]:
    return [it for it in words if it.seen_ms is not None and it.seen_ms >= since_ms]


def _harm(bad: int, of: int, usual: int, of_usual: int) -> bool:
    """G5: without anybody else to compare with, the usual share is none."""
    if bad < HARM_DEVICES_MIN:
        return False
    return bad * 1_000 // of >= (usual * 1_000 // of_usual if of_usual else 0) + HARM_PERMILLE
