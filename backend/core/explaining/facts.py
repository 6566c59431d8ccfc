"""All that is known of one tap, as the ledger holds it, and what is said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from backend.core.explaining.codes import Code
from backend.core.floats import Proxy, TakenBack
from backend.core.holding import Unproven
from backend.core.ledger import TapId, TransferKind
from backend.core.repeats import Claim
from backend.core.tickets import TicketRide
from protocol.fares.tariff import Tariff
from protocol.wire.records import Tap

Standing: TypeAlias = Claim | TicketRide | Proxy | Unproven


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger that was posted for the tap. `first`: as it came in; else a correction."""

    kind: TransferKind
    debit: str
    credit: str
    rials: int
    at_ms: int
    first: bool


@dataclass(frozen=True, slots=True)
class RiderPart:
    """What lay sealed in the record: whose pass, and what the phone signed. Told only to who may know it (P18)."""

    credential_id: bytes
    time_s: int
    counter: int
    party: int


class Opened(Enum):
    """Whether the rider's part is told."""

    HIDDEN = "hidden"  # nobody asked, or may ask
    OPENED = "opened"
    NONE = "none"  # the record has none
    SHUT = "shut"  # it is there, and cannot be opened: its key is destroyed or not at hand, or it does not hold


@dataclass(frozen=True, slots=True)
class TapFacts:
    """`posted`: in the order of the chain. `beside`: other taps of its boarding. `week`: rides it is weighed with.

    `stands` None: nothing was posted for it, or its rider's travel was destroyed since. `decree`: that of its tariff,
    as two people approved it; empty where no approval is held, as of a ledger's first tariff.
    """

    tap: Tap
    stands: Standing | None
    tariff: Tariff | None
    posted: Sequence[Entry] = ()
    beside: Sequence[Claim] = ()
    week: Sequence[Claim] = ()
    back: TakenBack | None = None
    driver: str | None = None
    opened: Opened = Opened.HIDDEN
    rider: RiderPart | None = None
    decree: str = ""


Number: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is so, with its numbers: what the words of `code` speak of."""

    code: Code
    numbers: Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of the fare, and by how many rials it changes what its payer owes."""

    rials: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Owed:
    """What one account owes for the tap as it stands, and to which account."""

    payer: str
    payee: str
    rials: int


@dataclass(frozen=True, slots=True)
class Posted:
    """One entry, and why it was made."""

    entry: Entry
    reason: Reason


@dataclass(frozen=True, slots=True)
class Explanation:
    """`steps` add up to what who rode owes; `owed` is what stands; `agrees`: the entries come to exactly that."""

    tap: TapId
    told: tuple[Reason, ...]
    office: tuple[Reason, ...]
    steps: tuple[Step, ...]
    owed: tuple[Owed, ...]
    posted: tuple[Posted, ...]
    agrees: bool
    hidden: tuple[Reason, ...]

    @property
    def rials(self) -> int:
        """What the steps come to."""
        return sum(it.rials for it in self.steps)


def reason(code: Code, **numbers: Number) -> Reason:
    """A reason with its numbers."""
    return Reason(code, numbers)
