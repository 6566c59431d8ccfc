"""Top-ups of wards from their guardians' wallets, posted where they are noted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.denials import available, balance, end_paid
from backend.adapters.ledger.guardian_tables import GUARDIAN, WARD_TOPUP
from backend.adapters.ledger.posting import PostTransfers
from backend.core.guardians.giving import Given, Wallets, debt_part
from backend.core.guardians.guardianship import none
from backend.core.ledger import debt_account, rider_account

_NAMES = ("name", "guardian", "ward", "rials", "at_ms", "debt_rials")
GIVEN = sa.select(*(WARD_TOPUP.c[name] for name in (*_NAMES, "id")))


class GivingTables:
    """Implements `GivingStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded
    _post: PostTransfers

    def give(self, it: Given) -> Given:
        """Note and post it; one that has its id is given back, and nothing is posted. Raises NotFound, Refused."""
        ward = GUARDIAN.c.ward == it.ward
        with self._writer.transaction() as core:
            self._post(core, [], it.at_ms)  # whoever else posts waits, so what is read stands
            known = core.execute(GIVEN.where(WARD_TOPUP.c.name == it.id)).first()
            if known is not None:
                return given(known)
            held = sa.select(GUARDIAN.c.since_ms).where(ward, GUARDIAN.c.guardian == it.guardian)
            if core.execute(held).first() is None:
                raise none()
            stands = Wallets(
                available(core, rider_account(it.guardian)), -balance(core, debt_account(it.guardian)),
                balance(core, rider_account(it.ward)), -balance(core, debt_account(it.ward)),
            )  # fmt: skip
            made = replace(it, debt_rials=debt_part(it.rials, stands))
            core.execute(WARD_TOPUP.insert(), {
                "name": made.id, "guardian": made.guardian, "ward": made.ward, "rials": made.rials,
                "debt_rials": made.debt_rials, "at_ms": made.at_ms,
            })  # fmt: skip
            self._post(core, made.transfers(), made.at_ms)
            end_paid(core, [debt_account(made.ward)], made.at_ms)
        return made

    def given_or_got(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Given]]:
        """What a rider gave his wards, and was given, newest first, with a cursor each."""
        which = sa.or_(WARD_TOPUP.c.guardian == credential_id, WARD_TOPUP.c.ward == credential_id)
        asked = GIVEN.where(which).order_by(WARD_TOPUP.c.id.desc()).limit(limit)
        if before is not None:
            asked = asked.where(WARD_TOPUP.c.id < before)
        with self._reader.reading() as core:
            return [(row.id, given(row)) for row in core.execute(asked)]


def given(row: Any) -> Given:
    """One, as it lies there."""
    return Given(row.name, bytes(row.guardian), bytes(row.ward), row.rials, row.at_ms, row.debt_rials)
