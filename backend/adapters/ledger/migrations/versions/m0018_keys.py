"""The index of transfers' keys begins with their day. SQLite makes the table anew: the old one was the table's own."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_DAY = "(coalesce(day, 0) & 63)"
_COLUMNS = "id, key, kind, debit, credit, rials, hash, at_ms, phase, resolves, expires_ms, day"
_INT, _TEXT = sa.Integer(), sa.Text()


def upgrade() -> None:
    """No row changes."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE transfer DROP CONSTRAINT transfer_once")
        op.execute(f"CREATE UNIQUE INDEX transfer_once ON transfer ({_DAY}, key, day) NULLS NOT DISTINCT")
        return
    op.drop_index("transfer_resolves", "transfer")
    op.rename_table("transfer", "transfer_before")
    op.create_table(
        "transfer",
        sa.Column("id", _INT, primary_key=True, autoincrement=True),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in ("kind", "debit", "credit")),
        sa.Column("rials", _INT, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", _INT, nullable=False),
        sa.Column("phase", _TEXT),
        sa.Column("resolves", sa.LargeBinary()),
        sa.Column("expires_ms", _INT),
        sa.Column("day", _INT),
        sa.CheckConstraint("rials > 0", name="rials_positive"),
        sa.CheckConstraint("debit <> credit", name="two_accounts"),
        sa.CheckConstraint(
            "CASE WHEN phase IS NULL THEN resolves IS NULL AND expires_ms IS NULL"
            " WHEN phase = 'pending' THEN resolves IS NULL AND expires_ms IS NOT NULL"
            " ELSE phase IN ('posted', 'voided', 'expired') AND resolves IS NOT NULL AND expires_ms IS NULL END",
            name="phase_whole",
        ),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.execute(f"INSERT INTO transfer ({_COLUMNS}) SELECT {_COLUMNS} FROM transfer_before ORDER BY id")  # noqa: S608
    op.drop_table("transfer_before")
    op.create_index("transfer_once", "transfer", [sa.text(_DAY), "key"], unique=True)
    op.create_index(
        "transfer_resolves", "transfer", ["resolves"], unique=True, sqlite_where=sa.text("resolves IS NOT NULL")
    )
