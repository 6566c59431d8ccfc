"""Closed accounts: closed where nothing is open, and what is left of them owed to their riders."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.applications import withdraw_within
from backend.adapters.ledger.closing_tables import CLOSING
from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.denials import available, balance
from backend.adapters.ledger.dispute_tables import DISPUTE
from backend.adapters.ledger.guardians import end_within
from backend.adapters.ledger.held_numbers import take_all_away
from backend.adapters.ledger.hosts import end_links_within
from backend.adapters.ledger.moving import move_within
from backend.adapters.ledger.payment_tables import TOPUP
from backend.adapters.ledger.posting import PostTransfers
from backend.adapters.ledger.tables import ACCOUNT
from backend.core.closing.closing import Closing, Left, left_over
from backend.core.errors import Refused
from backend.core.ledger import closed_account, debt_account, rider_account
from backend.core.moving import Former
from backend.core.payments.topup import State
from backend.core.ports import Rider

_UNKNOWN = (State.ASKED.value, State.PENDING.value, State.REVERSING.value)
_FREE = ACCOUNT.c.credits - ACCOUNT.c.debits - ACCOUNT.c.debits_pending


class ClosingTables:
    """Implements `ClosingStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded
    _post: PostTransfers

    def close_account(self, rider: Rider, former: Former, closing: Closing) -> None:
        """Close it, with its credential's last version ended and the next one nobody's. Raises Refused, with why."""
        with self._writer.transaction() as core:
            self._post(core, [], closing.closed_ms)  # whoever else posts waits, so what is read stands
            _require_settled(core, closing.credential_id)
            move_within(core, rider, former, None)
            withdraw_within(core, closing.credential_id, closing.closed_ms)
            end_within(core, closing.credential_id)
            end_links_within(core, closing.credential_id, closing.closed_ms)
            take_all_away(core, closing.credential_id, closing.closed_ms)
            core.execute(CLOSING.insert(), {
                "credential_id": closing.credential_id, "closed_ms": closing.closed_ms, "due_ms": closing.due_ms,
                "parts": closing.parts, "wallet": rider_account(closing.credential_id),
            })  # fmt: skip

    def closed(self, credential_id: bytes) -> Left | None:
        """How one stands; None where it is open."""
        with self._reader.reading() as core:
            row = core.execute(sa.select(CLOSING).where(CLOSING.c.credential_id == credential_id)).first()
            return None if row is None else _left(core, _closing(row))

    def closed_ones(self, after: bytes, limit: int) -> Sequence[Left]:
        """By credential, those behind `after`."""
        asked = sa.select(CLOSING).where(CLOSING.c.credential_id > after).order_by(CLOSING.c.credential_id)
        with self._reader.reading() as core:
            return [_left(core, _closing(row)) for row in core.execute(asked.limit(limit)).all()]

    def leave_over(self, now_ms: int, limit: int) -> int:
        """Of up to so many whose time is over, what the wallet holds becomes what is owed → of how many it did."""
        due = (
            sa.select(CLOSING, _FREE.label("free"))
            .join_from(CLOSING, ACCOUNT, ACCOUNT.c.id == CLOSING.c.wallet)
            .where(CLOSING.c.due_ms <= now_ms, _FREE > 0)
            .limit(limit)
        )
        with self._writer.transaction() as core:
            self._post(core, [], now_ms)
            rows = core.execute(due).all()
            for row in rows:
                it = _closing(row)
                self._post(core, [left_over(it, row.free)], now_ms)
                same = CLOSING.update().where(CLOSING.c.credential_id == it.credential_id)
                core.execute(same.values(parts=it.parts + 1))
        return len(rows)


def _closing(row: Any) -> Closing:
    return Closing(bytes(row.credential_id), row.closed_ms, row.due_ms, row.parts)


def _left(core: sa.Connection, it: Closing) -> Left:
    wallet, owed = (balance(core, of(it.credential_id)) for of in (rider_account, closed_account))
    return Left(it, wallet, owed)


def _require_settled(core: sa.Connection, credential_id: bytes) -> None:
    """That nothing of an account is open. Raises Refused."""
    wallet = balance(core, rider_account(credential_id))
    topups = sa.select(sa.func.count()).where(TOPUP.c.credential == credential_id, TOPUP.c.status.in_(_UNKNOWN))
    disputes = sa.select(sa.func.count()).where(DISPUTE.c.credential == credential_id, DISPUTE.c.state == "open")
    for open_, what, fix, fa, en in (
        (wallet < 0 or balance(core, debt_account(credential_id)) < 0, "something is owed", "pay it by a top-up first",
         "نخست بدهی را بپردازید", "Pay what is owed first"),
        (available(core, rider_account(credential_id)) != wallet, "something is pending on the wallet",
         "wait until it is settled", "پرداختی در راه است؛ بعداً دوباره بخواهید",
         "A payment is under way; ask again later"),
        (core.execute(topups).scalar_one() > 0, "of a top-up nobody knows yet whether it is paid",
         "wait until it is paid, or given up after half an hour", "شارژی در راه است؛ بعداً دوباره بخواهید",
         "A top-up is under way; ask again later"),
        (core.execute(disputes).scalar_one() > 0, "a dispute waits for its answer", "wait for it",
         "اعتراضی در دست بررسی است", "A dispute is being looked at"),
    ):  # fmt: skip
        if open_:
            raise Refused(f"this account cannot be closed: {what}", fix=fix, rider_fa=fa, rider_en=en)
