"""Bodies about money that needs a person: discrepancies of the books, and what is held for owners."""

from typing import Annotated, Literal

from pydantic import Field

from backend.adapters.http.models import Model
from backend.adapters.http.staff_models import Words
from backend.core import limits


class DiscrepancyBody(Model):
    """One thing that does not match: what was told when it was opened, and its newest entry."""

    name: str
    of: str = Field(description="The class, as docs/RECONCILIATION.md has it.")
    meaning: str
    next_step: str
    owner: Literal["finance", "operations", "engineering"]
    amount_rials: int
    since_ms: int
    opened_ms: int
    due_ms: int
    state: Literal["opened", "opened-again", "matched", "resolved"]
    who: str
    why: str
    at_ms: int
    facts: dict[str, str | int]


class DiscrepanciesBody(Model):
    """By name. Ask for the rest with `after` = `next_after`; null is the end."""

    discrepancies: list[DiscrepancyBody]
    next_after: str | None


class ResolutionRequest(Model):
    """Why a discrepancy needs no more acting: what was found out, and what was done."""

    name: Annotated[str, Field(min_length=1, max_length=limits.DISCREPANCY_NAME_MAX_CHARS)]
    why: Words


class HeldTapBody(Model):
    """One tap whose money is held; no rider in it. The epoch is text: it is beyond what a number of JSON can hold."""

    device: str
    epoch: str
    sequence: int
    vehicle: str
    wall_ms: int
    why: str
    amount_rials: int


class HeldTapsBody(Model):
    """By device, journal and sequence. Ask for the rest with `after` = `next_after`; null is the end."""

    taps: list[HeldTapBody]
    next_after: str | None


class HeldSumBody(Model):
    """What is held of one vehicle for one reason."""

    vehicle: str
    why: str
    taps: int
    amount_rials: int
    oldest_ms: int


class HeldSumsBody(Model):
    """By vehicle and reason."""

    held: list[HeldSumBody]
