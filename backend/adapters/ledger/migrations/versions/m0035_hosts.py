"""Hosts, their tokens, their riders and the top-ups that they began; there were none so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BYTES = sa.LargeBinary()
_KEYED: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Four tables."""
    op.create_table(
        "host", *_columns(_TEXT, "name"), *_columns(_BYTES, "content"), *_columns(_INT, "made_ms"),
        *_columns(_INT, "ended_ms", null=True), *_columns(_INT, "generation", "former_ms"),
        *_columns(_INT, "failing_ms", "paused_ms", null=True), sa.PrimaryKeyConstraint("name"), **_KEYED,
    )  # fmt: skip
    op.create_table(
        "host_token", *_columns(_BYTES, "hash"), *_columns(_TEXT, "host", "scopes"),
        *_columns(_INT, "made_ms", "ends_ms"), sa.PrimaryKeyConstraint("hash"), **_KEYED,
    )  # fmt: skip
    op.create_index("host_token_of", "host_token", ["host"])
    op.create_table(
        "host_rider", *_columns(_BYTES, "credential"), *_columns(_TEXT, "host"), *_columns(_TEXT, "named", null=True),
        *_columns(_INT, "since_ms"), sa.PrimaryKeyConstraint("credential", "host"), **_KEYED,
    )  # fmt: skip
    op.create_index("host_rider_named", "host_rider", ["host", "named"], unique=True)
    op.create_table(
        "host_topup", *_columns(_TEXT, "topup", "host", "return_url"), sa.PrimaryKeyConstraint("topup"), **_KEYED
    )


def _columns(kind: sa.types.TypeEngine[Any], *names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null, autoincrement=False) for name in names]
