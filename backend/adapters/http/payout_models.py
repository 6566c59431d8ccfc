"""Bodies about paying out: who is owed what, and what is on its way."""

from typing import Annotated, Literal

from pydantic import Field

from backend.adapters.http.models import Model
from backend.adapters.http.settlement_models import NAME
from backend.adapters.http.staff_models import Words
from backend.core import limits
from protocol.limits import INT63_MAX, RIALS_MAX

PartyRole = Literal["operator", "owner"]


class PayoutRequest(Model):
    """What an operator or owner is owed, or a part of it, to a bank account."""

    role: PartyRole
    name: Annotated[str, Field(pattern=NAME)]
    amount_rials: int = Field(gt=0, le=RIALS_MAX, description="Whole rials; at most what is owed and not on its way.")
    iban: Annotated[str, Field(pattern="^IR[0-9]{24}$", description="Sheba number, without spaces.")]
    why: Words


class BankWordRequest(Model):
    """What the bank calls the entry that shows it."""

    reference: Annotated[
        str,
        Field(
            pattern=rf"^[A-Za-z0-9_/+=-]{{1,{limits.AUTHORITY_MAX_CHARS}}}$",
            description="Of the bank's entry: its trace number.",
        ),
    ]


class PayoutBody(Model):
    """One payout: a proposal that was approved. `on-its-way`: held, until the bank's word."""

    id: str
    role: PartyRole
    name: str
    amount_rials: int
    iban: str
    state: Literal["on-its-way", "paid", "returned", "lapsed"]
    proposer: str
    approver: str
    approved_ms: int
    ended_ms: int | None


class PayoutsBody(Model):
    """Newest first. Ask for the rest with `before` = `next_before`; null is the end."""

    payouts: list[PayoutBody]
    next_before: int | None = Field(le=INT63_MAX)


class PayableBody(Model):
    """What one is owed. Below zero it owes: more was taken back than came."""

    role: PartyRole
    name: str
    owed_rials: int
    on_its_way_rials: int = Field(ge=0, description="Of it, held for payouts that the bank has said nothing of yet.")


class PayablesBody(Model):
    """Whoever was ever owed something; few, for each has a contract on paper."""

    payables: list[PayableBody]
