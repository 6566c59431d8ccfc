"""Bodies about concessions: the class that a rider holds and until when, his applications, the office's answers."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from backend.adapters.http.days import DAY, written
from backend.adapters.http.dispute_models import CodeBody, coded
from backend.adapters.http.models import Model
from backend.adapters.http.staff_models import Words
from backend.core import limits
from backend.core.concessions.application import OWNER
from backend.core.concessions.grant import ADULT, Grant
from backend.core.concessions.ports import Applied
from backend.core.concessions.words import LATE, PAPERS, STATES, WHYS, notice
from backend.core.explaining.terms import RIDER_CLASSES
from backend.core.ports import Rider
from protocol.wire.passes import read_issued

PaperName = Literal[
    "school-certificate", "student-card", "birth-certificate", "welfare-letter", "veteran-card", "employment-letter",
    "other",
]  # fmt: skip
WhyName = Literal["not-confirmed", "not-entitled", "expired", "show-papers"]


class ClassBody(Model):
    """The class that was granted last. It may be over: then the credential is an adult's."""

    rider_class: int
    fa: str
    en: str
    until: str | None = Field(description="Its last day, Jalali, 1406-06-31; null where it has no end.")
    holds: bool
    notice_fa: str | None = Field(description="What to do, where it ends within 60 days or has ended.")
    notice_en: str | None


class RenewedBody(Model):
    """The credential to render passes from, as it is due today."""

    credential_id: str
    credential: str
    expires: str = Field(description="Its last day, Jalali, 1406-06-31.")
    concession: ClassBody | None = Field(description="Null for an adult without one.")


class DocumentRequest(Model):
    """One paper, never the paper itself: what it is, who issued it, and by what the office finds it.

    `reference`: the last characters of its number, or a letter's own number. Whole numbers, a national number and
    links are refused.
    """

    paper: PaperName
    issuer: Annotated[str, Field(min_length=2, max_length=limits.ISSUER_MAX_CHARS)]
    reference: Annotated[str, Field(min_length=2, max_length=limits.REFERENCE_MAX_CHARS)]


class ApplicationRequest(Model):
    """The class that is asked for, and the papers for it; words are welcome and not needed."""

    rider_class: int = Field(ge=1, le=15)
    documents: Annotated[list[DocumentRequest], Field(min_length=1, max_length=limits.DOCUMENTS_MAX)]
    words: Annotated[str, Field(max_length=limits.WORDS_MAX_CHARS)] = ""


class RefusedRequest(Model):
    """Nothing is granted: why, and in words that the rider reads."""

    why: WhyName
    answer: Words


class GrantRequest(Model):
    """The class of an application, until a last day. `document`: where the office keeps what was shown."""

    application: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    until: Annotated[str, Field(pattern=DAY, description="Its last day, Jalali, 1406-06-31; in five years at most.")]
    document: Words
    why: Words


class DocumentBody(Model):
    """One paper, as its rider told it."""

    paper: CodeBody
    issuer: str
    reference: str


class ApplicationBody(Model):
    """One application. Whose credential it is stands nowhere in it."""

    id: str
    rider_class: int
    class_fa: str
    class_en: str
    documents: list[DocumentBody]
    words: str
    state: CodeBody
    owner: str = Field(description="Who has to answer.")
    opened_ms: int
    due_ms: int
    overdue: bool
    late: CodeBody | None = Field(description="What is said where it is overdue.")
    until: str | None = Field(description="Of a grant its last day, Jalali, 1406-06-31.")
    why: CodeBody | None = Field(description="Why it is refused.")
    answer: str
    answered_ms: int | None


class MadeBody(Model):
    """What is kept of an application under an idempotency key: papers and words are forgotten with it alone."""

    model_config = ConfigDict(extra="ignore")  # answers of before were kept whole

    id: str


class OwnApplicationsBody(Model):
    """A rider's own, newest first. Ask for the rest with `before` = `next_before`; null is the end."""

    concession: ClassBody | None = Field(description="The class that he holds; null for an adult without one.")
    applications: list[ApplicationBody]
    next_before: int | None


class ApplicationsBody(Model):
    """Oldest first. Ask for the rest with `after` = `next_after`; null is the end."""

    applications: list[ApplicationBody]
    next_after: int | None


def renewed(rider: Rider, today: int) -> RenewedBody:
    """A rider's credential, and what he is told of his class."""
    it = read_issued(rider.credential)
    return RenewedBody(
        credential_id=it.credential_id.hex(), credential=rider.credential.hex(), expires=written(it.expiry_day),
        concession=class_held(rider.grant, today),
    )  # fmt: skip


def class_held(grant: Grant, today: int) -> ClassBody | None:
    """The class that was granted last; None for an adult's."""
    if grant.rider_class == ADULT.rider_class:
        return None
    fa, en = RIDER_CLASSES[grant.rider_class]
    notice_fa, notice_en = notice(grant, today) or (None, None)
    return ClassBody(
        rider_class=grant.rider_class, fa=fa, en=en, holds=grant.holds_on(today), notice_fa=notice_fa,
        notice_en=notice_en, until=None if grant.until_day is None else written(grant.until_day),
    )  # fmt: skip


def application_body(applied: Applied) -> ApplicationBody:
    """As rider and office read it."""
    it = applied.application
    class_fa, class_en = RIDER_CLASSES[it.rider_class]
    return ApplicationBody(
        id=it.id, rider_class=it.rider_class, class_fa=class_fa, class_en=class_en, words=it.words,
        documents=[
            DocumentBody(paper=coded(one.paper, PAPERS), issuer=one.issuer, reference=one.reference)
            for one in it.documents
        ],
        state=coded(it.state, STATES), owner=OWNER, opened_ms=it.opened_ms, due_ms=it.due_ms, overdue=applied.overdue,
        late=CodeBody(code="late", fa=LATE[0], en=LATE[1]) if applied.overdue else None,
        until=None if it.until_day is None else written(it.until_day),
        why=None if it.why is None else coded(it.why, WHYS), answer=it.answer, answered_ms=it.answered_ms,
    )  # fmt: skip
