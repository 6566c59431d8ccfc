"""Credentials that move to another phone, or are renewed on theirs: the live version, the former ones beside it."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.announced_tables import DENIED
from backend.adapters.ledger.closing_tables import CLOSING
from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.denials import is_open
from backend.adapters.ledger.former_tables import FORMER
from backend.adapters.ledger.held_numbers import end_recovery, take_all_away
from backend.adapters.ledger.payment_tables import DENIAL
from backend.adapters.ledger.riders import HOLDER
from backend.adapters.ledger.staff_tables import PROPOSAL
from backend.adapters.ledger.tables import RIDER
from backend.core.concessions.grant import Grant
from backend.core.errors import Refused
from backend.core.moving import Former, denied, listed, meanwhile, regranted
from backend.core.ports import Rider

_ENDED = FORMER.c.ended_ms.is_not(None)


class MovingTables:
    """Implements `MovingStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    def move_rider(self, rider: Rider, former: Former, proposal_id: str | None) -> None:
        """The rider's new credential and token in place of `former`, which is kept; what allowed it is used up."""
        with self._writer.transaction() as core:
            if proposal_id is None:
                require_may_move(core, former.credential_id)
            else:
                require_open(core, former.credential_id)
            move_within(core, rider, former, proposal_id)

    def may_renew(self, credential_id: bytes, version: int) -> bool:
        """Whether it is denied neither by the announced list nor, for debt, by the next one."""
        with self._reader.reading() as core:
            return not _owes(core, credential_id) and not _is_listed(core, credential_id, version)

    def owes(self, credential_id: bytes) -> bool:
        """Whether it is denied for debt."""
        with self._reader.reading() as core:
            return _owes(core, credential_id)

    def renew_rider(self, rider: Rider, former: Former, read: Grant) -> None:
        """The rider's next version and class in place of `former` and `read`. Raises Refused, Regranted."""
        with self._writer.transaction() as core:
            require_open(core, former.credential_id)
            if _owes(core, former.credential_id):
                raise denied()
            if _is_listed(core, former.credential_id, former.version):
                raise listed()
            same = RIDER.c.rider_class == read.rider_class, RIDER.c.class_until.is_not_distinct_from(read.until_day)
            renewed = RIDER.update().where(*_live(former), *same).values(
                credential=rider.credential, rider_class=rider.rider_class, class_until=rider.class_until
            )  # fmt: skip
            if not core.execute(renewed).rowcount:
                live = core.execute(sa.select(RIDER.c.credential_id).where(*_live(former)))
                raise meanwhile() if live.first() is None else regranted()
            core.execute(FORMER.insert(), _values(former))

    def was_moved(self, public_key: bytes) -> bool:
        """Whether a credential was moved away from this key."""
        asked = sa.select(FORMER.c.version).where(FORMER.c.public_key == public_key, _ENDED)
        with self._reader.reading() as core:
            return core.execute(asked.limit(1)).first() is not None

    def ended_versions(self) -> Mapping[bytes, int]:
        """Of each credential that was ever moved, its newest ended version; one that was renewed has not ended."""
        newest = sa.select(FORMER.c.credential_id, sa.func.max(FORMER.c.version)).where(_ENDED)
        with self._reader.reading() as core:
            found = core.execute(newest.group_by(FORMER.c.credential_id))
            return {bytes(credential_id): int(version) for credential_id, version in found}


def move_within(core: sa.Connection, rider: Rider, former: Former, proposal_id: str | None) -> None:
    """The same within a transaction of the caller's. Raises Refused where another move came first."""
    moved = core.execute(RIDER.update().where(*_live(former)).values(
        credential=rider.credential, public_key=rider.credential[HOLDER], token_hash=rider.token_hash
    )).rowcount  # fmt: skip
    if proposal_id is not None:
        allowed = PROPOSAL.update().where(PROPOSAL.c.name == proposal_id, PROPOSAL.c.used_ms.is_(None))
        moved = min(moved, core.execute(allowed.values(used_ms=former.ended_ms)).rowcount)
    if not moved:
        raise meanwhile()
    renewed = FORMER.update().where(FORMER.c.credential_id == former.credential_id, FORMER.c.ended_ms.is_(None))
    core.execute(renewed.values(ended_ms=former.ended_ms))  # older versions over the key that ends
    core.execute(FORMER.insert(), _values(former))
    # Who waits for it by a telephone number wanted it away from a phone that has it no more.
    end_recovery(core, former.credential_id)
    if proposal_id is not None and former.ended_ms is not None:
        # Who had the phone meanwhile may have bound a number of his own, and would come back by it.
        take_all_away(core, former.credential_id, former.ended_ms)


def require_may_move(core: sa.Connection, credential_id: bytes) -> None:
    """Return where its rider moves it by his own word. Raises Refused where the account is closed, or he owes."""
    require_open(core, credential_id)
    if _owes(core, credential_id):
        raise denied()


def require_open(core: sa.Connection, credential_id: bytes) -> None:
    """Return where the account is. Raises Refused."""
    if core.execute(sa.select(CLOSING.c.closed_ms).where(CLOSING.c.credential_id == credential_id)).first() is not None:
        raise Refused(
            "this account is closed", fix="register a new key", rider_fa="این حساب بسته شده است",
            rider_en="This account is closed",
        )  # fmt: skip


def _is_listed(core: sa.Connection, credential_id: bytes, version: int) -> bool:
    """Whether the announced list denies it in this version."""
    asked = sa.select(DENIED.c.version).where(DENIED.c.credential == credential_id, DENIED.c.version >= version)
    return core.execute(asked).first() is not None


def _owes(core: sa.Connection, credential_id: bytes) -> bool:
    """Whether it is denied for debt, be it by the next list."""
    return core.execute(sa.select(DENIAL.c.since_ms).where(*is_open(credential_id))).first() is not None


def _live(former: Former) -> tuple[sa.ColumnElement[bool], ...]:
    return RIDER.c.credential_id == former.credential_id, RIDER.c.credential == former.credential


def _values(it: Former) -> dict[str, Any]:
    return {
        "credential_id": it.credential_id, "version": it.version, "credential": it.credential,
        "public_key": it.public_key, "ended_ms": it.ended_ms,
    }  # fmt: skip
