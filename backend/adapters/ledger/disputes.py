"""Disputes, and what two people give back of a disputed fare, in the transaction that decides it."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded, raw
from backend.adapters.ledger.dispute_tables import DISPUTE
from backend.adapters.ledger.host_events import claims_told_within, dispute_told_within
from backend.adapters.ledger.ingest import add_to_tally
from backend.adapters.ledger.posting import PostTransfers
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.standing import StandingTables
from backend.adapters.ledger.tables import CLAIM
from backend.adapters.ledger.upsert import insert
from backend.core.disputes.dispute import Dispute, Reason, State, Why
from backend.core.disputes.refunds import given_back, left_rials
from backend.core.errors import Refused
from backend.core.ledger import TapId
from backend.core.staff.log import Entry
from backend.core.staff.subjects import Refund

_OPEN = sa.text("state = 'open'")
_NEWEST_FIRST = sa.select(DISPUTE).order_by(DISPUTE.c.id.desc())


class DisputeTables(StandingTables):
    """Implements `DisputeStore`: reads over one connection, writes over the other."""

    _reader: Guarded
    _post: PostTransfers

    def add_dispute(self, dispute: Dispute, open_max: int) -> Dispute:
        """Keep it; where the tap has one already, that one is given back and nothing is stored. Raises Refused."""
        of_rider = DISPUTE.c.credential == dispute.credential_id
        with self._writer.transaction() as core:
            made = insert(core.dialect.name, DISPUTE).on_conflict_do_nothing().returning(DISPUTE.c.id)
            if core.execute(made, _values(dispute)).first() is None:
                return _dispute(core.execute(sa.select(DISPUTE).where(*_of_tap(dispute.tap))).one())
            if core.execute(sa.select(sa.func.count()).where(of_rider, _OPEN)).scalar_one() > open_max:
                raise Refused(
                    "too many of your disputes are open", fix="wait for answers, then go on", limit=open_max,
                    rider_fa="اعتراض‌های باز شما زیاد است؛ تا پاسخ آن‌ها صبر کنید",
                    rider_en="Too many of your disputes are open; wait for their answers",
                )  # fmt: skip
        return dispute

    def dispute(self, dispute_id: str) -> Dispute | None:
        """One."""
        with self._reader.reading() as core:
            row = core.execute(sa.select(DISPUTE).where(DISPUTE.c.name == dispute_id)).first()
        return None if row is None else _dispute(row)

    def disputes_of(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Dispute]]:
        """A rider's own, newest first, with a cursor each."""
        asked = _NEWEST_FIRST.where(DISPUTE.c.credential == credential_id)
        if before is not None:
            asked = asked.where(DISPUTE.c.id < before)
        with self._reader.reading() as core:
            return [(row.id, _dispute(row)) for row in core.execute(asked.limit(limit))]

    def disputes(self, after: int, limit: int, *, open_only: bool) -> Sequence[tuple[int, Dispute]]:
        """Oldest first, with a cursor each."""
        asked = sa.select(DISPUTE).where(DISPUTE.c.id > after).order_by(DISPUTE.c.id).limit(limit)
        with self._reader.reading() as core:
            rows = core.execute(asked.where(_OPEN) if open_only else asked)
            return [(row.id, _dispute(row)) for row in rows]

    def disputed(self, taps: Sequence[TapId]) -> Mapping[TapId, Dispute]:
        """Those of these taps that are disputed."""
        if not taps:
            return {}
        which = sa.or_(*(sa.and_(*_of_tap(tap)) for tap in taps))
        with self._writer.reading() as core:  # where the claims are read: within `moment` both are of one
            found = [_dispute(row) for row in core.execute(sa.select(DISPUTE).where(which))]
        return {it.tap: it for it in found}

    def refuse_dispute(self, dispute_id: str, why: Why, answer: str, entry: Entry) -> bool:
        """Answer it so, with the entry in the log; False if it was answered before."""
        with self._writer.transaction() as core:
            done = _answered(dispute_id, State.REFUSED, answer, entry.at_ms).values(why=why.value)
            if not core.execute(done).rowcount:
                return False
            row = core.execute(sa.select(DISPUTE).where(DISPUTE.c.name == dispute_id)).one()
            dispute_told_within(core, dispute_id, row, State.REFUSED.value, entry.at_ms)
            tell(core, entry)
        return True

    def give_back_within(self, core: sa.Connection, refund: Refund, at_ms: int) -> None:
        """What two people approved, within their transaction. Raises Refused where it is not so any more."""
        self._post(core, [], at_ms)  # whoever else posts waits, so what is read stands
        row = core.execute(sa.select(DISPUTE).where(DISPUTE.c.name == refund.dispute, _OPEN)).first()
        if row is None:
            raise Refused("the dispute was answered already", fix="refuse this proposal")
        it = _dispute(row)
        claim = self.claim_at(*it.tap)
        if claim is None:
            raise Refused("nothing stands for the tap any more", fix="refuse this proposal, then the dispute")
        after, transfers = given_back(claim, refund.rials, by_house=refund.by_house)
        self._post(core, transfers, at_ms)
        add_to_tally(self._driver, raw(core), {"posted_rials": sum(one.rials for one in transfers)})
        same = (CLAIM.c[name] == part for name, part in zip(_TAP, it.tap, strict=True))
        core.execute(CLAIM.update().where(*same).values(
            refunded_rials=after.refunded_rials, refunded_by_house=after.refunded_by_house, back_rials=after.back_rials,
            back_by_house=after.back_by_house, revision=after.revision,
        ))  # fmt: skip
        state = State.PARTLY if left_rials(after) else State.REFUNDED
        done = _answered(refund.dispute, state, refund.answer, at_ms)
        core.execute(done.values(given_rials=refund.rials, by_house=refund.by_house))
        claims_told_within(core, [after], at_ms)
        dispute_told_within(core, refund.dispute, row, state.value, at_ms)


_TAP = ("device", "epoch", "sequence")


def _of_tap(tap: TapId) -> list[sa.ColumnElement[bool]]:
    return [DISPUTE.c[name] == part for name, part in zip(_TAP, tap, strict=True)]


def _answered(dispute_id: str, state: State, answer: str, at_ms: int) -> sa.Update:
    """An open one's answer."""
    done = DISPUTE.update().where(DISPUTE.c.name == dispute_id, _OPEN)
    return done.values(state=state.value, answer=answer, answered_ms=at_ms)


def _values(it: Dispute) -> dict[str, Any]:
    device, epoch, sequence = it.tap
    return {
        "name": it.id, "credential": it.credential_id, "device": device, "epoch": epoch, "sequence": sequence,
        "wall_ms": it.wall_ms, "reason": it.reason.value, "words": it.words, "charged_rials": it.charged_rials,
        "opened_ms": it.opened_ms, "due_ms": it.due_ms, "state": it.state.value, "given_rials": it.given_rials,
        "by_house": it.by_house, "why": None if it.why is None else it.why.value, "answer": it.answer,
        "answered_ms": it.answered_ms,
    }  # fmt: skip


def _dispute(row: Any) -> Dispute:
    return Dispute(
        row.name, bytes(row.credential), (row.device, row.epoch, row.sequence), row.wall_ms, Reason(row.reason),
        row.words, row.charged_rials, row.opened_ms, row.due_ms, State(row.state), row.given_rials, bool(row.by_house),
        None if row.why is None else Why(row.why), row.answer, row.answered_ms,
    )  # fmt: skip
