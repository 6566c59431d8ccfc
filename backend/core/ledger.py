"""Double entry in integer rials: the chart of accounts, and which transfers one accepted tap makes.

Rules:
- a transfer is one row with a debit and a credit account and a positive amount: balanced by construction (P8);
- its key is made from what it is for, so the same tap can never be posted twice (P6);
- transfers form a hash chain; its head goes into every receipt, so thousands of devices witness it;
- a rider is charged at most what the validator showed (P20), and only for a presentation with the rider's own proof;
- without proof, or for a credential that nobody issued, the operator is still owed the ride: `suspense` pays, and it is
  a case; a boarding that another tap is charged for is paid by `copied` (P7, P10, see `repeats`);
- the city pays the rest of a concession's flat fare, from the account of its class, and only where the rider pays:
  a copy of a concession costs the city nothing.
"""

from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from protocol.fares.pricing import Price
from protocol.limits import RIALS_MAX
from protocol.wire import cbor

PROVIDER_CLEARING = "provider:clearing"
COPIED = "copied"
SUSPENSE = "suspense"
LEDGER_GENESIS = bytes(32)


def rider_account(credential_id: bytes) -> str:
    """The wallet behind a credential."""
    return f"rider:{credential_id.hex()}"


def operator_account(vehicle: str) -> str:
    """What the vehicle's operator is owed."""
    return f"operator:{vehicle}"


def driver_account(driver: str) -> str:
    """A driver's float, which pays for those who have no code."""
    return f"driver:{driver}"


def class_account(rider_class: int) -> str:
    """What the city owes for a rider class."""
    return f"city:class:{rider_class}"


class TransferKind(Enum):
    """What a transfer is for."""

    FARE = "fare"
    SUBSIDY = "subsidy"
    REFUND = "refund"  # of a fare, when another tap turned out to tell of the same boarding (see `repeats`)
    SUBSIDY_REFUND = "subsidy-refund"
    FARE_CORRECTION = "fare-correction"  # other rides of the rider turned out to belong to the journey (see `journeys`)
    SUBSIDY_CORRECTION = "subsidy-correction"
    ANNULMENT = "annulment"  # the driver took a boarding back
    SUBSIDY_ANNULMENT = "subsidy-annulment"
    TOPUP = "topup"


CORRECTIONS = (TransferKind.FARE_CORRECTION, TransferKind.SUBSIDY_CORRECTION)  # of one tap there may be several


class Payer(Enum):
    """Who pays for an accepted boarding, and so whether it is a case."""

    RIDER = "rider"
    COPIED = "copied"  # another tap tells of the same boarding, and is charged for it
    DRIVER = "driver"  # a proxy boarding: the float of whoever drove
    NO_PROOF = "no-proof"  # the rider's proof is missing or does not hold
    UNKNOWN_CREDENTIAL = "unknown-credential"  # nobody issued it, or not with these bytes


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money from `debit` to `credit`. `key` is unique for ever; `rials` is positive."""

    key: bytes
    kind: TransferKind
    debit: str
    credit: str
    rials: int

    def __post_init__(self) -> None:
        if not 0 < self.rials <= RIALS_MAX:
            raise ValueError(f"a transfer of {self.rials} rials")
        if self.debit == self.credit:
            raise ValueError("a transfer to itself")


def next_head(head: bytes, transfer: Transfer) -> bytes:
    """hash(n) = SHA-256(hash(n-1) ‖ canonical transfer)."""
    row = [transfer.key, transfer.kind.value, transfer.debit, transfer.credit, transfer.rials]
    return sha256(head + cbor.encode(row)).digest()


def tap_key(device: str, epoch: int, sequence: int, kind: TransferKind) -> bytes:
    """The idempotency key of one tap's transfer."""
    return sha256(f"{kind.value}|{device}|{epoch}|{sequence}".encode()).digest()


def revised_key(device: str, epoch: int, sequence: int, kind: TransferKind, revision: int) -> bytes:
    """The idempotency key of the n-th correction of one tap."""
    return sha256(f"{kind.value}|{device}|{epoch}|{sequence}|{revision}".encode()).digest()


@dataclass(frozen=True, slots=True)
class Boarding:
    """One accepted, charged tap, and what is known of it. `credential_id` is None where no proof could be opened.

    `driver`: whose float pays for a proxy boarding.
    """

    device: str
    epoch: int
    sequence: int
    vehicle: str
    shown_rials: int
    rider_class: int
    credential_id: bytes | None
    payer: Payer
    driver: str = ""


def post(boarding: Boarding, price: Price) -> list[Transfer]:
    """The transfers of one boarding: the rider's part, never above what was shown, and the city's part."""
    fare = min(price.rider_rials, boarding.shown_rials)
    if boarding.payer is Payer.RIDER:
        assert boarding.credential_id is not None
        debit, rest = rider_account(boarding.credential_id), class_account(boarding.rider_class)
    elif boarding.payer is Payer.DRIVER:
        debit = rest = driver_account(boarding.driver)
    else:
        debit = rest = COPIED if boarding.payer is Payer.COPIED else SUSPENSE
    credit = operator_account(boarding.vehicle)
    parts = (
        (TransferKind.FARE, debit, fare),
        (TransferKind.SUBSIDY, rest, price.city_rials),
    )
    return [
        Transfer(tap_key(boarding.device, boarding.epoch, boarding.sequence, kind), kind, source, credit, rials)
        for kind, source, rials in parts
        if rials
    ]


def topup(topup_id: str, credential_id: bytes, rials: int) -> Transfer:
    """Money that the provider holds for us, credited to a rider exactly once."""
    key = sha256(f"topup|{topup_id}".encode()).digest()
    return Transfer(key, TransferKind.TOPUP, PROVIDER_CLEARING, rider_account(credential_id), rials)
