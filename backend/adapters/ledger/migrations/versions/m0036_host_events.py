"""What waits to be told to hosts; nothing did so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """The table."""
    op.create_table(
        "host_event",
        sa.Column("id", _INT, primary_key=True, autoincrement=True),
        *_columns(_TEXT, "host", "subject", "name"),
        *_columns(sa.LargeBinary(), "credential", "body"),
        *_columns(_INT, "made_ms", "tries", "next_ms"),
        sa.UniqueConstraint("host", "subject", name="host_event_once"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("host_event_due", "host_event", ["host", "next_ms"])
    op.create_index("host_event_of", "host_event", ["credential", "host"])


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False, autoincrement=False) for name in names]
