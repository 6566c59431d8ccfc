"""A number that was given up is its account's for some days yet; a code tells what it is for; keys that wait are found.

A code of before tells nothing of it, opens nothing, and is over within minutes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Two columns, and one number that stays for each account beside those that it has given up."""
    op.add_column("phone", sa.Column("until_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
    op.drop_index("one_number_an_account", "phone")
    stays = sa.text("until_ms IS NULL")
    op.create_index(
        "one_number_an_account", "phone", ["credential_id"], unique=True, sqlite_where=stays, postgresql_where=stays
    )
    op.create_index("phone_of", "phone", ["credential_id"])
    op.create_index("phone_until_at", "phone", ["until_ms"])
    op.create_index("phone_recovery_key", "phone_recovery", ["public_key"])
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("phone_code", sa.Column("what_for", text))
