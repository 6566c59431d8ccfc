"""Guardians of accounts: established where two people decide it, and ended."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.guardian_tables import GUARDIAN
from backend.adapters.ledger.moving import require_open
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.tables import RIDER
from backend.core.errors import Refused
from backend.core.guardians.guardianship import Guardianship, Held
from backend.core.limits import GUARDIANS_MAX, WARDS_MAX
from backend.core.staff.log import Entry
from protocol.localtime import service_day

_HELD = sa.select(GUARDIAN.c.guardian, GUARDIAN.c.ward, GUARDIAN.c.since_ms, GUARDIAN.c.of_age_day)


class GuardianTables:
    """Implements `GuardianStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    def guardians_of(self, ward: bytes) -> Sequence[Held]:
        """Who holds this account, by credential."""
        with self._reader.reading() as core:
            return _held(core, GUARDIAN.c.ward == ward)

    def wards_of(self, guardian: bytes) -> Sequence[Held]:
        """Whose accounts this rider holds, by credential."""
        with self._reader.reading() as core:
            return _held(core, GUARDIAN.c.guardian == guardian)

    def end_guardianship(self, guardian: bytes, ward: bytes, entry: Entry | None) -> bool:
        """It is over, with the entry in the log where the office ends it; False if there is none."""
        over = GUARDIAN.delete().where(GUARDIAN.c.guardian == guardian, GUARDIAN.c.ward == ward)
        with self._writer.transaction() as core:
            if not core.execute(over).rowcount:
                return False
            if entry is not None:
                tell(core, entry)
        return True

    def establish_within(self, core: sa.Connection, it: Guardianship, at_ms: int) -> None:
        """What two people approved, within their transaction. Raises Refused where it cannot be any more."""
        for who in (it.guardian, it.ward):
            require_open(core, who)
            if core.execute(sa.select(RIDER.c.created_ms).where(RIDER.c.credential_id == who)).first() is None:
                raise Refused("there is no such credential", fix="refuse this proposal; ask both for theirs")
        of_ward, of_guardian = GUARDIAN.c.ward == it.ward, GUARDIAN.c.guardian == it.guardian
        holders, wards = _held(core, of_ward), _held(core, of_guardian)
        above, below = _held(core, GUARDIAN.c.ward == it.guardian), _held(core, GUARDIAN.c.guardian == it.ward)
        today = service_day(at_ms)
        for wrong, what in (
            (any(one.guardian == it.guardian for one in holders), "this guardianship is established already"),
            (len(holders) >= GUARDIANS_MAX, f"a ward has {GUARDIANS_MAX} guardians at most"),
            (len(wards) >= WARDS_MAX, f"a guardian has {WARDS_MAX} wards at most"),
            (any(one.guardian == it.ward for one in above), "the guardian is a ward of the ward's"),
            (any(not one.of_age(today) for one in above), "the guardian is a ward, and not of age"),
            (bool(below) and today < it.of_age_day, "the ward has wards, and is not of age: end those first"),
        ):
            if wrong:
                raise Refused(what, fix="refuse this proposal")
        core.execute(GUARDIAN.insert(), {
            "ward": it.ward, "guardian": it.guardian, "since_ms": at_ms, "of_age_day": it.of_age_day
        })  # fmt: skip


def end_within(core: sa.Connection, credential_id: bytes) -> None:
    """All that is between an account and others, as it closes."""
    core.execute(
        GUARDIAN.delete().where(sa.or_(GUARDIAN.c.ward == credential_id, GUARDIAN.c.guardian == credential_id))
    )


def _held(core: sa.Connection, which: sa.ColumnElement[bool]) -> list[Held]:
    rows: Sequence[Any] = core.execute(_HELD.where(which).order_by(GUARDIAN.c.ward, GUARDIAN.c.guardian)).all()
    return [Held(bytes(row.guardian), bytes(row.ward), row.since_ms, row.of_age_day) for row in rows]
