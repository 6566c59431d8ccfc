"""What has no proof is held for owners and not paid. What ledgers of before paid stays paid: their rows have hold 0."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """The column, what a float's day needs, and the table of boardings without a proof."""
    for table in ("claim", "ticket_ride"):
        op.add_column(table, sa.Column("hold", INT, nullable=False, server_default="0"))
        op.add_column(table, sa.Column("contested", FLAG, nullable=False, server_default=sa.false()))
    op.add_column("proxy", sa.Column("wall_ms", INT, nullable=False, server_default="0"))
    op.add_column("proxy", sa.Column("persons", INT, nullable=False, server_default="1"))
    op.add_column("proxy", sa.Column("over", FLAG, nullable=False, server_default=sa.false()))
    op.add_column("proxy", sa.Column("hold", INT, nullable=False, server_default="0"))
    op.execute(
        "UPDATE proxy SET (wall_ms, persons) = (SELECT wall_ms, coalesce(persons, 1) FROM record"
        " WHERE record.device = proxy.device AND record.epoch = proxy.epoch AND record.sequence = proxy.sequence)"
        " WHERE EXISTS (SELECT 1 FROM record"
        " WHERE record.device = proxy.device AND record.epoch = proxy.epoch AND record.sequence = proxy.sequence)"
    )
    _index("claim_held", "claim", ["device", "epoch", "sequence"], "copied_rials > 0 OR contested")
    _index("proxy_driver", "proxy", ["driver", "wall_ms"], "driver IS NOT NULL")
    op.create_table(
        "unproven",
        sa.Column("device", TEXT, nullable=False),
        sa.Column("epoch", INT, nullable=False, autoincrement=False),
        sa.Column("sequence", INT, nullable=False, autoincrement=False),
        sa.Column("vehicle", TEXT, nullable=False),
        sa.Column("wall_ms", INT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("rials", INT, nullable=False),
        sa.Column("hold", INT, nullable=False),
        sa.Column("revision", INT, nullable=False),
        sa.PrimaryKeyConstraint("device", "epoch", "sequence"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
