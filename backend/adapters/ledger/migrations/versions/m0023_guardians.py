"""Guardians of accounts; nobody has one so far."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTES = sa.LargeBinary()


def upgrade() -> None:
    """The table."""
    op.create_table(
        "guardian",
        sa.Column("ward", _BYTES, nullable=False),
        sa.Column("guardian", _BYTES, nullable=False),
        sa.Column("since_ms", _INT, nullable=False),
        sa.Column("of_age_day", _INT, nullable=False),
        sa.PrimaryKeyConstraint("ward", "guardian"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("guardian_wards", "guardian", ["guardian", "ward"])
