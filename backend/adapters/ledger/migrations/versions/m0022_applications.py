"""Applications of riders for a reduced class; nobody has applied so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BYTES = sa.LargeBinary()


def upgrade() -> None:
    """The table."""
    op.create_table(
        "application",
        sa.Column("id", _INT, primary_key=True, autoincrement=True),
        _column("name", _TEXT),
        _column("credential", _BYTES),
        _column("rider_class", _INT),
        _column("documents", _BYTES),
        _column("words", _TEXT),
        _column("opened_ms", _INT),
        _column("due_ms", _INT),
        _column("state", _TEXT),
        _column("until_day", _INT, null=True),
        _column("why", _TEXT, null=True),
        _column("answer", _TEXT),
        _column("answered_ms", _INT, null=True),
        sa.UniqueConstraint("name", name="application_name"),
        sa.CheckConstraint("(state = 'open') = (answered_ms IS NULL)", name="application_answered_when"),
        sa.CheckConstraint("(state = 'granted') = (until_day IS NOT NULL)", name="granted_until"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    is_open = sa.text("state = 'open'")
    op.create_index("application_rider", "application", ["credential", "id"])
    op.create_index(
        "application_open", "application", ["credential", "rider_class"], unique=True, sqlite_where=is_open,
        postgresql_where=is_open,
    )  # fmt: skip
    op.create_index("application_answered", "application", ["answered_ms"])


def _column(name: str, kind: sa.types.TypeEngine[Any], *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null, autoincrement=False)
