"""What a top-up, and its charge-back, post. Pure.

Rules:
- a top-up pays the rider's debt first, the rest is the wallet's; debt below zero (paid, and then forgiven as well) is
  nothing to pay;
- a charge-back takes what the wallet holds, and the rest is the rider's debt: what the provider took from us is posted
  whole, whatever the rider has;
- debt above DEBT_MAX_RIALS denies the rider; that ends when nothing is owed any more, paid or forgiven;
- each transfer's key is made of the top-up and of what it is for, so none is posted twice (P6).
"""

from hashlib import sha256

from backend.core import limits
from backend.core.ledger import Transfer, TransferKind, debt_account, provider_clearing, rider_account
from backend.core.ledger import topup as to_wallet
from backend.core.payments.topup import TopUp

DEBT = "debt"  # why a rider is denied


def credit(topup: TopUp, debt_rials: int) -> list[Transfer]:
    """Money that the provider holds for us, to whom it belongs; `debt_rials`: what the rider owes."""
    to_debt = min(max(debt_rials, 0), topup.rials)
    made = []
    if to_debt:
        accounts = provider_clearing(topup.clearing), debt_account(topup.credential_id)
        made.append(Transfer(_key("debt-paid", topup), TransferKind.DEBT_PAID, *accounts, to_debt))
    if topup.rials > to_debt:
        made.append(to_wallet(topup.id, topup.credential_id, topup.rials - to_debt, topup.clearing))
    return made


def charge_back(topup: TopUp, wallet_rials: int) -> list[Transfer]:
    """The same money gone; `wallet_rials`: what may be spent of the wallet, negative where rides cost more."""
    clearing = provider_clearing(topup.clearing)
    from_wallet = min(max(wallet_rials, 0), topup.rials)
    parts = (
        ("charge-back", rider_account(topup.credential_id), from_wallet),
        ("charge-back-debt", debt_account(topup.credential_id), topup.rials - from_wallet),
    )
    return [
        Transfer(_key(what, topup), TransferKind.CHARGE_BACK, account, clearing, rials)
        for what, account, rials in parts
        if rials
    ]


def is_too_much(debt_rials: int) -> bool:
    """Whether who owes so much is denied."""
    return debt_rials > limits.DEBT_MAX_RIALS


def _key(what: str, topup: TopUp) -> bytes:
    return sha256(f"{what}|{topup.id}".encode()).digest()
