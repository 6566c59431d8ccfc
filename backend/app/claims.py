"""Claims of a group of batches, those not yet committed over those that the store holds."""

from backend.core.ports import IngestStore
from backend.core.repeats import Claim, Settled, TapId, same_boarding, settle


class GroupClaims:
    """Settles each new claim of a group against everything known. One a group; used by the ingest thread."""

    def __init__(self, store: IngestStore) -> None:
        self._store = store
        self._pending: dict[TapId, Claim] = {}

    def settle(self, new: Claim) -> Settled:
        """Where a new claim leaves its boarding; remembered for the claims after it in this group."""
        held = {claim.tap: claim for claim in self._store.claims_near(new)}
        waiting = {claim.boarding for claim in self._pending.values() if same_boarding(new, claim)}
        held |= {claim.tap: claim for claim in self._store.claims_of(waiting)} if waiting else {}
        touched = waiting | {claim.boarding for claim in held.values()}
        # A boarding that was changed in this group is pending whole: settling returns all of its members.
        near = {tap: claim for tap, claim in held.items() if tap not in self._pending}
        near |= {
            tap: claim
            for tap, claim in self._pending.items()
            if claim.boarding in touched or tap in held or same_boarding(new, claim)
        }
        settled = settle(new, near.values())
        for claim in (settled.claim, *settled.changed):
            self._pending[claim.tap] = claim
        return settled
