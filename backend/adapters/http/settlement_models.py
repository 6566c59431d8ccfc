"""Bodies about settlement: parties, contracts, statements."""

from typing import Annotated, Literal

from pydantic import Field

from backend.adapters.http.models import Model
from backend.core import limits
from protocol.limits import NAME_MAX_CHARS, RIALS_MAX

NAME = rf"^[a-z0-9-]{{1,{NAME_MAX_CHARS}}}$"
Name = Annotated[str, Field(pattern=NAME, description="a–z, 0–9 and hyphen; it stands in the ledger for ever.")]
Title = Annotated[str, Field(min_length=1, max_length=limits.WORDS_MAX_CHARS)]
Cap = Annotated[int | None, Field(ge=0, le=RIALS_MAX, description="Whole rials a service day; null: no cap.")]
PartyRole = Literal["operator", "owner"]


class PartyRequest(Model):
    """How people write its name."""

    title_fa: Title
    title_en: Title


class PartyBody(PartyRequest):
    """An operator or an owner."""

    role: PartyRole
    name: str


class PartiesBody(Model):
    """All of them, by role and name."""

    parties: list[PartyBody]


class ContractRequest(Model):
    """Whose a vehicle is from a day on, and how its income is shared."""

    operator: Name
    owner: Name | None = None
    owner_permille: int = Field(0, ge=0, le=1000, description="The owner's part of what is paid, in thousandths.")
    proxies_max_rials: Cap = None
    tickets_max_rials: Cap = None


class ContractBody(ContractRequest):
    """The same, of a vehicle and its first service day (Jalali, 1405-09-08)."""

    vehicle: str
    from_day: str


class FrozenBody(Model):
    """One frozen day (Jalali, 1405-09-08) with its statement's hash."""

    day: str
    hash: str
    frozen_ms: int


class FrozenDaysBody(Model):
    """Newest first. Ask for the rest with `before` = `next_before`; null is the end."""

    settlements: list[FrozenBody]
    next_before: str | None


class SumBody(Model):
    """A line or a party, and its rials in this statement."""

    name: str
    rials: int


class JointBody(Model):
    """A frozen day in sums. `incomes` − `owed` − `held` is `balance`: 0."""

    day: str
    hash: str
    incomes: list[SumBody]
    owed: list[SumBody]
    held: list[SumBody]
    balance: int


class RowBody(Model):
    """One line of one vehicle and day of riding; days before the settled one are adjustments."""

    ride_day: str
    vehicle: str
    line: str
    payer: str | None
    income_rials: int
    part_rials: int
    held_rials: int


class PartyStatementBody(Model):
    """What one party is told of a frozen day."""

    day: str
    hash: str
    party: str
    total_rials: int
    rows: list[RowBody]
