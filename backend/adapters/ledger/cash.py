"""Top-ups for cash, posted where they are noted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.agent_tables import CASH_TOPUP
from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.denials import balance, end_paid
from backend.adapters.ledger.moving import require_open
from backend.adapters.ledger.posting import PostTransfers
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.tables import RIDER
from backend.core.agents.cash import CashTopUp, debt_part
from backend.core.errors import NotFound
from backend.core.ledger import agent_account, debt_account
from backend.core.staff.log import Entry

_NAMES = ("name", "agent", "credential", "rials", "at_ms", "debt_rials")
TAKEN = sa.select(*(CASH_TOPUP.c[name] for name in (*_NAMES, "id")))


class CashTables:
    """Implements `CashStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded
    _post: PostTransfers

    def take_cash(self, it: CashTopUp, entry: Entry) -> CashTopUp:
        """Note and post it; one that has its id is given back, and nothing is posted.

        Raises NotFound, Refused, Unfit.
        """
        with self._writer.transaction() as core:
            self._post(core, [], it.at_ms)  # whoever else posts waits, so what is read stands
            known = core.execute(TAKEN.where(CASH_TOPUP.c.name == it.id)).first()
            if known is not None:
                return taken(known)
            rider = sa.select(RIDER.c.created_ms).where(RIDER.c.credential_id == it.credential_id)
            if core.execute(rider).first() is None:
                raise NotFound("there is no such rider", fix="ask for his registration, 16 hexadecimal digits")
            require_open(core, it.credential_id)
            debt = debt_account(it.credential_id)
            made = replace(it, debt_rials=debt_part(
                it.rials, agent_owes=-balance(core, agent_account(it.agent)), rider_owes=-balance(core, debt)
            ))  # fmt: skip
            core.execute(CASH_TOPUP.insert(), {
                "name": made.id, "agent": made.agent, "credential": made.credential_id, "rials": made.rials,
                "debt_rials": made.debt_rials, "at_ms": made.at_ms,
            })  # fmt: skip
            self._post(core, made.transfers(), made.at_ms)
            end_paid(core, [debt], made.at_ms)
            tell(core, entry)
        return made

    def cash_taken(self, agent: str, before: int | None, limit: int) -> Sequence[tuple[int, CashTopUp]]:
        """An agent's, newest first, with a cursor each."""
        asked = TAKEN.where(CASH_TOPUP.c.agent == agent).order_by(CASH_TOPUP.c.id.desc()).limit(limit)
        if before is not None:
            asked = asked.where(CASH_TOPUP.c.id < before)
        with self._reader.reading() as core:
            return [(row.id, taken(row)) for row in core.execute(asked)]

    def agent_owes(self, agent: str) -> int:
        """What an agent owes the house, in rials."""
        with self._reader.reading() as core:
            return -balance(core, agent_account(agent))


def taken(row: Any) -> CashTopUp:
    """One, as it lies there."""
    return CashTopUp(row.name, row.agent, bytes(row.credential), row.rials, row.at_ms, row.debt_rials)
