"""Top-ups for cash that agents took; there were none so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BYTES = sa.LargeBinary()


def upgrade() -> None:
    """The table."""
    op.create_table(
        "cash_topup",
        sa.Column("id", _INT, primary_key=True, autoincrement=True),
        *_columns(_TEXT, "name", "agent"),
        *_columns(_BYTES, "credential"),
        *_columns(_INT, "rials", "debt_rials", "at_ms"),
        sa.UniqueConstraint("name", name="cash_topup_name"),
        sa.CheckConstraint("debt_rials >= 0 AND rials >= debt_rials AND rials > 0", name="cash_topup_parts"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("cash_topup_taken", "cash_topup", ["agent", "id"])
    op.create_index("cash_topup_got", "cash_topup", ["credential", "id"])


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False, autoincrement=False) for name in names]
