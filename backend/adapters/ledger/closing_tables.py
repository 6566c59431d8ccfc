"""The table of closed accounts (`backend.core.closing`)."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA, TEXT

CLOSING = sa.Table(
    "closing",
    METADATA,
    sa.Column("credential_id", BYTES, primary_key=True),
    sa.Column("closed_ms", INT, nullable=False),
    sa.Column("due_ms", INT, nullable=False),
    sa.Column("parts", INT, nullable=False),
    sa.Column("wallet", TEXT, nullable=False),  # the account's name, by which it is found
    sa.Index("closing_due", "due_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
