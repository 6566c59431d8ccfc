"""What some records add to a commit besides themselves."""

from dataclasses import dataclass, field

from backend.core.chaintime import UNKNOWN_TIME, ChainTime
from backend.core.floats import Proxy, TakenBack
from backend.core.ledger import TapId, Transfer
from backend.core.repeats import Claim
from backend.core.tickets import TicketRide


@dataclass(slots=True)
class Posted:
    """Transfers, and what is new or has changed by them, by tap. `time`: of the chain behind its last record."""

    transfers: list[Transfer] = field(default_factory=list)
    claims: dict[TapId, Claim] = field(default_factory=dict)
    ticket_rides: dict[TapId, TicketRide] = field(default_factory=dict)
    proxies: dict[TapId, Proxy] = field(default_factory=dict)
    annulments: dict[TapId, TakenBack] = field(default_factory=dict)
    shifts: list[tuple[str, str, str]] = field(default_factory=list)  # vehicle, shift, driver
    time: ChainTime = UNKNOWN_TIME
    shown_less: int = 0
