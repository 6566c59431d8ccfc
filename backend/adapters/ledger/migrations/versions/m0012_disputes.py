"""Disputes of riders, and what was given back of a fare; nothing was so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BYTES = sa.LargeBinary()


def upgrade() -> None:
    """The table, and four columns of a claim."""
    for name in ("refunded", "back"):
        op.add_column("claim", sa.Column(f"{name}_rials", _INT, nullable=False, server_default=sa.text("0")))
        op.add_column("claim", sa.Column(f"{name}_by_house", _FLAG, nullable=False, server_default=sa.false()))
    op.create_table(
        "dispute",
        sa.Column("id", _INT, primary_key=True, autoincrement=True),
        *_columns(_TEXT, "name"),
        *_columns(_BYTES, "credential"),
        *_columns(_TEXT, "device"),
        *_columns(_INT, "epoch", "sequence", "wall_ms"),
        *_columns(_TEXT, "reason", "words"),
        *_columns(_INT, "charged_rials", "opened_ms", "due_ms"),
        *_columns(_TEXT, "state"),
        *_columns(_INT, "given_rials"),
        *_columns(_FLAG, "by_house"),
        sa.Column("why", _TEXT, nullable=True),
        *_columns(_TEXT, "answer"),
        sa.Column("answered_ms", _INT, nullable=True),
        sa.UniqueConstraint("name", name="dispute_name"),
        sa.UniqueConstraint("device", "epoch", "sequence", name="dispute_once"),
        sa.CheckConstraint("(state = 'open') = (answered_ms IS NULL)", name="answered_when"),
        sa.CheckConstraint("given_rials >= 0", name="given_not_negative"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("dispute_rider", "dispute", ["credential", "id"])
    is_open = sa.text("state = 'open'")
    op.create_index("dispute_open", "dispute", ["id"], sqlite_where=is_open, postgresql_where=is_open)


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False, autoincrement=False) for name in names]
