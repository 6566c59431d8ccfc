"""Two phases: what is pending, of each account and by its time. Frozen."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BYTES = sa.LargeBinary()
_WHOLE = (
    "CASE WHEN phase IS NULL THEN resolves IS NULL AND expires_ms IS NULL"
    " WHEN phase = 'pending' THEN resolves IS NULL AND expires_ms IS NOT NULL"
    " ELSE phase IN ('posted', 'voided', 'expired') AND resolves IS NOT NULL AND expires_ms IS NULL END"
)
_RESOLVES: dict[str, Any] = {
    "sqlite_where": sa.text("resolves IS NOT NULL"), "postgresql_where": sa.text("resolves IS NOT NULL")
}  # fmt: skip


def upgrade() -> None:
    """Columns are added, so that no row is written anew."""
    for name in ("debits_pending", "credits_pending"):
        check = sa.CheckConstraint(f"{name} >= 0", name=f"{name}_not_negative")
        op.add_column("account", sa.Column(name, INT, check, nullable=False, server_default=sa.text("0")))
    op.add_column("transfer", sa.Column("phase", TEXT, nullable=True))
    op.add_column("transfer", sa.Column("resolves", BYTES, nullable=True))
    check = sa.CheckConstraint(_WHOLE, name="phase_whole")
    op.add_column("transfer", sa.Column("expires_ms", INT, check, nullable=True))
    op.create_index("transfer_resolves", "transfer", ["resolves"], unique=True, **_RESOLVES)
    op.create_table(
        "pending",
        sa.Column("key", BYTES, nullable=False, autoincrement=False),
        sa.Column("expires_ms", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("pending_due", "pending", ["expires_ms"])
