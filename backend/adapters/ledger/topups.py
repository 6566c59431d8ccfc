"""Top-ups, what they post, and who is denied for debt."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.denials import available, balance, deny_too_much, end_paid
from backend.adapters.ledger.host_events import topup_told_within
from backend.adapters.ledger.payment_tables import DENIAL, HAS_RECEIPT, TOPUP
from backend.adapters.ledger.posting import PostTransfers
from backend.adapters.ledger.tables import LEDGER
from backend.core import limits
from backend.core.ledger import debt_account, rider_account
from backend.core.payments import postings
from backend.core.payments.life import FINAL
from backend.core.payments.topup import Denial, State, TopUp, told
from protocol.limits import INT63_MAX

_COLUMNS = (
    "id", "credential", "rials", "status", "authority", "created_ms", "provider", "receipt", "tries", "next_ms",
)  # fmt: skip
_TOPUP = sa.select(*(TOPUP.c[name] for name in _COLUMNS))
_DENIAL = sa.select(DENIAL.c.credential, DENIAL.c.since_ms, DENIAL.c.reason, DENIAL.c.ended_ms)
_DUE = (
    _TOPUP.where(
        TOPUP.c.provider == sa.bindparam("provider"),
        TOPUP.c.next_ms.is_not(None),
        TOPUP.c.next_ms.between(sa.bindparam("from_ms"), sa.bindparam("until_ms")),
    )
    .order_by(TOPUP.c.next_ms, TOPUP.c.id)
    .limit(sa.bindparam("most"))
)
_ALONE = LEDGER.update().values(head=LEDGER.c.head)  # balances are read behind whoever posts: one chain (`ingest`)
_PAYABLE = (State.ASKED, State.PENDING, State.FAILED)


class TopUpTables:
    """Implements `TopUpStore`: reads over one connection, writes over the other."""

    def __init__(self, writer: Guarded, reader: Guarded, post: PostTransfers) -> None:
        self._writer = writer
        self._reader = reader
        self._post = post

    def add_topup(self, topup: TopUp) -> None:
        """Note a top-up before the provider is asked."""
        values = (
            topup.id, topup.credential_id, topup.rials, topup.status, topup.authority, topup.created_ms,
            topup.provider, topup.receipt, topup.tries, topup.next_ms,
        )  # fmt: skip
        with self._writer.transaction() as core:
            core.execute(TOPUP.insert(), dict(zip(_COLUMNS, values, strict=True)))

    def topup(self, topup_id: str) -> TopUp | None:
        """One top-up."""
        return self._topup(TOPUP.c.id == topup_id)

    def topup_by_authority(self, authority: str) -> TopUp | None:
        """One top-up by the provider's id."""
        return self._topup(TOPUP.c.authority == authority)

    def topup_named(self, provider: str, name: str) -> TopUp | None:
        """The one that this provider's statements name so: by its receipt, or else its authority."""
        ours = TOPUP.c.provider == provider
        return self._topup(ours & (TOPUP.c.receipt == name) & HAS_RECEIPT) or self._topup(
            ours & (TOPUP.c.authority == name)
        )

    def _topup(self, which: sa.ColumnElement[bool]) -> TopUp | None:
        with self._reader.reading() as core:
            row = core.execute(_TOPUP.where(which)).first()
        return None if row is None else TopUp(*row)

    def give_authority(self, topup_id: str, authority: str, *, next_ms: int) -> bool:
        """What the provider calls it: it is PENDING then. False if it has one already."""
        bare = TOPUP.c.authority == "", TOPUP.c.status.in_([State.ASKED, State.FAILED])
        return self._change(
            topup_id, *bare, values={"authority": authority, "status": State.PENDING, "tries": 0, "next_ms": next_ms}
        )

    def move_topup(
        self, topup_id: str, old: State, new: State, *, receipt: str = "", tries: int, next_ms: int | None, at_ms: int
    ) -> bool:
        """From one state to another, short of money, or on within one. False if it is no longer in `old`."""
        values = {"status": new, "tries": tries, "next_ms": next_ms} | ({"receipt": receipt} if receipt else {})
        changed = TOPUP.update().where(TOPUP.c.id == topup_id, TOPUP.c.status == old).values(values)
        with self._writer.transaction() as core:
            if not core.execute(changed).rowcount:
                return False
            if told(new) != told(old):
                topup = TopUp(*core.execute(_TOPUP.where(TOPUP.c.id == topup_id)).one())
                topup_told_within(core, topup, at_ms)
        return True

    def _change(self, topup_id: str, *which: sa.ColumnElement[bool], values: dict[str, Any]) -> bool:
        with self._writer.transaction() as core:
            return bool(core.execute(TOPUP.update().where(TOPUP.c.id == topup_id, *which).values(values)).rowcount)

    def pay_topup(self, topup_id: str, at_ms: int, *, receipt: str = "", next_ms: int | None = None) -> bool:
        """Mark paid and post it, debt first, in one transaction; False if it was paid already, or went back.

        Ends a denial for debt when nothing is owed any more.
        """
        values = {"status": State.PAID, "tries": 0, "next_ms": next_ms} | ({"receipt": receipt} if receipt else {})
        with self._writer.transaction() as core:
            core.execute(_ALONE)
            unpaid = TOPUP.update().where(TOPUP.c.id == topup_id, TOPUP.c.status.in_(_PAYABLE))
            if not core.execute(unpaid.values(values)).rowcount:
                return False
            topup = TopUp(*core.execute(_TOPUP.where(TOPUP.c.id == topup_id)).one())
            debt = debt_account(topup.credential_id)
            self._post(core, postings.credit(topup, -balance(core, debt)), at_ms)
            end_paid(core, [debt], at_ms)
            topup_told_within(core, topup, at_ms)
            return True

    def charge_back(self, topup_id: str, at_ms: int) -> bool:
        """A paid one went back: mark it and post it, wallet first, then debt, in one transaction. False if not paid."""
        with self._writer.transaction() as core:
            core.execute(_ALONE)
            paid = TOPUP.update().where(TOPUP.c.id == topup_id, TOPUP.c.status == State.PAID)
            if not core.execute(paid.values(status=State.CHARGED_BACK, tries=0, next_ms=None)).rowcount:
                return False
            topup = TopUp(*core.execute(_TOPUP.where(TOPUP.c.id == topup_id)).one())
            wallet = available(core, rider_account(topup.credential_id))
            self._post(core, postings.charge_back(topup, wallet), at_ms)
            deny_too_much(core, topup.credential_id, at_ms)
            topup_told_within(core, topup, at_ms)
            return True

    def due_topups(self, provider: str, now_ms: int, limit: int) -> Sequence[TopUp]:
        """Those of a provider to look at now, longest due first; then what a clock ahead has put off."""
        spans = (0, now_ms), (now_ms + limits.SWEEP_AHEAD_MS + 1, INT63_MAX)
        found: list[TopUp] = []
        with self._reader.reading() as core:
            for from_ms, until_ms in spans:
                asked = {"provider": provider, "from_ms": from_ms, "until_ms": until_ms, "most": limit - len(found)}
                found += [TopUp(*row) for row in core.execute(_DUE, asked)]
        return found

    def topups_between(self, from_ms: int, until_ms: int) -> Sequence[TopUp]:
        """By creation time."""
        within = _TOPUP.where(TOPUP.c.created_ms >= from_ms, TOPUP.c.created_ms < until_ms)
        with self._reader.reading() as core:
            return [TopUp(*row) for row in core.execute(within.order_by(TOPUP.c.created_ms))]

    def look_soon(self, topup_ids: Sequence[str], at_ms: int) -> None:
        """The sweeper looks at these next, whatever they waited for, but at what went back."""
        open_ones = [TOPUP.c.id == sa.bindparam("which"), *(TOPUP.c.status != it for it in FINAL)]
        soon = TOPUP.update().where(*open_ones).values(next_ms=at_ms)
        if topup_ids:
            with self._writer.transaction() as core:
                core.execute(soon, [{"which": it} for it in topup_ids])

    def denials(self, *, open_only: bool) -> Sequence[Denial]:
        """Who is denied, or was; newest first."""
        asked = _DENIAL.order_by(DENIAL.c.since_ms.desc(), DENIAL.c.credential)
        with self._reader.reading() as core:
            rows = core.execute(asked.where(DENIAL.c.ended_ms.is_(None)) if open_only else asked)
            return [Denial(*row) for row in rows]
