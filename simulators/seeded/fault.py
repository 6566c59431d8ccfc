"""What a fault of the seeded city is, and whom it hits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from simulators.seeded.bus import SimDoor
from simulators.seeded.city import Bus, SeededCity
from simulators.world import MINUTE_MS

Heal: TypeAlias = Callable[[], None] | None  # how it is healed; None where it heals by itself


@dataclass(frozen=True, slots=True)
class Fault:
    """How it begins, and for how long it lasts (milliseconds, least and most)."""

    begin: Callable[[SeededCity], Heal]
    lasts_ms: tuple[int, int] = (5_000, 5 * MINUTE_MS)
    weight: float = 1.0


def a_bus(city: SeededCity) -> Bus:
    """Whom it hits."""
    return city.world.rng.choice(city.buses)


def a_door(city: SeededCity) -> SimDoor:
    """Whom it hits."""
    return city.world.rng.choice(city.doors)


def well_again(city: SeededCity, door: SimDoor, heal: Callable[[], None]) -> Heal:
    """How a card or key is healed, and that the other door has not heard of it for a while."""

    def well() -> None:
        heal()
        city.bus_of(door).was_sick(city.world.now_ms)

    return well
