"""Telephone numbers of riders, as HMACs, and codes that prove them; there were none so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTES = sa.LargeBinary()
_KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """The tables."""
    op.create_table(
        "phone",
        *_columns(_BYTES, "number_mac", "credential_id"),
        *_columns(_INT, "since_ms"),
        sa.Column("next_id", _BYTES),
        sa.Column("next_ms", _INT),
        sa.PrimaryKeyConstraint("number_mac"),
        sa.CheckConstraint("(next_id IS NULL) = (next_ms IS NULL)", name="phone_next"),
        **_KEYED,
    )
    op.create_index("phone_next_at", "phone", ["next_ms"])
    op.create_index("one_number_an_account", "phone", ["credential_id"], unique=True)
    op.create_index("one_number_to_come", "phone", ["next_id"], unique=True)
    op.create_table(
        "phone_recovery",
        *_columns(_BYTES, "credential_id", "public_key"),
        *_columns(_INT, "asked_ms", "due_ms"),
        sa.PrimaryKeyConstraint("credential_id"),
        **_KEYED,
    )
    op.create_index("phone_recovery_due", "phone_recovery", ["due_ms"])
    op.create_table(
        "phone_code",
        *_columns(_BYTES, "number_mac"),
        *_columns(_INT, "at_ms"),
        *_columns(_BYTES, "mac"),
        *_columns(_INT, "tries"),
        sa.PrimaryKeyConstraint("number_mac", "at_ms"),
        **_KEYED,
    )
    op.create_index("phone_code_at", "phone_code", ["at_ms"])


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False, autoincrement=False) for name in names]
