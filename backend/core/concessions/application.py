"""An application: a rider asks for a reduced class, and says which papers he has. Pure.

state     what comes                                                  becomes
open      two people grant the class, until a day                     granted
open      one of operations refuses it, with a reason                 refused
open      its rider takes it back, or closes his account              withdrawn
any other anything                                                    stays, until it is forgotten

Rules:
- papers are told by kind, issuer and a reference, and never held (`references`); the office sees them at a desk, or
  asks who issued them;
- one application for a class at a time, and none for a class that he holds for long yet;
- it is operations', and due after APPLICATION_DUE_MS; who is late is told so, and it stays open;
- a grant is the proposal of two people that grants a class to a key (`Concession`), and names the application: it takes
  effect on the rider's own credential, whatever phone he has by then (`grant`);
- an answered one is forgotten after APPLICATION_KEPT_MS; of one that was withdrawn papers and words are, at once.
"""

from dataclasses import dataclass, replace
from enum import Enum

from backend.core.concessions.grant import Grant
from backend.core.errors import Refused
from backend.core.limits import APPLICATION_DUE_MS
from backend.core.staff.errors import Unfit
from protocol.fares.tariff import RiderClass

OWNER = "operations"


class Paper(Enum):
    """What a rider has to show; the words stand in the ledger."""

    SCHOOL = "school-certificate"
    STUDENT_CARD = "student-card"
    BIRTH = "birth-certificate"
    WELFARE = "welfare-letter"  # Behzisti's
    VETERAN = "veteran-card"  # Bonyad-e Shahid's
    EMPLOYMENT = "employment-letter"
    OTHER = "other"


class State(Enum):
    """How it stands; the words stand in the ledger."""

    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Why(Enum):
    """Why it is refused; the words stand in the ledger."""

    NOT_CONFIRMED = "not-confirmed"  # who is said to have issued a paper does not know it
    NOT_ENTITLED = "not-entitled"  # the paper is right, and the class is for others
    EXPIRED = "expired"  # the paper is over
    SHOW_PAPERS = "show-papers"  # somebody has to see them


@dataclass(frozen=True, slots=True)
class Document:
    """One paper: what it is, who issued it, and by what the office finds it."""

    paper: Paper
    issuer: str
    reference: str


@dataclass(frozen=True, slots=True)
class Application:
    """`id`: 32 hex digits. Times in Unix milliseconds. `until_day`: of a grant, its last local day.

    `why` of a refusal; `answer`: in the office's words.
    """

    id: str
    credential_id: bytes
    rider_class: int
    documents: tuple[Document, ...]
    words: str
    opened_ms: int
    due_ms: int
    state: State = State.OPEN
    until_day: int | None = None
    why: Why | None = None
    answer: str = ""
    answered_ms: int | None = None

    def is_overdue(self, now_ms: int) -> bool:
        """Whether it should have been answered."""
        return self.state is State.OPEN and now_ms >= self.due_ms

    def withdrawn(self, at_ms: int) -> "Application":
        """Taken back: papers and words are nobody's any more."""
        return replace(self, state=State.WITHDRAWN, documents=(), words="", answered_ms=at_ms)


def begin(
    application_id: str, credential_id: bytes, rider_class: int, documents: tuple[Document, ...], words: str, *,
    now_ms: int,
) -> Application:  # fmt: skip
    """A new one, of words and references that were found fit (`references`). Raises Unfit for no class of a tariff."""
    if rider_class not in {int(it) for it in RiderClass} - {RiderClass.ADULT}:
        raise Unfit(
            "no class with a concession", fix="1 to 6: see the tariff", rider_class=rider_class,
            rider_fa="چنین تخفیفی نیست", rider_en="There is no such concession",
        )  # fmt: skip
    due_ms = now_ms + APPLICATION_DUE_MS
    return Application(application_id, credential_id, rider_class, documents, words, now_ms, due_ms)


def require_new(held: Grant, rider_class: int, today: int) -> None:
    """Return where a class is not held, or its end is near. Raises Refused."""
    if rider_class == held.rider_class and held.holds_on(today) and not held.ends_soon(today):
        raise Refused(
            "you hold this class already", fix="apply again when its end is near: the app says so",
            rider_fa="این تخفیف را هم‌اکنون دارید", rider_en="You have this concession already",
        )  # fmt: skip
