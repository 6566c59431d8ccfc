"""Tables of guardians (`backend.core.guardians`): who holds whose account now, and what wards were given.

A guardianship that has ended is gone; what was given is money, and stays.
"""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA, TEXT

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
WARD_TOPUP = sa.Table(
    "ward_topup",
    METADATA,
    sa.Column("id", INT, primary_key=True, autoincrement=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("guardian", BYTES, nullable=False),
    sa.Column("ward", BYTES, nullable=False),
    sa.Column("rials", INT, nullable=False),
    sa.Column("debt_rials", INT, nullable=False),
    sa.Column("at_ms", INT, nullable=False),
    sa.UniqueConstraint("name", name="ward_topup_name"),
    sa.CheckConstraint("debt_rials >= 0 AND rials >= debt_rials AND rials > 0", name="ward_topup_parts"),
    sa.Index("ward_topup_given", "guardian", "id"),
    sa.Index("ward_topup_got", "ward", "id"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
