"""Top-ups of several providers, looked at again until they are settled; who is denied."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BYTES = sa.LargeBinary()


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Columns of a top-up, and the table of denials; what was left open is looked at next."""
    op.add_column("topup", sa.Column("provider", TEXT, nullable=False, server_default="main"))
    op.add_column("topup", sa.Column("receipt", TEXT, nullable=False, server_default=""))
    op.add_column("topup", sa.Column("tries", INT, nullable=False, server_default="0"))
    op.add_column("topup", sa.Column("next_ms", INT, nullable=True))
    op.create_index("topup_due", "topup", ["next_ms"], **_where("next_ms IS NOT NULL"))
    op.create_index("topup_receipt", "topup", ["provider", "receipt"], unique=True, **_where("receipt <> ''"))
    op.execute("UPDATE topup SET next_ms = 0 WHERE status IN ('asked', 'pending')")
    op.create_table(
        "denial",
        sa.Column("credential", BYTES, nullable=False, autoincrement=False),
        sa.Column("since_ms", INT, nullable=False, autoincrement=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("ended_ms", INT, nullable=True),
        sa.PrimaryKeyConstraint("credential", "since_ms"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("denial_open", "denial", ["credential", "reason"], unique=True, **_where("ended_ms IS NULL"))
