"""Printed cards: issues with their terms, and each card. Lists that `savar tickets make` wrote stay where they are."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BYTES = sa.LargeBinary()
_ROWS = {"sqlite_strict": True, "sqlite_with_rowid": True}


def upgrade() -> None:
    """Two tables."""
    op.create_table(
        "card_issue",
        sa.Column("id", _INT, primary_key=True, autoincrement=True),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("rider_class", _INT, nullable=False),
        sa.Column("first_day", _INT, nullable=False),
        sa.Column("last_day", _INT, nullable=False),
        sa.Column("rides_a_day", _INT, nullable=False),
        sa.Column("made_ms", _INT, nullable=False),
        sa.UniqueConstraint("name", name="card_issue_name"),
        sa.CheckConstraint("last_day >= first_day AND rides_a_day >= 0", name="card_issue_terms"),
        **_ROWS,
    )
    op.create_table(
        "card",
        sa.Column("id", _INT, primary_key=True, autoincrement=True),
        sa.Column("ticket", _BYTES, nullable=False),
        sa.Column("number", _TEXT, nullable=False),
        sa.Column("issue", _TEXT, nullable=False),
        sa.Column("issuer", _BYTES, nullable=False),
        sa.Column("made_ms", _INT, nullable=False),
        sa.Column("replaces", _BYTES),
        sa.Column("ended_ms", _INT),
        sa.Column("why", _TEXT),
        sa.UniqueConstraint("ticket", name="card_ticket"),
        sa.UniqueConstraint("number", name="card_number"),
        sa.UniqueConstraint("replaces", name="card_replaces"),
        sa.CheckConstraint("(ended_ms IS NULL) = (why IS NULL)", name="card_ended"),
        **_ROWS,
    )
    op.create_index("card_of_issue", "card", ["issue", "id"])
    ended = sa.text("ended_ms IS NOT NULL")
    op.create_index("card_blocked", "card", ["ended_ms"], sqlite_where=ended, postgresql_where=ended)
