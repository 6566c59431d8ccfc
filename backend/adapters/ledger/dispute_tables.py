"""The table of disputes (`backend.core.disputes`). It ties a rider to a tap, and goes with his travel."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, FLAG, INT, METADATA, TEXT

DISPUTE = sa.Table(
    "dispute",
    METADATA,
    sa.Column("id", INT, primary_key=True, autoincrement=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("credential", BYTES, nullable=False),
    sa.Column("device", TEXT, nullable=False),
    sa.Column("epoch", INT, nullable=False),
    sa.Column("sequence", INT, nullable=False),
    sa.Column("wall_ms", INT, nullable=False),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("words", TEXT, nullable=False),
    sa.Column("charged_rials", INT, nullable=False),
    sa.Column("opened_ms", INT, nullable=False),
    sa.Column("due_ms", INT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("given_rials", INT, nullable=False),
    sa.Column("by_house", FLAG, nullable=False),
    sa.Column("why", TEXT, nullable=True),
    sa.Column("answer", TEXT, nullable=False),
    sa.Column("answered_ms", INT, nullable=True),
    sa.UniqueConstraint("name", name="dispute_name"),
    sa.UniqueConstraint("device", "epoch", "sequence", name="dispute_once"),
    sa.CheckConstraint("(state = 'open') = (answered_ms IS NULL)", name="answered_when"),
    sa.CheckConstraint("given_rials >= 0", name="given_not_negative"),
    sa.Index("dispute_rider", "credential", "id"),
    sa.Index("dispute_open", "id", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
