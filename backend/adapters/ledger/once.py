"""Requests under idempotency keys, with their answers: bounded in number and time."""

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.staff_tables import ONCE
from backend.adapters.ledger.upsert import insert
from backend.core.limits import IDEMPOTENCY_KEPT_MS, IDEMPOTENCY_KEYS_MAX, IDEMPOTENCY_UNDER_WAY_MS
from backend.core.staff.ports import Remembered


class OnceTables:
    """Implements `OnceStore`."""

    _writer: Guarded

    def begin_once(self, caller: str, key: str, digest: bytes, at_ms: int) -> Remembered | None:
        """Take the key for this request → None; what is remembered under it if it was taken.

        One that is under way for so long that its process must have died is taken over by the same request.
        """
        it = sa.and_(ONCE.c.caller == caller, ONCE.c.request_key == key)
        row = {"caller": caller, "request_key": key, "digest": digest, "answer": None, "at_ms": at_ms}
        with self._writer.transaction() as core:
            core.execute(ONCE.delete().where(ONCE.c.at_ms < at_ms - IDEMPOTENCY_KEPT_MS))
            core.execute(ONCE.delete().where(
                it, ONCE.c.answer.is_(None), ONCE.c.digest == digest, ONCE.c.at_ms < at_ms - IDEMPOTENCY_UNDER_WAY_MS,
            ))  # fmt: skip
            taken = insert(core.dialect.name, ONCE).on_conflict_do_nothing().returning(ONCE.c.caller)
            if core.execute(taken, row).first() is None:
                return Remembered(*core.execute(sa.select(ONCE.c.digest, ONCE.c.answer, ONCE.c.at_ms).where(it)).one())
            oldest = (
                sa.select(ONCE.c.request_key).where(ONCE.c.caller == caller)
                .order_by(ONCE.c.at_ms.desc(), ONCE.c.request_key).offset(IDEMPOTENCY_KEYS_MAX)
                .limit(IDEMPOTENCY_KEYS_MAX)
            )  # fmt: skip
            gone = core.execute(oldest).scalars().all()
            if gone:
                core.execute(ONCE.delete().where(ONCE.c.caller == caller, ONCE.c.request_key.in_(gone)))
        return None

    def end_once(self, caller: str, key: str, answer: str | None) -> None:
        """Keep the answer; None: the request failed, and the key is free again."""
        it = sa.and_(ONCE.c.caller == caller, ONCE.c.request_key == key)
        with self._writer.transaction() as core:
            core.execute(ONCE.delete().where(it) if answer is None else ONCE.update().where(it).values(answer=answer))
