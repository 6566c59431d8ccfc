"""What a ledger holds just now, in a few numbers: of one moment, by which a backup is known again."""

import sqlalchemy as sa

from backend.adapters.ledger.phone_tables import PHONE_CODE, PHONE_RECOVERY
from backend.adapters.ledger.schema import VERSION
from backend.adapters.ledger.staff_tables import STAFF_INVITATION, STAFF_SESSION
from backend.adapters.ledger.tables import LEDGER, RECORD, TRANSFER
from backend.core.backups import Contents, new_incarnation


def contents(core: sa.Connection, *, version: str | None = None) -> Contents:
    """The caller holds the snapshot. `version`: of the tables, where the ledger does not say so itself."""
    (row,) = core.execute(sa.select(LEDGER.c.city, LEDGER.c.incarnation, LEDGER.c.head))
    held = version if version is not None else core.execute(sa.select(VERSION.c.version_num)).scalar_one()
    records, transfers = (
        core.execute(sa.select(sa.func.count()).select_from(it)).scalar_one() for it in (RECORD, TRANSFER)
    )
    return Contents(row.city, held, row.incarnation, row.head.hex(), records, transfers)


def renew(core: sa.Connection, *, above: int, at_ms: int) -> int:
    """Another incarnation, higher than the ledger's own and than `above`; the caller holds the transaction.

    Sessions and invitations of the copy are gone, codes to telephone numbers and who waits by one: some were ended, or
    used, since it was made. A copy of before there were any has no tables for them yet.
    """
    for table in (STAFF_SESSION, STAFF_INVITATION, PHONE_CODE, PHONE_RECOVERY):
        if core.dialect.has_table(core, table.name):
            core.execute(table.delete())
    held: int = core.execute(sa.select(LEDGER.c.incarnation)).scalar_one()
    newer = new_incarnation(max(held, above), at_ms)
    core.execute(LEDGER.update().values(incarnation=newer))
    return newer
