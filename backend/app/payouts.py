"""The payouts' desk: who is owed what, what is on its way, and what the bank says became of it."""

from collections.abc import Callable, Sequence

from backend.core.errors import AlreadyResolved, NotFound, PendingExpired, Refused
from backend.core.ledger.two_phase import Phase
from backend.core.paying.payout import Payable, Payout
from backend.core.paying.ports import PayoutStore
from backend.core.settlement.parties import Party
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Right
from backend.core.staff.two_people import require


class Payouts:
    """Implements `PayoutDesk`. `clock` gives Unix milliseconds."""

    def __init__(self, store: PayoutStore, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock

    def payables(self) -> Sequence[Payable]:
        """Who is owed what."""
        return self._store.payables()

    def payouts(self, before: int | None, limit: int, party: Party | None = None) -> Sequence[tuple[int, Payout]]:
        """Newest first, with a cursor each; all, or one party's."""
        return self._store.sent_payouts(before, limit, party)

    def end(self, actor: Actor, payout_id: str, *, paid: bool, reference: str, key: str) -> Payout:
        """The bank's word: booked, or came back. Raises NotFound, and what `two_phase.resolve` does."""
        require(actor, Right.END_PAYOUT)
        self._known(payout_id)
        outcome = f"{'paid' if paid else 'returned'}: {reference}"
        entry = Entry(
            self._clock(), actor.name, actor.role.value, Right.END_PAYOUT.value, payout_id, outcome, key
        )  # fmt: skip
        try:
            self._store.end_payout(payout_id, Phase.POSTED if paid else Phase.VOIDED, entry, reference)
        except (AlreadyResolved, PendingExpired) as error:
            raise Refused(
                "this payout has ended otherwise",
                fix="compare with the bank; what differs is posted by hand with two people",
            ) from error
        return self._known(payout_id)

    def _known(self, payout_id: str) -> Payout:
        found = self._store.payout(payout_id)
        if found is None:
            raise NotFound("there is no such payout", fix="look at GET /v1/payouts; a proposal is none until approved")
        return found
