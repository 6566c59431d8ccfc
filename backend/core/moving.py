"""A credential moves to another phone: who pays for what the old one shows. Pure.

Rules:
- the credential keeps its id and gets the next version over the new phone's key. So wallet, debt, class, caps,
  rides and disputes stay where they are, and no money moves;
- there is one live version of a credential. What ended is kept beside it with the moment when it did, for its taps may
  be on buses for months; the old key registers nothing any more;
- a tap of an ended version is its rider's where it was before that moment, by the phone's time and by the record's; in
  doubt it is not. One behind it is `Payer.MOVED`: an acceptance is a fact (P16), `suspense` owes it, it is held for the
  owner, and a case;
- the old version goes onto the deny list by its number, and stays there: the new one, being higher, rides.
"""

from dataclasses import dataclass

FIRST_VERSION = 1  # of a credential that never moved
VERSION_MAX = 255  # one byte of a credential


@dataclass(frozen=True, slots=True)
class Former:
    """An ended version: the 112 bytes as they were issued, and when it ended (Unix milliseconds, by our clock)."""

    credential_id: bytes
    version: int
    credential: bytes
    public_key: bytes
    ended_ms: int

    def pays(self, shown_ms: int, recorded_ms: int) -> bool:
        """Whether its rider pays for what it shows at these times: the phone's and the record's."""
        return max(shown_ms, recorded_ms) < self.ended_ms
