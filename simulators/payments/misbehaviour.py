"""What goes wrong at a payment provider: chances, drawn from a seed.

What becomes of a payment is drawn from the seed and its number alone, so that it does not hang on who asks when. What
becomes of an answer is drawn in the order of the questions.
"""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Faults:
    """Chances from 0 to 1."""

    # of an answer
    unavailable: float = 0.0  # a 503, and nothing was done
    failed_after: float = 0.0  # a 502, and the work was done all the same
    answer_lost: float = 0.0  # the connection ends within the answer, the work was done
    stalled: float = 0.0  # the work was done, and the answer comes when nobody waits any more
    odd: float = 0.0  # the work was done, and the answer is JSON of another shape
    # of a payment
    unpaid: float = 0.0  # the rider gives up at the bank
    no_callback: float = 0.0  # paid, and neither browser nor provider comes back
    double_callback: float = 0.0  # the provider calls back by itself, before the rider's browser does
    verified_before: float = 0.0  # the first verify already says that it was verified before
    other_amount: float = 0.0  # the rider has paid another amount
    late_reversal: float = 0.0  # the bank takes it back after it was verified
    # of a statement
    gap: float = 0.0  # a payment that stands in no statement


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one payment."""

    unpaid: bool
    no_callback: bool
    double_callback: bool
    verified_before: bool
    other_amount: bool
    late_reversal: bool
    gap: bool


def fate(faults: Faults, seed: int, number: int) -> Fate:
    """Of the payment of this number."""
    rng = Random(f"payment {seed} {number}")  # noqa: S311 - a simulation replays from its seed
    return Fate(
        **{name: rng.random() < getattr(faults, name) for name in Fate.__dataclass_fields__}  # in their order
    )


KINDS_OF_ANSWER = ("unavailable", "failed_after", "answer_lost", "stalled", "odd")
