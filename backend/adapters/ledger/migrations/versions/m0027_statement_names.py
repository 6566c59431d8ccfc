"""A provider's rows are found by their payment's name first, or their payout's: SQLite took all of a provider's.

A run that was among them goes through them again, for its place was of the other order: what it finds is found once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """The indexes, and where runs are."""
    op.drop_index("statement_row_named", "statement_row")
    op.create_index("statement_row_named", "statement_row", ["named", "provider"])
    op.drop_index("statement_row_payout", "statement_row")
    has_payout = sa.text("payout <> ''")
    op.create_index(
        "statement_row_payout", "statement_row", ["payout", "provider"],
        sqlite_where=has_payout, postgresql_where=has_payout,
    )  # fmt: skip
    op.execute(sa.text("UPDATE reconciling SET place = '[]' WHERE stage = 'payments' AND ended_ms IS NULL"))
