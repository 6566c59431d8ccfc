"""The table of accepted boardings without a proof: held for their owners, a case each (`backend.core.holding`)."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import INT, METADATA, TEXT

UNPROVEN = sa.Table(
    "unproven",
    METADATA,
    sa.Column("device", TEXT, primary_key=True),
    sa.Column("epoch", INT, primary_key=True, autoincrement=False),
    sa.Column("sequence", INT, primary_key=True, autoincrement=False),
    sa.Column("vehicle", TEXT, nullable=False),
    sa.Column("wall_ms", INT, nullable=False),
    sa.Column("why", TEXT, nullable=False),  # `backend.core.ledger.Payer`
    sa.Column("rials", INT, nullable=False),
    sa.Column("hold", INT, nullable=False),  # `backend.core.holding.Hold`
    sa.Column("revision", INT, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
