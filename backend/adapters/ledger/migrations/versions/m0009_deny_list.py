"""The deny list that was announced, and who is on it for debt: of lists of before nobody knows why they deny."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTES = sa.LargeBinary()


def upgrade() -> None:
    """Two tables."""
    op.create_table(
        "deny_list",
        sa.Column("one", _INT, nullable=False, autoincrement=False),
        sa.Column("manifest", _BYTES, nullable=False),
        sa.CheckConstraint("one = 1", name="one_row"),
        sa.PrimaryKeyConstraint("one"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "denied",
        sa.Column("credential", _BYTES, nullable=False, autoincrement=False),
        sa.Column("version", _INT, nullable=False),
        sa.Column("debt_ms", _INT, nullable=True),
        sa.PrimaryKeyConstraint("credential"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
