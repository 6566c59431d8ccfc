"""A door that was the sister before: replaced, or this door was moved to another bus."""

from dataclasses import dataclass

from edge.core.limits import COURIER_AFTER_MS
from edge.core.ports import Copies


@dataclass(frozen=True, slots=True)
class Former:
    """Its name, and the copies of its records on this card; its courier begins after so many ms without a receipt."""

    device: str
    copies: Copies
    after_ms: int = COURIER_AFTER_MS
