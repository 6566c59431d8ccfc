"""The table of former versions of credentials (`backend.core.moving`). It says of nobody where he rode."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA

FORMER = sa.Table(
    "former",
    METADATA,
    sa.Column("credential_id", BYTES, primary_key=True),
    sa.Column("version", INT, primary_key=True, autoincrement=False),
    sa.Column("credential", BYTES, nullable=False),
    sa.Column("public_key", BYTES, nullable=False),
    sa.Column("ended_ms", INT, nullable=True),
    sa.Index("former_key", "public_key"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
