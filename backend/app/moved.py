"""Which ended versions the next bundle has to deny: those of credentials that moved to another phone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from backend.core.moving_ports import MovingStore


@dataclass(frozen=True, slots=True)
class MovedLine:
    """One credential of a deny list: up to and with its newest ended version, so that the live one rides."""

    credential_id: bytes
    version: int


def moved_lines(store: MovingStore, denied: Collection[bytes]) -> Sequence[MovedLine]:
    """By credential; without those who are `denied` altogether, whose line covers it. Raises StoreFailed."""
    found = store.ended_versions()
    return [MovedLine(it, version) for it, version in sorted(found.items()) if it not in denied]
