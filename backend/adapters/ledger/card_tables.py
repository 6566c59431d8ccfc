"""Tables of printed cards (`backend.core.cards`): issues with their terms, and each card of one. No code is in them."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA, TEXT

CARD_ISSUE = sa.Table(
    "card_issue",
    METADATA,
    sa.Column("id", INT, primary_key=True, autoincrement=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("rider_class", INT, nullable=False),
    sa.Column("first_day", INT, nullable=False),
    sa.Column("last_day", INT, nullable=False),
    sa.Column("rides_a_day", INT, nullable=False),
    sa.Column("made_ms", INT, nullable=False),
    sa.UniqueConstraint("name", name="card_issue_name"),
    sa.CheckConstraint("last_day >= first_day AND rides_a_day >= 0", name="card_issue_terms"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
CARD = sa.Table(
    "card",
    METADATA,
    sa.Column("id", INT, primary_key=True, autoincrement=True),
    sa.Column("ticket", BYTES, nullable=False),
    sa.Column("number", TEXT, nullable=False),  # it follows from the ticket, and is looked for
    sa.Column("issue", TEXT, nullable=False),
    sa.Column("issuer", BYTES, nullable=False),
    sa.Column("made_ms", INT, nullable=False),
    sa.Column("replaces", BYTES),
    sa.Column("ended_ms", INT),
    sa.Column("why", TEXT),
    sa.UniqueConstraint("ticket", name="card_ticket"),
    sa.UniqueConstraint("number", name="card_number"),
    sa.UniqueConstraint("replaces", name="card_replaces"),  # a card is replaced once
    sa.CheckConstraint("(ended_ms IS NULL) = (why IS NULL)", name="card_ended"),
    sa.Index("card_of_issue", "issue", "id"),
    sa.Index(
        "card_blocked", "ended_ms", sqlite_where=sa.text("ended_ms IS NOT NULL"),
        postgresql_where=sa.text("ended_ms IS NOT NULL"),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)  # fmt: skip
