"""The table of applications for a class (`backend.core.concessions`). It says of nobody where he rode."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA, TEXT

_OPEN = sa.text("state = 'open'")
APPLICATION = sa.Table(
    "application",
    METADATA,
    sa.Column("id", INT, primary_key=True, autoincrement=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("credential", BYTES, nullable=False),
    sa.Column("rider_class", INT, nullable=False),
    sa.Column("documents", BYTES, nullable=False),  # canonical CBOR: kind, issuer, reference of each
    sa.Column("words", TEXT, nullable=False),
    sa.Column("opened_ms", INT, nullable=False),
    sa.Column("due_ms", INT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("until_day", INT, nullable=True),
    sa.Column("why", TEXT, nullable=True),
    sa.Column("answer", TEXT, nullable=False),
    sa.Column("answered_ms", INT, nullable=True),
    sa.UniqueConstraint("name", name="application_name"),
    sa.CheckConstraint("(state = 'open') = (answered_ms IS NULL)", name="application_answered_when"),
    sa.CheckConstraint("(state = 'granted') = (until_day IS NOT NULL)", name="granted_until"),
    sa.Index("application_rider", "credential", "id"),
    sa.Index(
        "application_open", "credential", "rider_class", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    ),
    sa.Index("application_answered", "answered_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)  # fmt: skip
