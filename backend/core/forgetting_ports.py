"""The port for forgetting travel. Part of `Store`."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from backend.core.ledger import TapId
from backend.core.staff.log import Entry


class KeyRow(NamedTuple):
    """A day key that is not destroyed: the row of its record, its place, and the record's bytes."""

    row: int
    device: str
    epoch: int
    sequence: int
    raw: bytes


class Swept(NamedTuple):
    """One step over riders' claims or tickets' rides. `last`: where the next begins; None at the end."""

    last: TapId | None
    gone: int
    kept: int


class ForgettingStore(Protocol):
    """Each step is a transaction of its own, and may be done again. Raises StoreFailed."""

    def remembered_day(self) -> int:
        """The first service day whose travel is remembered; 0: all of it."""
        ...

    def remember_from(self, day: int, entry: Entry | None = None) -> None:
        """Nothing of a day before counts as travel from now on; it never goes back. `entry`: of who said so."""
        ...

    def day_keys_after(self, row: int, limit: int) -> Sequence[KeyRow]:
        """Day keys that are not destroyed, by the rows of their records."""
        ...

    def records_after(self, device: str, epoch: int, sequence: int, limit: int) -> Sequence[bytes]:
        """Records of one journal behind a place, in order."""
        ...

    def destroy_keys(self, keys: Sequence[KeyRow]) -> None:
        """Their records stay by hash and place, and their bytes are gone."""
        ...

    def forget_claims(self, after: TapId | None, before_ms: int, limit: int) -> Swept:
        """One step over riders' claims."""
        ...

    def forget_tickets(self, after: TapId | None, before_ms: int, limit: int) -> Swept:
        """One step over rides of cards."""
        ...

    def forget_applications(self, before_ms: int) -> int:
        """Applications for a class that were answered before that → how many."""
        ...

    def forget_quarantined(self, before_ms: int) -> int:
        """Batches that were set aside and not told again since: digest, reason and count stay → how many."""
        ...
