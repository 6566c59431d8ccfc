"""A receipt: one charged boarding as its own rider may see it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.core.disputes.dispute import Dispute
from backend.core.explaining.codes import Code
from backend.core.explaining.explain import explain, told_as
from backend.core.explaining.facts import Reason, Step, TapFacts
from backend.core.explaining.ports import ReceiptPlace
from backend.core.explaining.told import where
from backend.core.repeats import Claim

_SAID = (Code.PAYS_RIDER, Code.CITY_PAYS, Code.BACK, Code.BACK_WAITS)  # of the office; what is held is the owner's


@dataclass(frozen=True, slots=True)
class Receipt:
    """`line` and `stop` None: not known, and `where` says why. `steps` add up to `charged_rials`."""

    tap: str
    place: ReceiptPlace
    wall_ms: int
    vehicle: str
    door: int
    line: str | None
    stop: str | None
    rider_class: int
    tariff: int
    shown_rials: int
    charged_rials: int
    city_rials: int
    where: Sequence[Reason]
    steps: Sequence[Step]
    office: Sequence[Reason]
    dispute: Dispute | None = None
    decree: str = ""


def receipt_of(facts: TapFacts, claim: Claim, dispute: Dispute | None = None) -> Receipt:
    """One charged claim, with its tap's facts, and what its rider says of it."""
    tap, found = facts.tap, explain(facts)
    return Receipt(
        told_as(claim.tap), (claim.wall_ms, *claim.tap), claim.wall_ms, tap.service.vehicle, tap.service.door,
        tap.fare_line, tap.service.stop, claim.rider_class, tap.tariff_version, tap.fare_rials,
        claim.rials - claim.given_back_rials, claim.city_rials - claim.city_back_rials, where(tap), found.steps,
        [it for it in found.office if it.code in _SAID], dispute, facts.decree,
    )  # fmt: skip
