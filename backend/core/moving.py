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
- the old version goes onto the deny list by its number, and stays there: the new one, being higher, rides.
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


def denied() -> Refused:
    """What is said to who is denied and asks for a higher version."""
    return Refused(
        "this credential is denied, and a new version would ride until the next list", fix="pay what is owed first",
        rider_fa="این اعتبار مسدود است؛ نخست بدهی را بپردازید یا به باجهٔ خدمات بیایید",
        rider_en="This credential is denied: pay what is owed first, or come to a service desk",
    )  # fmt: skip
