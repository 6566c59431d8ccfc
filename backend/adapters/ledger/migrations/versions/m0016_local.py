"""Indexes of a rider's claims begin with the day, or with the week, so that they grow at few of their pages."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_DAY, _WEEK = "(time_s / 86400)", "((wall_ms / 1000 + 444600) / 604800 & 63)"


def upgrade() -> None:
    """Of the same columns as before."""
    for name in ("claim_shown", "claim_time"):
        op.drop_index(name, "claim")
    op.create_index("claim_shown", "claim", [sa.text(_DAY), "credential", "time_s", "counter"])
    op.create_index("claim_time", "claim", [sa.text(_WEEK), "credential", "wall_ms"])
