"""Claims of a group of batches, those not yet committed over those that the store holds."""

from backend.core.ports import IngestStore
from backend.core.repeats import Claim, Settled, TapId, annulled, same_boarding, settle
from protocol.localtime import service_week, week_span_ms


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

    def keep(self, claim: Claim) -> None:
        """As it stands now, for the claims after it in this group."""
        self._pending[claim.tap] = claim

    def at(self, tap: TapId) -> Claim | None:
        """One tap's claim."""
        return self._pending.get(tap) or self._store.claim_at(*tap)

    def annul(self, claim: Claim) -> Claim:
        """Taken back."""
        after = annulled(claim)
        self.keep(after)
        return after

    def of_week(self, claim: Claim) -> dict[TapId, Claim]:
        """Every claim of the rider in the week of this one, under its tariff."""
        begin, end = week_span_ms(service_week(claim.wall_ms))
        credential_id, version = claim.presentation.credential_id, claim.tariff_version
        found = {
            it.tap: it for it in self._store.claims_between(credential_id, begin, end) if it.tap not in self._pending
        }
        found |= {
            tap: it
            for tap, it in self._pending.items()
            if it.presentation.credential_id == credential_id and begin <= it.wall_ms <= end
        }
        return {tap: it for tap, it in found.items() if it.tariff_version == version}
