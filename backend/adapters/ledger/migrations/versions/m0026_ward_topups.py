"""What guardians give their wards from their own wallets; nothing was so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BYTES = sa.LargeBinary()


def upgrade() -> None:
    """The table."""
    op.create_table(
        "ward_topup",
        sa.Column("id", _INT, primary_key=True, autoincrement=True),
        *_columns(_TEXT, "name"),
        *_columns(_BYTES, "guardian", "ward"),
        *_columns(_INT, "rials", "debt_rials", "at_ms"),
        sa.UniqueConstraint("name", name="ward_topup_name"),
        sa.CheckConstraint("debt_rials >= 0 AND rials >= debt_rials AND rials > 0", name="ward_topup_parts"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("ward_topup_given", "ward_topup", ["guardian", "id"])
    op.create_index("ward_topup_got", "ward_topup", ["ward", "id"])


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False, autoincrement=False) for name in names]
