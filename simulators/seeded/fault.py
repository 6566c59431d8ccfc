"""What a fault of the seeded city is, and whom it hits."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TypeAlias

from simulators.seeded.bus import SimDoor
from simulators.seeded.city import Bus, SeededCity
from simulators.world import MINUTE_MS

Heal: TypeAlias = Callable[[], None] | None  # how it is healed; None where it heals by itself


class Aim:
    """Whom one fault hits: chosen when the fault asks, by chance, and told to the trace before anything comes of it."""

    def __init__(self, city: SeededCity, name: str) -> None:
        self.city = city
        self.what = name  # and of whom, as soon as that is known

    def a_bus(self) -> Bus:
        """One of the city's buses."""
        bus = self.city.world.rng.choice(self.city.buses)
        self._tell(f" of {bus.vehicle}")
        return bus

    def a_door(self) -> SimDoor:
        """One of the city's doors."""
        door = self.city.world.rng.choice(self.city.doors)
        self._tell(f" of {door.plan.name}")
        return door

    def no_door(self) -> None:
        """The office, the broker, or people."""
        self._tell("")

    def _tell(self, whom: str) -> None:
        self.what += whom
        self.city.world.tell("fault", self.what)


@dataclass(frozen=True, slots=True)
class Fault:
    """How it begins, and for how long it lasts (milliseconds, least and most)."""

    begin: Callable[[Aim], Heal]
    lasts_ms: tuple[int, int] = (5_000, 5 * MINUTE_MS)
    weight: float = 1.0


def beside_doors(begin: Callable[[SeededCity], Heal]) -> Callable[[Aim], Heal]:
    """A fault that hits no bus or door of its own."""

    @wraps(begin)
    def aimed(aim: Aim) -> Heal:
        aim.no_door()
        return begin(aim.city)

    return aimed


def well_again(city: SeededCity, door: SimDoor, heal: Callable[[], None]) -> Heal:
    """How a card or key is healed, and that the other door has not heard of it for a while."""

    def well() -> None:
        heal()
        city.bus_of(door).was_sick(city.world.now_ms)

    return well
