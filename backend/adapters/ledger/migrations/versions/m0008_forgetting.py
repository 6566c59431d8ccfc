"""From which service day on travel is remembered: of all days, where there is no row."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """A table of one row."""
    op.create_table(
        "remembered",
        sa.Column("one", _INT, nullable=False, autoincrement=False),
        sa.Column("day", _INT, nullable=False, autoincrement=False),
        sa.CheckConstraint("one = 1", name="one_row"),
        sa.PrimaryKeyConstraint("one"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
