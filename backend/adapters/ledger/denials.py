"""Who is denied for debt, as the transaction that posts leaves it; the caller holds that transaction."""

from collections.abc import Iterable

import sqlalchemy as sa

from backend.adapters.ledger.payment_tables import DENIAL
from backend.adapters.ledger.tables import ACCOUNT
from backend.core.ledger import debt_account
from backend.core.payments import postings

_DEBT = debt_account(b"")  # every debt's account begins so


def balance(core: sa.Connection, account: str) -> int:
    """Credits less debits, behind all that was posted so far."""
    found = core.execute(sa.select(ACCOUNT.c.credits - ACCOUNT.c.debits).where(ACCOUNT.c.id == account)).scalar()
    return 0 if found is None else int(found)


def available(core: sa.Connection, account: str) -> int:
    """The same, less what is pending against it (H4 of `two_phase`)."""
    asked = sa.select(ACCOUNT.c.credits - ACCOUNT.c.debits - ACCOUNT.c.debits_pending).where(ACCOUNT.c.id == account)
    found = core.execute(asked).scalar()
    return 0 if found is None else int(found)


def deny_too_much(core: sa.Connection, credential_id: bytes, at_ms: int) -> None:
    """Who owes too much is denied from now on, if he is not so already.

    A row of its own each time, also within one millisecond.
    """
    if not postings.is_too_much(-balance(core, debt_account(credential_id))):
        return
    if core.execute(sa.select(DENIAL.c.since_ms).where(*is_open(credential_id))).first() is None:
        newest = sa.select(sa.func.max(DENIAL.c.since_ms)).where(DENIAL.c.credential == credential_id)
        since_ms = max(at_ms, (core.execute(newest).scalar() or 0) + 1)
        core.execute(
            DENIAL.insert(), {"credential": credential_id, "since_ms": since_ms, "reason": postings.DEBT}
        )  # fmt: skip


def end_paid(core: sa.Connection, accounts: Iterable[str], at_ms: int) -> None:
    """Of these accounts, where a debt's holds nothing any more, paid or forgiven, its rider's denial ends."""
    for account in accounts:
        if account.startswith(_DEBT) and balance(core, account) >= 0:
            credential_id = bytes.fromhex(account.removeprefix(_DEBT))
            core.execute(DENIAL.update().where(*is_open(credential_id)).values(ended_ms=at_ms))


def is_open(credential_id: bytes) -> list[sa.ColumnElement[bool]]:
    """The one denial for debt that holds, if there is one."""
    return [DENIAL.c.credential == credential_id, DENIAL.c.reason == postings.DEBT, DENIAL.c.ended_ms.is_(None)]
