"""The table of guardians (`backend.core.guardians`): who holds whose account now. What has ended is gone."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA

GUARDIAN = sa.Table(
    "guardian",
    METADATA,
    sa.Column("ward", BYTES, primary_key=True),
    sa.Column("guardian", BYTES, primary_key=True),
    sa.Column("since_ms", INT, nullable=False),
    sa.Column("of_age_day", INT, nullable=False),
    sa.Index("guardian_wards", "guardian", "ward"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
