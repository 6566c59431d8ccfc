"""For whom a partner's or driver's person is named: those of before see no settlement."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """One column more."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("staff", sa.Column("party", text, nullable=True))
