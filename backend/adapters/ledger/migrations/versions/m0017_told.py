"""What devices told of their journals, by journal; how much of a discrepancy each entry found."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Of each device its last word is what is known; of entries of before nobody can say how much there was."""
    op.add_column("discrepancy_entry", sa.Column("extent", INT, nullable=True))
    told = op.create_table(
        "journal_told",
        sa.Column("device", TEXT, nullable=False),
        *(sa.Column(name, INT, nullable=False, autoincrement=False) for name in _NUMBERS),
        sa.PrimaryKeyConstraint("device", "epoch"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    device = sa.table("device", sa.column("name"), sa.column("seen_ms"), sa.column("health"))
    asked = sa.select(device.c.name, device.c.seen_ms, device.c.health).where(device.c.health.is_not(None))
    for name, seen_ms, text in op.get_bind().execute(asked).all():
        health = json.loads(text)
        waiting_ms = 1000 * (health.get("oldest_waiting_s") or 0)
        op.get_bind().execute(told.insert().values(
            device=name, epoch=health["epoch"], told=health["last_sequence"], receipted=health["receipted_sequence"],
            since_ms=max(0, (seen_ms or health["wall_ms"]) - waiting_ms),
        ))  # fmt: skip


_NUMBERS = ("epoch", "told", "receipted", "since_ms")
