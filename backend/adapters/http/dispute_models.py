"""Bodies about disputes: a rider's words, finance's answers."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from backend.adapters.http.models import Model
from backend.adapters.http.staff_models import Words
from backend.core import limits
from backend.core.disputes.dispute import OWNER
from backend.core.disputes.ports import Shown
from backend.core.disputes.words import LATE, REASONS, STATES, WHYS
from backend.core.explaining.explain import told_as
from protocol.limits import NAME_MAX_CHARS, RIALS_MAX

TAP = rf"^[a-z0-9-]{{1,{NAME_MAX_CHARS}}}/[0-9a-f]{{1,16}}/[0-9]{{1,19}}$"
ReasonName = Literal["not-mine", "twice", "too-much", "not-carried", "other"]
WhyName = Literal["proven", "fare-right", "corrected", "nothing-found"]
StateName = Literal["open", "refunded", "partly-refunded", "refused"]


class DisputeRequest(Model):
    """A charged tap, as the receipts name it, and what is wrong; words are welcome and not needed."""

    tap: Annotated[str, Field(pattern=TAP)]
    reason: ReasonName
    words: Annotated[str, Field(max_length=limits.WORDS_MAX_CHARS)] = ""


class RefusalRequest(Model):
    """Nothing is given back: why, and in words that the rider reads."""

    why: WhyName
    answer: Words


class RefundRequest(Model):
    """What is to go back. `by_house`: the fare was right, and the house bears it; else who was paid for the ride."""

    dispute: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    amount_rials: int = Field(gt=0, le=RIALS_MAX, description="Whole rials, at most what the tap costs by now.")
    by_house: bool
    answer: Words
    why: Words


class CodeBody(Model):
    """One word of a short list, as people read it."""

    code: str
    fa: str
    en: str


class DisputeBody(Model):
    """One dispute. Whose wallet it is stands nowhere in it."""

    id: str
    tap: str
    wall_ms: int
    reason: CodeBody
    words: str
    state: CodeBody
    owner: str = Field(description="Who has to answer.")
    opened_ms: int
    due_ms: int
    overdue: bool
    late: CodeBody | None = Field(description="What is said where it is overdue.")
    charged_rials: int = Field(description="What the tap cost when this was opened.")
    charged_now_rials: int = Field(description="What it costs by now.")
    given_rials: int
    by_house: bool
    why: CodeBody | None = Field(description="Why nothing is given back.")
    answer: str
    answered_ms: int | None


class OwnDisputesBody(Model):
    """A rider's own, newest first. Ask for the rest with `before` = `next_before`; null is the end."""

    disputes: list[DisputeBody]
    next_before: int | None


class DisputesBody(Model):
    """Oldest first. Ask for the rest with `after` = `next_after`; null is the end."""

    disputes: list[DisputeBody]
    next_after: int | None


def dispute_body(shown: Shown) -> DisputeBody:
    """As rider and finance read it."""
    it = shown.dispute
    return DisputeBody(
        id=it.id, tap=told_as(it.tap), wall_ms=it.wall_ms, reason=coded(it.reason, REASONS),
        words=it.words, state=coded(it.state, STATES), owner=OWNER, opened_ms=it.opened_ms,
        due_ms=it.due_ms, overdue=shown.overdue,
        late=CodeBody(code="late", fa=LATE[0], en=LATE[1]) if shown.overdue else None,
        charged_rials=it.charged_rials, charged_now_rials=shown.now_rials, given_rials=it.given_rials,
        by_house=it.by_house, why=None if it.why is None else coded(it.why, WHYS), answer=it.answer,
        answered_ms=it.answered_ms,
    )  # fmt: skip


E = TypeVar("E", bound=Enum)


def coded(it: E, words: Mapping[E, tuple[str, str]]) -> CodeBody:
    """One of a short list, as its table of words has it."""
    fa, en = words[it]
    return CodeBody(code=it.value, fa=fa, en=en)
