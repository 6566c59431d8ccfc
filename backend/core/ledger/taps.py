"""How what is owed for one tap becomes transfers. Pure.

Rules:
- for each tap there is what *stands*: which accounts owe its operator how much (`Parts`). What follows from all records
  that are known says so (`standing` for riders, `floats` for drivers); posted is the difference to what stood before,
  as entries of their own. No row is ever changed;
- a rider is charged at most what the validator showed (P20), and only for a presentation with the rider's own proof;
- without proof, or for a credential that nobody issued, `suspense` owes the ride, and it is a case; for a boarding that
  another tap is charged for `copied` does (P7, P10, see `repeats`). Both are held for the owner, not paid (`holding`);
- the city pays the rest of a concession's flat fare, from the account of its class, and only where the rider pays:
  a copy of a concession costs the city nothing, `copied:city` pays its part. So a fare is at most what was shown,
  whoever pays it.
"""

from collections.abc import Mapping
from enum import Enum
from hashlib import sha256
from typing import TypeAlias

from backend.core.ledger.chart import CLASS_SUBSIDY, COPIED_CITY, FREE_RIDES, FREE_RIDES_FORGONE
from backend.core.ledger.transfers import Transfer, TransferKind

TapId: TypeAlias = tuple[str, int, int]  # device, epoch, sequence
Parts: TypeAlias = Mapping[str, int]  # account → rials that it owes the operator for one tap


class Payer(Enum):
    """Who pays for an accepted boarding when it comes in, and so whether it is a case."""

    RIDER = "rider"
    COPIED = "copied"  # another tap tells of the same boarding, and is charged for it
    DRIVER = "driver"  # a proxy boarding: the float of whoever drove
    TICKET = "ticket"  # a bearer ticket's issue
    NO_PROOF = "no-proof"  # the rider's proof is missing or does not hold
    STALE_PROOF = "stale-proof"  # it holds, and is not of the time that the record tells
    UNKNOWN_CREDENTIAL = "unknown-credential"  # nobody issued it, or not with these bytes or terms
    MOVED = "moved"  # the credential had moved to another phone by then
    FORGOTTEN = "forgotten"  # the travel of its day is destroyed: nobody can say whether it was charged before
    OVER_FLOAT = "over-float"  # a proxy boarding beyond what a driver's float pays a day


def tap_key(device: str, epoch: int, sequence: int, kind: TransferKind) -> bytes:
    """The idempotency key of one tap's transfer."""
    return sha256(f"{kind.value}|{device}|{epoch}|{sequence}".encode()).digest()


def revised_key(device: str, epoch: int, sequence: int, kind: TransferKind, revision: int) -> bytes:
    """The idempotency key of the n-th correction of one tap."""
    return sha256(f"{kind.value}|{device}|{epoch}|{sequence}|{revision}".encode()).digest()


def post(tap: TapId, day: int, operator: str, parts: Parts) -> list[Transfer]:
    """What is posted for a tap of a service day that comes in: at most one fare and one subsidy."""
    return [
        Transfer(tap_key(*tap, kind), kind, account, operator, rials, day)
        for account, rials in parts.items()
        if rials
        for kind in (TransferKind.SUBSIDY if _is_subsidy(account) else TransferKind.FARE,)
    ]


def free_ride(tap: TapId, day: int, rials: int) -> Transfer:
    """What a ride of a service day would have cost that nobody pays: counted in the chain, and no money."""
    kind = TransferKind.FREE_RIDE
    return Transfer(tap_key(*tap, kind), kind, FREE_RIDES, FREE_RIDES_FORGONE, rials, day)


def _is_subsidy(account: str) -> bool:
    return account.startswith(_CITY) or account == COPIED_CITY


_CITY = f"{CLASS_SUBSIDY.name}:"


def correct(
    tap: TapId, day: int, operator: str, *, before: Parts, after: Parts, revision: int,
    of_fare: TransferKind = TransferKind.FARE_CORRECTION,
) -> tuple[list[Transfer], int]:  # fmt: skip
    """The entries that make what was posted for a tap what stands → they, and how many corrections it then has.

    `revision`: how many it has. Each account settles with the operator, and each entry is a correction of its own.
    `of_fare`: what the entries of the fare's own part are.
    """
    transfers: list[Transfer] = []
    for account in {**after, **before}:  # in this order, always: keys follow from it
        more = after.get(account, 0) - before.get(account, 0)
        if not more:
            continue
        revision += 1
        kind = TransferKind.SUBSIDY_CORRECTION if _is_subsidy(account) else of_fare
        debit, credit = (account, operator) if more > 0 else (operator, account)
        transfers.append(Transfer(revised_key(*tap, kind, revision), kind, debit, credit, abs(more), day))
    return transfers, revision
