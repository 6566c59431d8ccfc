"""The table of what agents took in cash (`backend.core.agents`)."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA, TEXT

CASH_TOPUP = sa.Table(
    "cash_topup",
    METADATA,
    sa.Column("id", INT, primary_key=True, autoincrement=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("agent", TEXT, nullable=False),
    sa.Column("credential", BYTES, nullable=False),
    sa.Column("rials", INT, nullable=False),
    sa.Column("debt_rials", INT, nullable=False),
    sa.Column("at_ms", INT, nullable=False),
    sa.UniqueConstraint("name", name="cash_topup_name"),
    sa.CheckConstraint("debt_rials >= 0 AND rials >= debt_rials AND rials > 0", name="cash_topup_parts"),
    sa.Index("cash_topup_taken", "agent", "id"),
    sa.Index("cash_topup_got", "credential", "id"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
