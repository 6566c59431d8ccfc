"""The hint table: what a rider is told while a code is seen and not read yet. Its one home.

A hint is no verdict: nothing is recorded, nothing sounds, and the lamp is white, which no verdict uses.
"""

from dataclasses import dataclass
from enum import Enum

from protocol.fares.verdicts import Lamp


class Hint(Enum):
    """What would help."""

    BRIGHTER = "brighter"
    CLOSER = "closer"
    HOLD_STILL = "hold still"


@dataclass(frozen=True, slots=True)
class HintRow:
    """One hint's light and words."""

    lamp: Lamp
    rider_fa: str
    rider_en: str


HINTS: dict[Hint, HintRow] = {
    Hint.BRIGHTER: HintRow(Lamp.WHITE, "صفحه را روشن‌تر کنید", "Make the screen brighter"),
    Hint.CLOSER: HintRow(Lamp.WHITE, "نزدیک‌تر بیاورید", "Bring it closer"),
    Hint.HOLD_STILL: HintRow(Lamp.WHITE, "گوشی را ثابت نگه دارید", "Hold the phone still"),
}
