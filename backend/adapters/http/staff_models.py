"""Bodies about the staff: people, proposals, the log."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from backend.adapters.http.days import DAY
from backend.adapters.http.models import Model, bytes_from, text_schema
from backend.core import limits
from protocol.limits import CREDENTIAL_ID_BYTES, INT63_MAX, PUBLIC_KEY_BYTES, RIALS_MAX, UINT32_MAX

Words = Annotated[str, Field(min_length=3, max_length=limits.WORDS_MAX_CHARS)]
AccountName = Annotated[str, Field(min_length=1, max_length=80, description="As docs/LEDGER.md has it.")]
StaffRole = Literal["driver", "inspector", "finance", "operations", "agent", "partner", "auditor"]


class PostingRequest(Model):
    """A transfer by hand, and why."""

    debit: AccountName
    credit: AccountName
    amount_rials: int = Field(gt=0, le=RIALS_MAX, description="Whole rials.")
    why: Words


class TariffRequest(Model):
    """The tariff that waits in the made bundle, by its number, with the decree that orders it."""

    tariff: int = Field(ge=1, le=UINT32_MAX)
    decree: Words
    why: Words


class ConcessionRequest(Model):
    """A class for whoever registers this key, until a last day of its own.

    `document`: where the office keeps what was shown; no copy of it.
    """

    public_key: Annotated[
        bytes, BeforeValidator(bytes_from(PUBLIC_KEY_BYTES)), text_schema(PUBLIC_KEY_BYTES, "the phone's key")
    ]
    rider_class: int = Field(ge=1, le=15)
    until: Annotated[str, Field(pattern=DAY, description="Its last day, Jalali, 1406-06-31; in five years at most.")]
    document: Words
    why: Words


class ReleaseRequest(Model):
    """A credential to take off the deny list, up to and with this version."""

    credential_id: Annotated[
        bytes,
        BeforeValidator(bytes_from(CREDENTIAL_ID_BYTES)),
        text_schema(CREDENTIAL_ID_BYTES, "as the deny list names it"),
    ]
    version: int = Field(ge=0, le=255)
    why: Words


class HeldRequest(Model):
    """What becomes of the money that is held of one tap: `pays` its owner, or it is written off. The epoch is text."""

    device: Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$")]
    epoch: Annotated[str, Field(pattern="^[0-9]{1,19}$")]
    sequence: int = Field(ge=1, le=INT63_MAX)
    pays: bool
    why: Words


class MoveRequest(Model):
    """A credential to whoever registers this key. `document`: where the office keeps what was shown; no copy of it."""

    credential_id: Annotated[
        bytes,
        BeforeValidator(bytes_from(CREDENTIAL_ID_BYTES)),
        text_schema(CREDENTIAL_ID_BYTES, "the rider's registration"),
    ]
    public_key: Annotated[
        bytes, BeforeValidator(bytes_from(PUBLIC_KEY_BYTES)), text_schema(PUBLIC_KEY_BYTES, "the new phone's key")
    ]
    document: Words
    why: Words


class DecisionRequest(Model):
    """What was read: the proposal's `digest`. Another one is refused."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ProposalBody(Model):
    """One proposal. `content` says field by field what is proposed; `digest` is what a decision names."""

    id: str
    kind: Literal[
        "posting", "tariff", "concession", "release", "held", "refund", "payout", "move", "guardian", "cards", "host"
    ]  # fmt: skip
    state: Literal["open", "approved", "refused", "lapsed"]
    content: dict[str, str | int]
    digest: str
    why: str
    proposer: str
    proposed_ms: int
    until_ms: int
    decided_by: str | None
    decided_ms: int | None


class ProposalsBody(Model):
    """Newest first. Ask for the rest with `before` = `next_before`; null is the end."""

    proposals: list[ProposalBody]
    next_before: int | None = Field(le=INT63_MAX)


class MeBody(Model):
    """Whose token it is, and what the role may."""

    name: str
    role: StaffRole
    named: bool = Field(description="Whether a person; the operations token is nobody's name.")
    party: str | None = Field(description="Whose settlement this person sees, as `operator:metro`.")
    rights: list[str]


class PersonBody(Model):
    """One person of the staff."""

    name: str
    role: StaffRole
    added_ms: int
    ended_ms: int | None
    party: str | None = Field(description="Whose settlement this person sees, as `operator:metro`.")


class PeopleBody(Model):
    """By name. Ask for the rest with `after` = `next_after`; null is the end."""

    people: list[PersonBody]
    next_after: str | None


class EntryBody(Model):
    """One thing that somebody of the staff did or was refused. `hash` chains it to all before it."""

    number: int
    at_ms: int
    person: str
    role: str
    action: str
    on: str
    outcome: str
    key: str
    hash: str


class LogBody(Model):
    """In order. Ask for the rest with `after` = `next_after`; null is the end, as it is now.

    Keep a `number` and its `hash`: `savar staff verify --known NUMBER:HASH` shows a log that was written anew.
    """

    entries: list[EntryBody]
    next_after: int | None
