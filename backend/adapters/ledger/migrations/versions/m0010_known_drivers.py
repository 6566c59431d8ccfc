"""Drivers whom staff lists name, and what all floats pay on a vehicle. What floats have paid stays paid."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """The table is filled by the backend's next start, from the bundle that is announced then."""
    op.create_table(
        "known_driver",
        sa.Column("number", _TEXT, nullable=False),
        sa.Column("bundle", _INT, nullable=False),
        sa.Column("heard", _FLAG, nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    _index("known_driver_unheard", "known_driver", ["number"], "NOT heard")
    op.create_index("shift_driver", "shift", ["driver"])
    op.add_column("proxy", sa.Column("over_vehicle", _FLAG, nullable=False, server_default=sa.false()))
    _index("proxy_vehicle", "proxy", ["vehicle", "wall_ms"], "driver IS NOT NULL")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
