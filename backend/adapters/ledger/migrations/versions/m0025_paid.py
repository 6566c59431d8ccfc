"""What providers paid out as it was posted, what of payouts the bank was said to have booked, which way its entries go.

So far nothing is posted of what providers paid out, and every entry of the bank's came in. Which payouts were booked,
and under which reference, the staff's log has told.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
_ROWS = {"sqlite_strict": True, "sqlite_with_rowid": False}
_PAID = "paid: "


def upgrade() -> None:
    """The tables and the column; words of before."""
    op.add_column("bank_row", sa.Column("outgoing", FLAG, nullable=False, server_default=sa.false()))
    op.create_table(
        "paid_in",
        *(sa.Column(name, TEXT, nullable=False) for name in ("name", "provider")),
        *(sa.Column(name, INT, nullable=False, autoincrement=False) for name in ("rials", "fee_rials", "day", "at_ms")),
        sa.PrimaryKeyConstraint("name", "provider"),
        **_ROWS,
    )
    op.create_index("paid_in_day", "paid_in", ["day"])
    sent = op.create_table(
        "payout_sent",
        *(sa.Column(name, TEXT, nullable=False) for name in ("name", "reference")),
        sa.Column("told_ms", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("name"),
        **_ROWS,
    )
    op.create_index("payout_sent_reference", "payout_sent", ["reference"])
    op.create_index("payout_sent_told", "payout_sent", ["told_ms"])
    log = sa.table("staff_log", *map(sa.column, ("at_ms", "action", "subject", "outcome")))
    told = sa.select(log.c.subject, log.c.outcome, log.c.at_ms).where(
        log.c.action == "end-payout", log.c.outcome.like(f"{_PAID}%")
    )
    rows = [
        {"name": name, "reference": outcome.removeprefix(_PAID), "told_ms": at_ms}
        for name, outcome, at_ms in op.get_bind().execute(told).all()
    ]
    if rows:
        op.bulk_insert(sent, rows)
