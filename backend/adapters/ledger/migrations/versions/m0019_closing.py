"""Closed accounts; none is so far."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """The table."""
    op.create_table(
        "closing",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("closed_ms", _INT, nullable=False),
        sa.Column("due_ms", _INT, nullable=False),
        sa.Column("parts", _INT, nullable=False),
        sa.Column("wallet", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("credential_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("closing_due", "closing", ["due_ms"])
