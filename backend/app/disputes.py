"""The desk for disputes: riders open and read their own, finance answers (rules: `backend.core.disputes`)."""

from collections.abc import Callable, Sequence

from backend.app.staff import Staff
from backend.core.disputes.dispute import Dispute, Reason, State, Why, begin
from backend.core.disputes.ports import DisputeStore, Shown
from backend.core.disputes.refunds import given_back, left_rials
from backend.core.errors import NotFound, Refused
from backend.core.ledger import TapId
from backend.core.limits import DISPUTES_OPEN_MAX
from backend.core.staff.errors import Decided
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Right
from backend.core.staff.subjects import Refund
from backend.core.staff.two_people import Proposal, require, require_words


class Disputes:
    """Implements `DisputeDesk`. `clock` gives Unix milliseconds."""

    def __init__(
        self, store: DisputeStore, staff: Staff, *, clock: Callable[[], int], randomness: Callable[[int], bytes]
    ) -> None:
        self._store, self._staff, self._clock, self._randomness = store, staff, clock, randomness

    # --- the rider ----------------------------------------------------------------------------------------------------

    def open(self, credential_id: bytes, tap: TapId, reason: Reason, words: str) -> Shown:
        """A rider disputes a charged tap of his. Raises NotFound (none of his), Refused, Unfit, StoreFailed."""
        claim = self._store.claim_at(*tap)
        if claim is None or claim.presentation.credential_id != credential_id:
            raise NotFound(
                "this is no boarding of yours that the office holds", fix="name a tap of your receipts",
                rider_fa="این سفر در رسیدهای شما نیست", rider_en="This is no boarding among your receipts",
            )  # fmt: skip
        charged = left_rials(claim) if claim.charged else 0
        if not charged:
            raise Refused(
                "nothing is charged for it", fix="dispute what your receipts say was charged",
                rider_fa="برای این سفر چیزی از شما کم نشده است", rider_en="Nothing was charged for this boarding",
            )  # fmt: skip
        made = begin(
            self._randomness(16).hex(), credential_id, tap, wall_ms=claim.wall_ms, reason=reason, words=words,
            charged_rials=charged, now_ms=self._clock(),
        )  # fmt: skip
        kept = self._store.add_dispute(made, DISPUTES_OPEN_MAX)
        if kept.id != made.id:
            raise Refused(
                "this boarding was disputed before", fix="read that dispute; a service desk hears you again",
                dispute=kept.id, rider_fa="برای این سفر پیش‌تر اعتراض کرده‌اید",
                rider_en="You have disputed this boarding before",
            )  # fmt: skip
        return self._shown(kept)

    def of(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Shown]]:
        """His own, newest first, with a cursor each."""
        return [(at, self._shown(it)) for at, it in self._store.disputes_of(credential_id, before, limit)]

    def own(self, credential_id: bytes, dispute_id: str) -> Shown:
        """One of his own. Raises NotFound, also for another's."""
        found = self._store.dispute(dispute_id)
        if found is None or found.credential_id != credential_id:
            raise _none()
        return self._shown(found)

    # --- the office ---------------------------------------------------------------------------------------------------

    def listed(self, after: int, limit: int, *, open_only: bool) -> Sequence[tuple[int, Shown]]:
        """Oldest first, with a cursor each."""
        return [(at, self._shown(it)) for at, it in self._store.disputes(after, limit, open_only=open_only)]

    def shown(self, dispute_id: str) -> Shown:
        """One. Raises NotFound."""
        return self._shown(self._known(dispute_id))

    def refuse(self, actor: Actor, dispute_id: str, why: Why, answer: str, *, key: str) -> Shown:
        """Nothing is given back. Raises NotFound, Decided, NotNamed, NotAllowed, Unfit."""
        self._known(dispute_id)
        action = Right.ANSWER_DISPUTE.value
        with self._staff.told(actor, action, dispute_id, key):
            require(actor, Right.ANSWER_DISPUTE)
            require_words("answer", answer)
            outcome = f"{State.REFUSED.value} {why.value}"
            entry = Entry(self._clock(), actor.name, actor.role.value, action, dispute_id, outcome, key)
            if not self._store.refuse_dispute(dispute_id, why, answer, entry):
                raise answered()
        return self.shown(dispute_id)

    def propose(
        self, actor: Actor, dispute_id: str, rials: int, answer: str, *, by_house: bool, why: str, key: str
    ) -> Proposal:
        """So much is to go back, if another approves. Raises NotFound, Decided, Refused, and as proposing does."""
        it = self._known(dispute_id)
        with self._staff.told(actor, Right.PROPOSE_REFUND.value, dispute_id, key):
            if it.state is not State.OPEN:
                raise answered()
            claim = self._store.claim_at(*it.tap)
            if claim is None:
                raise Refused("nothing stands for the tap any more", fix="refuse the dispute, with that reason")
            given_back(claim, rials, by_house=by_house)  # while somebody is there to correct it
        return self._staff.propose(actor, Refund(dispute_id, rials, by_house, answer), why=why, key=key)

    def _known(self, dispute_id: str) -> Dispute:
        found = self._store.dispute(dispute_id)
        if found is None:
            raise _none()
        return found

    def _shown(self, it: Dispute) -> Shown:
        claim = self._store.claim_at(*it.tap)
        return Shown(it, 0 if claim is None else left_rials(claim), it.is_overdue(self._clock()))


def _none() -> NotFound:
    return NotFound("there is no such dispute", fix="look at the list of disputes")


def answered() -> Decided:
    """What is said of a dispute that has its answer."""
    return Decided("the dispute was answered already", fix="look at it again")
