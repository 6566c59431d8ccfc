"""One index finds a boarding's taps and lets one of them be charged, where there were two."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Names of boardings stay as they are: what touches one again names it anew."""
    for name in ("claim_boarding", "claim_charged"):
        op.drop_index(name, "claim")
    first = sa.text("(CASE WHEN charged AND NOT extends THEN 1 END)")
    op.create_index("claim_boarding", "claim", ["boarding", first], unique=True)
