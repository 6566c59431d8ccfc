"""A transfer: one row with a debit and a credit account, its idempotency key, and the chain that all rows form. Pure.

Rules:
- a transfer has a positive amount and two accounts of the chart: balanced by construction (P8);
- its key is made from what it is for, so the same thing can never be posted twice (P6);
- transfers form a hash chain; its head goes into every receipt, so thousands of devices witness it.
"""

from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from backend.core.ledger.chart import check_pair, provider_clearing, rider_account
from protocol.limits import RIALS_MAX
from protocol.wire import cbor

LEDGER_GENESIS = bytes(32)


class TransferKind(Enum):
    """What a transfer is for."""

    FARE = "fare"
    SUBSIDY = "subsidy"
    FARE_CORRECTION = "fare-correction"  # something else came to light: a journey, a second telling, an annulment
    SUBSIDY_CORRECTION = "subsidy-correction"
    REFUND = "refund"  # of a fare, after its rider disputed it: two people said so (`backend.core.disputes`)
    FREE_RIDE = "free-ride"  # what nobody pays: between memo accounts, no money
    TOPUP = "topup"
    DEBT_PAID = "debt-paid"  # the part of a top-up that pays what the rider owes
    WARD = "ward-topup"  # from a guardian's wallet to his ward's, or for what that one owes (`backend.core.guardians`)
    CASH = "cash-topup"  # cash that an agent took, to a rider's wallet or for what he owes (`backend.core.agents`)
    GRANT = "grant"  # pending alone: what a boarding may cost whose rider has scanned the bus (`backend.core.grants`)
    CHARGE_BACK = "charge-back"  # a bank took a top-up back
    PAID_IN = "paid-in"  # what a provider held for us, at our bank (`backend.core.reconciliation.paid_in`)
    PROVIDER_FEE = "provider-fee"  # what it kept of that
    CLOSING = "closing"  # what a closed account holds, to what its rider is owed
    MANUAL = "manual"  # by hand: what two people decided (`backend.core.staff`)
    SETTLEMENT = "settlement"  # a vehicle's income, to those whose it is
    PAYOUT = "payout"  # what they are owed, to their bank accounts (`backend.core.paying`)


# Of one tap there may be several of these; each has a number of its own in its key.
CORRECTIONS = (TransferKind.FARE_CORRECTION, TransferKind.SUBSIDY_CORRECTION, TransferKind.REFUND)
FIRST_OF_TAP = (TransferKind.FARE, TransferKind.SUBSIDY)  # of one tap at most one each
OF_TAPS = frozenset((*FIRST_OF_TAP, *CORRECTIONS))  # every other kind is no tap's


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money from `debit` to `credit`. `key` is unique for ever; `rials` is positive. Raises UnknownAccount.

    `day`: the service day by which it is settled: of the ride that it is for, or of the approval or statement that
    made it. None where no vehicle's account is moved, and in rows of before it was told.
    """

    key: bytes
    kind: TransferKind
    debit: str
    credit: str
    rials: int
    day: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.rials <= RIALS_MAX:
            raise ValueError(f"a transfer of {self.rials} rials")
        if self.debit == self.credit:
            raise ValueError("a transfer to itself")
        check_pair(self.debit, self.credit)


def next_head(head: bytes, transfer: Transfer) -> bytes:
    """hash(n) = SHA-256(hash(n-1) ‖ canonical transfer)."""
    it = transfer
    return row_head(head, it.key, it.kind.value, it.debit, it.credit, it.rials, *dated(it.day))


def dated(day: int | None) -> tuple[int, ...]:
    """How a row's day stands at its end; rows of before it was told have none."""
    return () if day is None else (day,)


def row_head(head: bytes, *row: object) -> bytes:
    """The same, of a row's values as they stand."""
    return sha256(head + cbor.encode(row)).digest()


def topup(topup_id: str, credential_id: bytes, rials: int, provider: str | None = None) -> Transfer:
    """Money that a provider holds for us, credited to a rider exactly once. `provider`: None for the city's first."""
    key = sha256(f"topup|{topup_id}".encode()).digest()
    return Transfer(key, TransferKind.TOPUP, provider_clearing(provider), rider_account(credential_id), rials)
