"""The ports for disputes: what is kept, and what the API asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.disputes.dispute import Dispute, Reason, Why
from backend.core.ledger import TapId
from backend.core.repeats import Claim
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor
from backend.core.staff.two_people import Proposal


@dataclass(frozen=True, slots=True)
class Shown:
    """A dispute for who reads it: `now_rials` is what the tap costs its rider by now, `overdue` whether it is late."""

    dispute: Dispute
    now_rials: int
    overdue: bool


class DisputeStore(Protocol):
    """Each change is one durable transaction. Raises StoreFailed."""

    def claim_at(self, device: str, epoch: int, sequence: int) -> Claim | None:
        """The claim of one tap."""
        ...

    def add_dispute(self, dispute: Dispute, open_max: int) -> Dispute:
        """Keep it; where the tap has one already, that one is given back and nothing is stored.

        Raises Refused where its rider has so many that are open.
        """
        ...

    def dispute(self, dispute_id: str) -> Dispute | None:
        """One."""
        ...

    def disputes_of(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Dispute]]:
        """A rider's own, newest first, with a cursor each."""
        ...

    def disputes(self, after: int, limit: int, *, open_only: bool) -> Sequence[tuple[int, Dispute]]:
        """Oldest first, with a cursor each."""
        ...

    def disputed(self, taps: Sequence[TapId]) -> Mapping[TapId, Dispute]:
        """Those of these taps that are disputed."""
        ...

    def refuse_dispute(self, dispute_id: str, why: Why, answer: str, entry: Entry) -> bool:
        """Answer it so, with the entry in the log; False if it was answered before."""
        ...


class DisputeDesk(Protocol):
    """What the API asks of the app."""

    def open(self, credential_id: bytes, tap: TapId, reason: Reason, words: str) -> Shown:
        """A rider disputes a charged tap of his. Raises NotFound (none of his), Refused, Unfit, StoreFailed."""
        ...

    def of(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Shown]]:
        """His own, newest first, with a cursor each."""
        ...

    def own(self, credential_id: bytes, dispute_id: str) -> Shown:
        """One of his own. Raises NotFound, also for another's."""
        ...

    def listed(self, after: int, limit: int, *, open_only: bool) -> Sequence[tuple[int, Shown]]:
        """For staff: oldest first, with a cursor each."""
        ...

    def shown(self, dispute_id: str) -> Shown:
        """One. Raises NotFound."""
        ...

    def refuse(self, actor: Actor, dispute_id: str, why: Why, answer: str, *, key: str) -> Shown:
        """Nothing is given back. Raises NotFound, Decided, NotNamed, NotAllowed, Unfit."""
        ...

    def propose(
        self, actor: Actor, dispute_id: str, rials: int, answer: str, *, by_house: bool, why: str, key: str
    ) -> Proposal:
        """So much is to go back, if another approves. Raises NotFound, Decided, Refused, and as proposing does."""
        ...
