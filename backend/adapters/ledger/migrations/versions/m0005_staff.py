"""People of the office by name, what two of them decide, the log of what they did, repeated requests."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BYTES = sa.LargeBinary()
_ROWS: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": True}
_KEYED: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _columns(kind: Any, *names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null, autoincrement=False) for name in names]


def upgrade() -> None:
    """All five tables."""
    op.create_table(
        "staff",
        *_columns(TEXT, "name", "role"),
        *_columns(BYTES, "token_hash"),
        *_columns(INT, "added_ms"),
        *_columns(INT, "ended_ms", null=True),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("token_hash", name="one_person_a_token"),
        **_KEYED,
    )
    op.create_table(
        "staff_log",
        *_columns(INT, "number", "at_ms"),
        *_columns(TEXT, "person", "role", "action", "subject", "outcome", "request_key"),
        *_columns(BYTES, "hash"),
        sa.PrimaryKeyConstraint("number"),
        **_ROWS,
    )
    op.create_table(
        "staff_mark",
        *_columns(INT, "one", "number"),
        *_columns(BYTES, "hash"),
        sa.PrimaryKeyConstraint("one"),
        sa.CheckConstraint("one = 1", name="one_mark"),
        **_ROWS,
    )
    op.create_table(
        "proposal",
        sa.Column("id", INT, autoincrement=True),
        *_columns(TEXT, "name", "kind", "subject"),
        *_columns(BYTES, "content"),
        *_columns(TEXT, "why", "proposer"),
        *_columns(INT, "proposed_ms", "until_ms"),
        *_columns(TEXT, "state"),
        *_columns(TEXT, "decided_by", null=True),
        *_columns(INT, "decided_ms", "used_ms", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="proposal_once"),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> proposer", name="two_people"),
        sa.CheckConstraint("state <> 'approved' OR decided_by IS NOT NULL", name="approved_by_somebody"),
        **_ROWS,
    )
    approved = sa.text("state = 'approved'")
    op.create_index(
        "proposal_approved", "proposal", ["kind", "subject"], sqlite_where=approved, postgresql_where=approved
    )
    op.create_table(
        "once",
        *_columns(TEXT, "caller", "request_key"),
        *_columns(BYTES, "digest"),
        *_columns(TEXT, "answer", null=True),
        *_columns(INT, "at_ms"),
        sa.PrimaryKeyConstraint("caller", "request_key"),
        **_KEYED,
    )
    op.create_index("once_at", "once", ["at_ms"])
