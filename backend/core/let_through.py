"""Who was let ride though something failed, or because somebody said so: what of it is counted for finance (P15). Pure.

Each free ride, each one on grace, and each that a policy let through counts once, under the policies' number and the
policy's name where there was one, and under its cause: the record's reason.
"""

from dataclasses import dataclass

from backend.core.chaintime import ChainTime
from protocol.fares.pricing import boarded_by, dearest_fare
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day
from protocol.wire.records import Tap


@dataclass(frozen=True, slots=True)
class LetThrough:
    """One ride, or the sum of `rides` of one policy, cause and service day.

    `policies`: 0, and `order` empty, where it was no policy's: the driver, the tariff, a rule of the contract.
    `forgone_rials`: what nobody pays; `charged_rials`: what those were shown who were charged all the same.
    """

    policies: int
    order: str
    reason: Reason
    day: int
    rides: int
    persons: int
    forgone_rials: int
    charged_rials: int


def let_through(tap: Tap, time: ChainTime, tariff: Tariff | None) -> LetThrough | None:
    """What is counted of a tap; None for one that nobody let through.

    `time`: of its chain behind it, for the day where no clock was trusted. A device says what was forgone; it counts
    for no more than the dearest fare of the tariff it names.
    """
    if tap.policy is None and tap.verdict not in (Verdict.BOARD_FREE, Verdict.ACCEPTED_GRACE):
        return None
    number, order = (0, "") if tap.policy is None else tap.policy
    persons = persons_of(tap, tariff)
    forgone = tap.forgone_rials if tariff is None else min(tap.forgone_rials, persons * dearest_fare(tariff))
    return LetThrough(number, order, tap.reason, service_day(time.wall_ms), 1, persons, forgone, tap.fare_rials)


def persons_of(tap: Tap, tariff: Tariff | None) -> int:
    """How many boarded by a tap. `tariff`: the one that it names, None if that is not known here."""
    wall_ms = tap.at.wall_ms if tap.at.trusted else None
    return boarded_by(tariff, tap.verdict, tap.party, tap.fare_rials, line=tap.fare_line, wall_ms=wall_ms)
