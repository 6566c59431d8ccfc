"""What the records of a group add to the ledger besides themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.core.chaintime import Undated
from backend.core.floats import Proxy, TakenBack
from backend.core.holding import Unproven
from backend.core.ledger import Payer, TapId, Transfer
from backend.core.repeats import Claim
from backend.core.tickets import TicketRide


@dataclass(slots=True)
class Posted:
    """Transfers, what is new or has changed by them, by tap, and who pays for each tap of the group."""

    transfers: list[Transfer] = field(default_factory=list)
    claims: dict[TapId, Claim] = field(default_factory=dict)
    ticket_rides: dict[TapId, TicketRide] = field(default_factory=dict)
    proxies: dict[TapId, Proxy] = field(default_factory=dict)
    annulments: dict[TapId, TakenBack] = field(default_factory=dict)
    shifts: list[tuple[str, str, str]] = field(default_factory=list)  # vehicle, shift, driver
    drivers_heard: Sequence[str] = ()  # who became known since the last group
    unproven: list[Unproven] = field(default_factory=list)
    undated: dict[TapId, Undated] = field(default_factory=dict)
    let_go: list[bytes] = field(default_factory=list)
    payers: dict[TapId, Payer] = field(default_factory=dict)
    shown_less: int = 0
