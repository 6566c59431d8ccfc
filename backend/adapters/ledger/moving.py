"""Credentials that move to another phone: the new version, the ended ones beside it."""

from collections.abc import Mapping

import sqlalchemy as sa

from backend.adapters.ledger.closing_tables import CLOSING
from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.former_tables import FORMER
from backend.adapters.ledger.riders import HOLDER
from backend.adapters.ledger.staff_tables import PROPOSAL
from backend.adapters.ledger.tables import RIDER
from backend.core.errors import Refused
from backend.core.moving import Former
from backend.core.ports import Rider


class MovingTables:
    """Implements `MovingStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    def move_rider(self, rider: Rider, former: Former, proposal_id: str | None) -> None:
        """The rider's new credential and token in place of `former`, which is kept; what allowed it is used up."""
        closed = sa.select(CLOSING.c.closed_ms).where(CLOSING.c.credential_id == former.credential_id)
        with self._writer.transaction() as core:
            if core.execute(closed).first() is not None:
                raise Refused(
                    "this account is closed", fix="register a new key", rider_fa="این حساب بسته شده است",
                    rider_en="This account is closed",
                )  # fmt: skip
            move_within(core, rider, former, proposal_id)

    def was_moved(self, public_key: bytes) -> bool:
        """Whether a credential was moved away from this key."""
        with self._reader.reading() as core:
            return (
                core.execute(sa.select(FORMER.c.version).where(FORMER.c.public_key == public_key)).first() is not None
            )

    def ended_versions(self) -> Mapping[bytes, int]:
        """Of each credential that was ever moved, its newest ended version."""
        newest = sa.select(FORMER.c.credential_id, sa.func.max(FORMER.c.version)).group_by(FORMER.c.credential_id)
        with self._reader.reading() as core:
            return {bytes(credential_id): int(version) for credential_id, version in core.execute(newest)}


def move_within(core: sa.Connection, rider: Rider, former: Former, proposal_id: str | None) -> None:
    """The same within a transaction of the caller's. Raises Refused where another move came first."""
    live = RIDER.update().where(RIDER.c.credential_id == former.credential_id, RIDER.c.credential == former.credential)
    moved = core.execute(live.values(
        credential=rider.credential, public_key=rider.credential[HOLDER], token_hash=rider.token_hash
    )).rowcount  # fmt: skip
    if proposal_id is not None:
        allowed = PROPOSAL.update().where(PROPOSAL.c.name == proposal_id, PROPOSAL.c.used_ms.is_(None))
        moved = min(moved, core.execute(allowed.values(used_ms=former.ended_ms)).rowcount)
    if not moved:
        raise Refused("the credential moved meanwhile", fix="register with the key that it moved to")
    core.execute(FORMER.insert(), {
        "credential_id": former.credential_id, "version": former.version, "credential": former.credential,
        "public_key": former.public_key, "ended_ms": former.ended_ms,
    })  # fmt: skip
