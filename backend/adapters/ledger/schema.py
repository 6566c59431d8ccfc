"""A ledger's tables: made at once where there are none, brought up by migrations where they are older.

A new ledger gets the tables of `tables` and the number of the newest migration; a test holds that all migrations, one
after the other, come to the same.
"""

from functools import cache
from typing import Final

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from backend.adapters.ledger import (  # noqa: F401 - their tables are the ledger's, too
    agent_tables,
    announced_tables,
    application_tables,
    card_tables,
    closing_tables,
    dispute_tables,
    driver_tables,
    forgetting_tables,
    former_tables,
    guardian_tables,
    held_tables,
    host_tables,
    paying_tables,
    payment_tables,
    phone_tables,
    reconciling_tables,
    settlement_tables,
    staff_tables,
)
from backend.adapters.ledger.connection import raw
from backend.adapters.ledger.tables import LEDGER, METADATA
from backend.core.ledger import LEDGER_GENESIS

NEWEST: Final = "0036"  # of `migrations/versions`
VERSION_TABLE = (  # as Alembic makes it
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
    " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
VERSION = sa.table("alembic_version", sa.column("version_num"))


def begin_ledger(core: sa.Connection, city: str) -> None:
    """All tables, and the ledger's one row; the caller holds the transaction."""
    to = raw(core)
    for statement in _statements(core.dialect):
        to.execute(statement)
    core.execute(VERSION.insert().values(version_num=NEWEST))
    core.execute(LEDGER.insert().values(one=1, city=city, incarnation=1, head=LEDGER_GENESIS))


@cache
def _statements(dialect: sa.Dialect) -> list[str]:
    """What makes them, in words of this database; put together once a process, for simulated cities begin many."""
    made: list[str] = [VERSION_TABLE]
    for table in METADATA.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)))
        if table.dialect_options["postgresql"]["partition_by"] and dialect.name == "postgresql":
            made.append(f"CREATE TABLE {table.name}_default PARTITION OF {table.name} DEFAULT")
        there = [it for it in table.indexes if it.info.get("only", "") in ("", dialect.name)]
        indexes = sorted(there, key=lambda it: str(it.name))
        made += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    return made


def bring_up(core: sa.Connection) -> None:
    """The tables as this software needs them; the caller holds the transaction. Raises StoreForeign for a newer one."""
    if is_newest(core):
        return
    from backend.adapters.ledger.migrating import migrate  # noqa: PLC0415 - Alembic is for ledgers that are older

    migrate(core)


def is_newest(core: sa.Connection) -> bool:
    """Whether nothing has to be brought up."""
    return _version(core) == NEWEST


def _version(core: sa.Connection) -> str | None:
    """None: of the time before there were migrations."""
    if not core.dialect.has_table(core, "alembic_version"):
        return None
    found: str | None = core.execute(sa.select(VERSION.c.version_num)).scalar()
    return found
