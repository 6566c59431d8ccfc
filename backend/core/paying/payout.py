"""A payout: what an operator or owner is owed goes to a bank account. Pure.

state       what comes                              becomes
-           approved by a second person             on its way: held, so that nothing else can be paid of it
on its way  the bank's word that it was booked      paid: posted to `bank`
on its way  the bank's word that it came back       returned: owed again, as if nothing had been
on its way  nothing, for PAYOUT_WAITS_DAYS          lapsed: owed again; by then it is a case, see docs/SETTLEMENT.md
any other   the same word again                     stays
any other   another word                            refused

Rules:
- nothing is paid that is not owed: a payout is held in the ledger (`two_phase`, H4), of what nothing holds already;
- it takes two people; that the bank did it takes one, who names the bank's own reference;
- a payout is a proposal that was approved, so its id is that one's, and its key is made from it.
"""

import re
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from backend.core.ledger import BANK, Transfer, TransferKind
from backend.core.ledger.two_phase import Phase
from backend.core.limits import PAYOUT_WAITS_DAYS
from backend.core.settlement.parties import Party, account_of
from protocol.limits import DAY_S

_IBAN = re.compile(r"IR[0-9]{24}")
_IBAN_MODULUS, _IBAN_REST = 97, 1  # ISO 13616: the check digits make the whole leave 1


class State(Enum):
    """How a payout stands."""

    ON_ITS_WAY = "on-its-way"
    PAID = "paid"
    RETURNED = "returned"
    LAPSED = "lapsed"


STATES = {Phase.POSTED: State.PAID, Phase.VOIDED: State.RETURNED, Phase.EXPIRED: State.LAPSED}
"""By what became of what is held."""


@dataclass(frozen=True, slots=True)
class Payout:
    """One payout. Times in Unix milliseconds; `ended_ms` None while it is on its way."""

    id: str
    party: Party
    rials: int
    iban: str
    proposer: str
    approver: str
    approved_ms: int
    state: State
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Payable:
    """What a party is owed, and how much of that is on its way to it; below zero it owes."""

    party: Party
    owed_rials: int
    on_its_way_rials: int


def payout_key(payout_id: str) -> bytes:
    """The key of its transfer: one payout of one proposal."""
    return sha256(f"payout|{payout_id}".encode()).digest()


def transfer_of(payout_id: str, party: Party, rials: int) -> Transfer:
    """What is held, then posted."""
    return Transfer(payout_key(payout_id), TransferKind.PAYOUT, account_of(party), BANK, rials)


def waits_until_ms(approved_ms: int) -> int:
    """When a payout of which nothing was heard lapses."""
    return approved_ms + PAYOUT_WAITS_DAYS * DAY_S * 1000


def is_iban(text: str) -> bool:
    """Whether it is an Iranian bank account's number (Sheba) with the check digits that it must have."""
    if _IBAN.fullmatch(text) is None:
        return False
    digits = "".join(str(int(char, 36)) for char in text[4:] + text[:4])
    return int(digits) % _IBAN_MODULUS == _IBAN_REST
