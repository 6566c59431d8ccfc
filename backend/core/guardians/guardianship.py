"""A guardianship: who holds whose account, established by two people, and ended. Pure.

Rules:
- two people of the office establish it, for they have seen both and the papers: a ward's token proves that somebody has
  the ward's phone, and a child's phone is soon in other hands;
- a guardian is another rider, and his own token is what he uses: at most GUARDIANS_MAX of a ward, WARDS_MAX of a
  guardian. Who is a ward and not of age holds nobody, whichever came first, and nobody is held by his own ward;
- he may do with the ward's account what `access.RiderOrGuardian` lets him: see rides, receipts and wallet, top it up,
  dispute, apply for a class, renew it. He never gets the ward's own token, which would go on when he is no guardian any
  more: so moving it to another phone is the ward's, or two people's of the office (`Move`), and closing it the ward's
  alone; and a guardianship gives no rights over the ward's own wards;
- of a ward of age either side ends it, at once; before that day the office alone. The closing of either account ends
  it;
- `of_age_day` is the day from which the ward is of age. It need not be a birthday: the first of the month behind it
  says as much, and no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from backend.core.errors import NotAllowed, NotFound, Refused
from backend.core.staff.errors import Unfit
from backend.core.staff.two_people import require_words
from protocol import limits
from protocol.jalali import day_text
from protocol.wire import cbor


@dataclass(frozen=True, slots=True)
class Guardianship:
    """What two people establish. `document`: where the office keeps what was shown; never a copy of it.

    `of_age_day`: days since 1970-01-01; 0: the ward is of age.
    """

    guardian: bytes
    ward: bytes
    of_age_day: int
    document: str

    def __post_init__(self) -> None:
        if self.guardian == self.ward:
            raise Unfit("nobody is his own guardian", fix="name two credentials")
        if not 0 <= self.of_age_day <= limits.UINT16_MAX:
            raise Unfit("nobody comes of age on that day", fix="name the day, or none where the ward is of age")
        require_words("document", self.document)

    @property
    def subject(self) -> str:
        """The ward's credential, in hex."""
        return self.ward.hex()

    @property
    def content(self) -> bytes:
        """Canonical."""
        return cbor.encode([self.guardian, self.ward, self.of_age_day, self.document])

    def words(self) -> Mapping[str, str | int]:
        """For who reads it."""
        of_age = day_text(self.of_age_day) if self.of_age_day else "is of age"
        return {
            "guardian": self.guardian.hex(), "ward": self.ward.hex(), "of_age_from": of_age, "document": self.document
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """One guardianship as it is kept. `since_ms`: Unix milliseconds of the approval."""

    guardian: bytes
    ward: bytes
    since_ms: int
    of_age_day: int

    def of_age(self, today: int) -> bool:
        """Whether the ward may end it, and the guardian."""
        return today >= self.of_age_day

    def require_of_age(self, today: int) -> None:
        """Return where either side ends it. Raises Refused."""
        if not self.of_age(today):
            raise Refused(
                "the ward is not of age: the office ends it", fix="ask at a service desk",
                rider_fa="تا پیش از بزرگسالی، تنها باجهٔ خدمات می‌تواند سرپرستی را پایان دهد",
                rider_en="Until the ward is of age, only a service desk ends it",
            )  # fmt: skip


def the_wards_alone() -> NotAllowed:
    """What is said to a guardian who asks for what only the ward's own token does."""
    return NotAllowed(
        "this is the ward's own: a guardian's token does not do it",
        fix="ask with the ward's own phone; a lost one's credential is moved by two people of the office",
        rider_fa="این کار تنها با گوشی خود او شدنی است؛ اگر گم شده است به باجهٔ خدمات بیایید",
        rider_en="Only the ward's own phone does this; if it is lost, come to a service desk",
    )


def none() -> NotFound:
    """What is said where there is no such guardianship."""
    return NotFound(
        "there is no such guardianship", fix="look at the list of guardians and wards",
        rider_fa="چنین سرپرستی‌ای نیست", rider_en="There is no such guardianship",
    )  # fmt: skip
