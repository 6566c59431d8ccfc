"""Payouts: proposals that were approved, with what became of the money that each holds."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.paying_tables import PAYOUT_SENT
from backend.adapters.ledger.pendings import resolve_within
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.staff_tables import PROPOSAL
from backend.adapters.ledger.tables import ACCOUNT, TRANSFER
from backend.core.ledger import OPERATOR_PAYABLE, OWNER, parse_account
from backend.core.ledger.two_phase import Phase
from backend.core.paying.payout import STATES, Payable, Payout, State, payout_key
from backend.core.settlement.parties import Party, Role
from backend.core.staff.log import Entry
from backend.core.staff.subjects import PayOut, read
from backend.core.staff.two_people import Kind
from backend.core.staff.two_people import State as Proposed

_ROLES = {OPERATOR_PAYABLE: Role.OPERATOR, OWNER: Role.OWNER}
_COLUMNS = ("id", "name", "content", "proposer", "decided_by", "decided_ms")
_APPROVED = sa.select(*(PROPOSAL.c[name] for name in _COLUMNS)).where(
    PROPOSAL.c.kind == Kind.PAYOUT.value, PROPOSAL.c.state == Proposed.APPROVED.value
)


class PayoutTables:
    """Implements `backend.core.paying.ports.PayoutStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    def payables(self) -> Sequence[Payable]:
        """Whoever was ever owed something, by account."""
        named = sa.or_(  # what begins with a line's name and `:`; `;` is the next letter
            *((ACCOUNT.c.id >= f"{line.name}:") & (ACCOUNT.c.id < f"{line.name};") for line in _ROLES)
        )
        with self._reader.reading() as core:
            rows = core.execute(sa.select(ACCOUNT).where(named).order_by(ACCOUNT.c.id)).all()
        found = [(parse_account(row.id), row) for row in rows]
        return [
            Payable(Party(_ROLES[it.line], it.whose), row.credits - row.debits, row.debits_pending)
            for it, row in found if it.line in _ROLES
        ]  # fmt: skip

    def sent_payouts(self, before: int | None, limit: int, party: Party | None = None) -> Sequence[tuple[int, Payout]]:
        """Newest first, with a cursor each; all, or one party's."""
        asked = _APPROVED if before is None else _APPROVED.where(PROPOSAL.c.id < before)
        if party is not None:
            asked = asked.where(PROPOSAL.c.subject == str(party))
        return self._found(asked.order_by(PROPOSAL.c.id.desc()).limit(limit))

    def payout(self, payout_id: str) -> Payout | None:
        """One payout."""
        found = self._found(_APPROVED.where(PROPOSAL.c.name == payout_id))
        return found[0][1] if found else None

    def _found(self, asked: sa.Select[Any]) -> list[tuple[int, Payout]]:
        with self._reader.snapshot() as core:
            rows = core.execute(asked).all()
            keys = {payout_key(row.name): row.name for row in rows}
            ended = sa.select(TRANSFER.c.resolves, TRANSFER.c.phase, TRANSFER.c.at_ms)
            ends = {
                keys[bytes(key)]: (STATES[Phase(phase)], at_ms)
                for key, phase, at_ms in core.execute(ended.where(TRANSFER.c.resolves.in_(keys)))
            }
        return [(row.id, _payout(row, *ends.get(row.name, (State.ON_ITS_WAY, None)))) for row in rows]

    def end_payout(self, payout_id: str, phase: Phase, entry: Entry, reference: str) -> bool:
        """The bank's word about one that is on its way, and its entry in the log; False if it was told before."""
        with self._writer.transaction() as core:
            ended = resolve_within(core, payout_key(payout_id), phase, entry.at_ms)
            if ended:
                tell(core, entry)
            if ended and phase is Phase.POSTED:
                core.execute(
                    PAYOUT_SENT.insert(), {"name": payout_id, "reference": reference, "told_ms": entry.at_ms}
                )  # fmt: skip
        return ended


def _payout(row: Any, state: State, ended_ms: int | None) -> Payout:
    it = read(Kind.PAYOUT, row.content)
    assert isinstance(it, PayOut), "the kind says what the content is"
    return Payout(
        row.name, it.party, it.rials, it.iban, row.proposer, row.decided_by, row.decided_ms, state, ended_ms
    )  # fmt: skip
