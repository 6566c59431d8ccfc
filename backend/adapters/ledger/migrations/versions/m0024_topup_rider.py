"""Top-ups are found by their rider: closing an account asks for those of which nobody knows yet."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """The index."""
    op.create_index("topup_rider", "topup", ["credential"])
