"""Ended versions of credentials that moved to another phone; none has so far."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTES = sa.LargeBinary()


def upgrade() -> None:
    """The table."""
    op.create_table(
        "former",
        sa.Column("credential_id", _BYTES, nullable=False),
        sa.Column("version", _INT, nullable=False, autoincrement=False),
        sa.Column("credential", _BYTES, nullable=False),
        sa.Column("public_key", _BYTES, nullable=False),
        sa.Column("ended_ms", _INT, nullable=False),
        sa.PrimaryKeyConstraint("credential_id", "version"),
        sa.UniqueConstraint("public_key", name="one_end_a_key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
