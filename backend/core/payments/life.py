"""How a top-up lives: one table, and when the sweeper looks again.

Rules:
- nothing is credited but by a verify with our amount, and once (PAID of `port`);
- a no is no end: what failed and is found paid later is credited then;
- what may be paid is asked about for ever, less and less often; a failed one until its money must be back at the bank;
- what was paid with another amount is not credited and goes back; what the provider refuses to give back stays
  REVERSING, and a person is called;
- a paid one is looked at again some times, for a bank may take it back; then it is charged back, once;
- what went back stays back, whatever is said of it later.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from backend.core import limits
from backend.core.payments.port import Says
from backend.core.payments.topup import State


class Effect(Enum):
    """What has to be done beside the new state."""

    NOTHING = "nothing"
    VERIFY = "verify"  # ask that next
    CREDIT = "credit"  # post it to the rider, in the same transaction
    GIVE_BACK = "give-back"  # keep the state, then ask the provider to reverse
    TAKE_BACK = "take-back"  # post the charge-back, in the same transaction
    CALL = "call"  # a person has to look at it


@dataclass(frozen=True, slots=True)
class Step:
    """Where an answer leads."""

    state: State
    effect: Effect = Effect.NOTHING


def _unpaid(own: State) -> dict[Says, Step]:
    """PENDING and FAILED hear the same; only what says nothing new leaves each where it is."""
    return {
        Says.WAITING: Step(State.PENDING),
        Says.HELD: Step(own, Effect.VERIFY),
        Says.PAID: Step(State.PAID, Effect.CREDIT),
        Says.NOT_PAID: Step(State.FAILED),
        Says.OTHER_AMOUNT: Step(State.REVERSING, Effect.GIVE_BACK),
        Says.REVERSED: Step(State.REVERSED),
        Says.TOO_LATE: Step(own, Effect.CALL),  # it may be ours: the answer of a verify may have been lost
        Says.STRANGER: Step(State.FAILED),
    }


LIFE: Final[dict[State, dict[Says, Step]]] = {
    State.ASKED: {},  # without an authority nothing can be asked
    State.PENDING: _unpaid(State.PENDING),
    State.FAILED: _unpaid(State.FAILED),
    State.PAID: {
        Says.HELD: Step(State.PAID, Effect.VERIFY),  # some tell by it alone that the money went back
        Says.REVERSED: Step(State.CHARGED_BACK, Effect.TAKE_BACK),
    },
    State.REVERSING: {
        Says.HELD: Step(State.REVERSING, Effect.GIVE_BACK),
        Says.OTHER_AMOUNT: Step(State.REVERSING, Effect.GIVE_BACK),
        Says.REVERSED: Step(State.REVERSED),
        Says.KEPT: Step(State.REVERSING, Effect.CALL),
        Says.NOT_PAID: Step(State.REVERSING, Effect.CALL),
        Says.STRANGER: Step(State.REVERSING, Effect.CALL),
        Says.TOO_LATE: Step(State.REVERSING, Effect.CALL),
    },
    State.REVERSED: {},
    State.CHARGED_BACK: {},
}
FINAL: Final = frozenset({State.REVERSED, State.CHARGED_BACK})


def step(state: State, says: Says) -> Step:
    """Where this answer leads; one that no rule names changes nothing."""
    return LIFE[state].get(says, Step(state))


@dataclass(frozen=True, slots=True)
class Pace:
    """When the sweeper looks, in seconds; the defaults are the product's, a drill has others."""

    period_s: float = limits.SWEEP_PERIOD_S
    held_s: float = limits.SWEEP_HELD_S
    first_s: float = limits.SWEEP_FIRST_S
    young_s: float = limits.SWEEP_YOUNG_S
    young_gap_s: float = limits.SWEEP_YOUNG_GAP_S
    gap_s: float = limits.SWEEP_GAP_S
    asked_s: float = limits.TOPUP_ASKED_S
    failed_s: float = limits.TOPUP_FAILED_S
    again_s: tuple[float, ...] = limits.PAID_AGAIN_S


PACE: Final = Pace()


def next_look_s(pace: Pace, state: State, *, age_s: float, tries: int) -> float | None:
    """How long until the next look, `tries` looks after the state began; None: never by itself."""
    if state is State.ASKED:
        return max(pace.asked_s - age_s, pace.first_s)
    if state is State.PAID:
        return pace.again_s[tries] if tries < len(pace.again_s) else None
    if state in FINAL or (state is State.FAILED and age_s > pace.failed_s):
        return None
    doubled = pace.first_s * 2.0 ** min(tries, 40)
    return min(doubled, pace.young_gap_s if age_s < pace.young_s else pace.gap_s)
