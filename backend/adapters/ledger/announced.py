"""The newest manifest that was announced, behind which no folder goes back, and its deny list.

The list is kept because chunks may be gone from the folder, and because a bundle does not say why it denies.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.announced_tables import DENIED, DENY_LIST
from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.former_tables import FORMER
from backend.adapters.ledger.payment_tables import DENIAL
from backend.adapters.ledger.tables import ANNOUNCED
from backend.adapters.ledger.upsert import upsert
from backend.core.payments.postings import DEBT

_LISTED = sa.select(DENIED.c.credential, DENIED.c.version)
_OF = sa.select(DENY_LIST.c.manifest)
_OPEN = sa.select(DENIAL.c.credential, DENIAL.c.since_ms).where(DENIAL.c.reason == DEBT, DENIAL.c.ended_ms.is_(None))


class AnnouncedTables:
    """Implements `AnnouncedStore`."""

    def __init__(self, writer: Guarded) -> None:
        self._writer = writer

    def keep_announced(self, manifest: bytes, deny: Mapping[bytes, int]) -> None:
        """Keep both in place of those before, in one transaction."""
        with self._writer.transaction() as core:
            known = _is_kept(core) or _announced(core) is None
            core.execute(
                upsert(core.dialect.name, ANNOUNCED, keys=["one"], anew=["manifest"]), {"one": 1, "manifest": manifest}
            )
            core.execute(
                upsert(core.dialect.name, DENY_LIST, keys=["one"], anew=["manifest"]),
                {"one": 1, "manifest": sha256(manifest).digest()},
            )
            _keep_list(core, deny, reasons_known=known)

    def announced(self) -> bytes | None:
        """The newest manifest that was announced, as it was signed; None before the first."""
        with self._writer.reading() as core:
            return _announced(core)

    def announced_denials(self) -> Mapping[bytes, int] | None:
        """Its deny list; None where that was not kept: an older software announced it."""
        with self._writer.reading() as core:
            if not _is_kept(core):
                return None
            return _pairs(core, _LISTED)

    def has_paid(self, credential_id: bytes, version: int) -> bool:
        """Whether the announced list denies this rider, up to this version, for a debt alone that holds no more.

        Never a version that has ended: its phone is lost, whatever was paid.
        """
        listed = sa.select(DENIED.c.credential).where(
            DENIED.c.credential == credential_id, DENIED.c.version == version, DENIED.c.debt_ms.is_not(None)
        )
        with self._writer.reading() as core:
            owing = core.execute(_OPEN.where(DENIAL.c.credential == credential_id)).first()
            lost = core.execute(sa.select(FORMER.c.version).where(
                FORMER.c.credential_id == credential_id, FORMER.c.version >= version, FORMER.c.ended_ms.is_not(None)
            )).first()  # fmt: skip
            return owing is None and lost is None and core.execute(listed).first() is not None


def _announced(core: sa.Connection) -> bytes | None:
    found: bytes | None = core.execute(sa.select(ANNOUNCED.c.manifest)).scalar()
    return found


def _is_kept(core: sa.Connection) -> bool:
    """Whether the list is that of the newest manifest: an older software, gone back to, keeps a manifest alone."""
    manifest = _announced(core)
    return manifest is not None and core.execute(_OF).scalar() == sha256(manifest).digest()


def _keep_list(core: sa.Connection, deny: Mapping[bytes, int], *, reasons_known: bool) -> None:
    """Write what differs.

    Who comes onto the list owing is on it for that, up to that version; who was on it already is for something else.
    """
    if not reasons_known:
        core.execute(DENIED.delete())
    before = _pairs(core, _LISTED)
    owing = _pairs(core, _OPEN) if reasons_known else {}
    gone = [it for it, version in before.items() if deny.get(it) != version]
    come = {it: version for it, version in deny.items() if before.get(it) != version}
    if gone:
        which = DENIED.c.credential == sa.bindparam("which")
        core.execute(DENIED.delete().where(which), [{"which": it} for it in gone])
    if come:
        core.execute(DENIED.insert(), [
            {"credential": it, "version": version, "debt_ms": None if it in before else owing.get(it)}
            for it, version in come.items()
        ])  # fmt: skip


def _pairs(core: sa.Connection, asked: sa.Select[Any]) -> dict[bytes, int]:
    """A number of each credential."""
    return {bytes(credential): number for credential, number in core.execute(asked)}
