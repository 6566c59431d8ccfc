"""What is ridden in a drill, and what must stand in the ledger for it: a pure function of a few numbers.

The n-th tap of all is a refusal, a boarding, or a copy: the code that was shown one tap before, on another bus. The
rider is charged for one of the two and `copied` owes the other, whichever comes in first; both are held, for no proof
says on which bus the rider was.
"""

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from backend.core.ledger import COPIED, class_account, held_account, operator_account, rider_account
from protocol.fares.pricing import Price, Ride, price
from protocol.fares.tariff import RiderClass, Tariff

TARIFF = Tariff(1, 60_000, {int(RiderClass.STUDENT): 500, int(RiderClass.SENIOR): 100})
CLASSES = (RiderClass.ADULT, RiderClass.ADULT, RiderClass.ADULT, RiderClass.STUDENT, RiderClass.SENIOR)
AHEAD = 2  # records before a journal's first tap: opening, day key
_AGAIN_MS = 240_000  # between two taps of one rider: beyond the repeat window of 180 s, so each is a boarding
_REFUSED_EVERY, _COPIED_EVERY, _COMPANY_EVERY = 41, 31, 7


class Kind(Enum):
    """What becomes of a tap."""

    BOARDING = "boarding"
    COPY = "copy"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Plan:
    """So many taps, dealt to the buses in turn. `riders` must have no divisor in common with `buses`."""

    taps: int
    buses: int
    riders: int
    began_ms: int

    def __post_init__(self) -> None:
        if self.taps % self.buses:
            raise ValueError(f"{self.taps} taps cannot be dealt to {self.buses} buses")

    @property
    def taps_a_bus(self) -> int:
        """Of each."""
        return self.taps // self.buses

    @property
    def records_a_bus(self) -> int:
        """Its whole journal."""
        return self.taps_a_bus + AHEAD

    @property
    def step_ms(self) -> int:
        """Between two taps of all."""
        return max(100, -(-_AGAIN_MS // self.riders))

    def vehicle(self, bus: int) -> str:
        """Name of a bus."""
        return f"bus-{bus + 1:04}"

    def device(self, bus: int) -> str:
        """Name of its validator."""
        return f"{self.vehicle(bus)}-d1"

    def bus(self, n: int) -> int:
        """On which bus the n-th tap is."""
        return n % self.buses

    def kind(self, n: int) -> Kind:
        """What becomes of it."""
        if n % _REFUSED_EVERY == _REFUSED_EVERY - 1:
            return Kind.REFUSAL
        if n % _COPIED_EVERY == _COPIED_EVERY - 1 and self.kind(n - 1) is Kind.BOARDING and not self.rider_class(n - 1):
            return Kind.COPY
        return Kind.BOARDING

    def shown(self, n: int) -> int:
        """The tap whose code it is: its own, or the one before."""
        return n - 1 if self.kind(n) is Kind.COPY else n

    def rider(self, n: int) -> int:
        """Whose code the n-th tap's own is."""
        return n % self.riders

    def rider_class(self, n: int) -> RiderClass:
        """The rider's."""
        return class_of(self.rider(n))

    def counter(self, n: int) -> int:
        """Of the rider's renders."""
        return n // self.riders + 1

    def party(self, n: int) -> int:
        """Companions."""
        return 2 if n % _COMPANY_EVERY == 0 else 0

    def wall_ms(self, n: int) -> int:
        """When it is shown."""
        return self.began_ms + n * self.step_ms

    def contested(self, n: int) -> bool:
        """Whether another bus tells of its code, too."""
        return self.kind(n) is Kind.COPY or (n + 1 < self.taps and self.kind(n + 1) is Kind.COPY)

    def price(self, n: int) -> Price:
        """What its code's ride costs, to rider and city."""
        shown = self.shown(n)
        return price(TARIFF, Ride(self.rider_class(shown), self.party(shown)))


def class_of(rider: int) -> RiderClass:
    """Of the n-th rider."""
    return CLASSES[rider % len(CLASSES)]


def credential_id(rider: int) -> bytes:
    """Of the n-th rider."""
    return rider.to_bytes(8, "big")


def balances(plan: Plan) -> dict[str, int]:
    """Account → credits less debits, as all taps together must leave it; accounts that nothing moves are not in it."""
    found: Counter[str] = Counter()
    for n in range(plan.taps):
        kind = plan.kind(n)
        if kind is Kind.REFUSAL:
            continue
        cost = plan.price(n)
        owner = held_account if plan.contested(n) else operator_account
        found[owner(plan.vehicle(plan.bus(n)))] += cost.rider_rials + cost.city_rials
        if kind is Kind.COPY:
            found[COPIED] -= cost.rider_rials
            continue
        found[rider_account(credential_id(plan.rider(n)))] -= cost.rider_rials
        found[class_account(plan.rider_class(n))] -= cost.city_rials
    return {account: rials for account, rials in found.items() if rials}
