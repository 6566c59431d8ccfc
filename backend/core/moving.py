"""A credential moves to another phone: who pays for what the old one shows. Pure.

Rules:
- the credential keeps its id and gets the next version over the new phone's key. So wallet, debt, class, caps,
  rides and disputes stay where they are, and no money moves;
- there is one live version of a credential. What ended is kept beside it with the moment when it did, for its taps may
  be on buses for months; the old key registers nothing any more;
- a version is renewed over the same key, too: when it is old, or its class changes (`concessions`). The version before
  has not ended with that, for the same phone may still show it: it ends with its key, when that moves;
- a tap of an ended version is its rider's where it was before that moment, by the phone's time and by the record's; in
  doubt it is not. One behind it is `Payer.MOVED`: an acceptance is a fact (P16), `suspense` owes it, it is held for the
  owner, and a case;
- the old version goes onto the deny list by its number, and stays there: the new one, being higher, rides;
- so who owes gets no higher one by his own word, renewed or moved. Two people may move his all the same;
- behind VERSION_MAX there is no next one: he registers anew. Closing ends that one all the same.
"""

from dataclasses import dataclass

from backend.core.errors import Refused

FIRST_VERSION = 1  # of a credential that never moved
VERSION_MAX = 255  # one byte of a credential


@dataclass(frozen=True, slots=True)
class Former:
    """A version that is not the live one: the 112 bytes as they were issued.

    `ended_ms`: when it ended (Unix milliseconds, by our clock); None: it was renewed, and its key is the live one's.
    """

    credential_id: bytes
    version: int
    credential: bytes
    public_key: bytes
    ended_ms: int | None

    def pays(self, shown_ms: int, recorded_ms: int) -> bool:
        """Whether its rider pays for what it shows at these times: the phone's and the record's."""
        return self.ended_ms is None or max(shown_ms, recorded_ms) < self.ended_ms


class Regranted(Refused):
    """Two people granted another class, or another end of it, than the one that was read."""


def denied() -> Refused:
    """What is said to who owes and asks for a higher version."""
    return Refused(
        "this credential is denied, and a new version would ride until the next list", fix="pay what is owed first",
        rider_fa="این اعتبار مسدود است؛ نخست بدهی را بپردازید یا به باجهٔ خدمات بیایید",
        rider_en="This credential is denied: pay what is owed first, or come to a service desk",
    )  # fmt: skip


def listed() -> Refused:
    """What is said to who owes nothing and is on the list that buses have."""
    return Refused(
        "nothing is owed, and the buses' list names this credential yet",
        fix="wait for the next list after a debt was paid; else ask at a service desk",
        rider_fa="بدهی ندارید، ولی این اعتبار هنوز در فهرست مسدودی اتوبوس‌هاست؛ پس از فهرست بعدی دوباره بخواهید "
        "یا به باجهٔ خدمات بیایید",
        rider_en="Nothing is owed, and the buses' list names this credential yet: ask again after the next list, "
        "or at a service desk",
    )  # fmt: skip


def last_version() -> Refused:
    """What is said to who asks for a version behind the last."""
    return Refused(
        "a credential has no version behind this one", fix="register anew; two people post what the wallet holds",
        rider_fa="این اعتبار دیگر تمدید یا جابه‌جا نمی‌شود؛ با کلید تازه ثبت‌نام کنید یا به باجهٔ خدمات بیایید",
        rider_en="This credential is renewed and moved no more: register anew, or come to a service desk",
    )  # fmt: skip


def meanwhile() -> Refused:
    """What is said where another phone was first."""
    return Refused(
        "the credential moved meanwhile", fix="register with the key that it moved to",
        rider_fa="این اعتبار هم‌اکنون به گوشی دیگری رفته است",
        rider_en="This credential has just moved to another phone",
    )  # fmt: skip


def regranted() -> Regranted:
    """What is said where the class changed as it was renewed."""
    return Regranted(
        "the class was granted anew meanwhile", fix="ask again", rider_fa="دوباره درخواست کنید",
        rider_en="Ask again",
    )  # fmt: skip
