"""The table of drivers whom announced staff lists have named (`backend.core.floats`)."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import FLAG, INT, METADATA, TEXT

KNOWN_DRIVER = sa.Table(
    "known_driver",
    METADATA,
    sa.Column("number", TEXT, primary_key=True),
    sa.Column("bundle", INT, nullable=False),  # the first that named him: evidence of why his float pays
    sa.Column("heard", FLAG, nullable=False),  # whether his shifts of before have moved what they move
    sa.Index(
        "known_driver_unheard", "number", sqlite_where=sa.text("NOT heard"), postgresql_where=sa.text("NOT heard")
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
