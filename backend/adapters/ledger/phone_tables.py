"""Tables of telephone numbers (`backend.core.phone`): HMACs under a key that is not in the ledger, and no number.

Nothing of travel or money stands here, and no other table has a number's HMAC.
"""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA, TEXT

_STAYS = sa.text("until_ms IS NULL")  # what an account has given up it may have several of
PHONE = sa.Table(
    "phone",
    METADATA,
    sa.Column("number_mac", BYTES, nullable=False),
    sa.Column("credential_id", BYTES, nullable=False),
    sa.Column("since_ms", INT, nullable=False),
    sa.Column("next_id", BYTES),
    sa.Column("next_ms", INT),
    sa.Column("until_ms", INT),
    sa.PrimaryKeyConstraint("number_mac"),
    sa.CheckConstraint("(next_id IS NULL) = (next_ms IS NULL)", name="phone_next"),
    sa.Index("one_number_an_account", "credential_id", unique=True, sqlite_where=_STAYS, postgresql_where=_STAYS),
    sa.Index("phone_of", "credential_id"),
    sa.Index("one_number_to_come", "next_id", unique=True),
    sa.Index("phone_next_at", "next_ms"),
    sa.Index("phone_until_at", "until_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
PHONE_RECOVERY = sa.Table(
    "phone_recovery",
    METADATA,
    sa.Column("credential_id", BYTES, nullable=False),
    sa.Column("public_key", BYTES, nullable=False),
    sa.Column("asked_ms", INT, nullable=False),
    sa.Column("due_ms", INT, nullable=False),
    sa.PrimaryKeyConstraint("credential_id"),
    sa.Index("phone_recovery_due", "due_ms"),
    sa.Index("phone_recovery_key", "public_key"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
PHONE_CODE = sa.Table(
    "phone_code",
    METADATA,
    sa.Column("number_mac", BYTES, nullable=False),
    sa.Column("at_ms", INT, nullable=False, autoincrement=False),
    sa.Column("mac", BYTES, nullable=False),
    sa.Column("tries", INT, nullable=False),
    sa.Column("what_for", TEXT),
    sa.PrimaryKeyConstraint("number_mac", "at_ms"),
    sa.Index("phone_code_at", "at_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
