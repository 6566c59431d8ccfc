"""A claim tells its record's row, door and verdict, and the index of a rider's claims has all that his list shows.

Claims of before tell none of it: of these the list looks at the records, until their travel is forgotten. To fill them
in would rewrite every claim, and read every record of half a year, before the backend could begin. Beside it: between
which times the claims lie that the index has under each number of a day, so that a list is read from the newest on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SMALL = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_DAY = "((wall_ms / 1000 + 12600) / 86400 & 255)"
_BESIDE = ("record", "charged", "rials", "back_rials", "vehicle", "door", "verdict")


def upgrade() -> None:
    """Three columns, the index made anew, one of those that tell none of it, and which times lie under which number."""
    for name, kind in (("record", _INT), ("door", _SMALL), ("verdict", _SMALL)):
        op.add_column("claim", sa.Column(name, kind))
    op.drop_index("claim_time", "claim")
    key: list[str | sa.TextClause] = [sa.text(_DAY), "credential", "wall_ms"]
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("claim_time", "claim", [*key, *_BESIDE])
    else:
        op.create_index("claim_time", "claim", key, postgresql_include=_BESIDE)
    op.create_table(
        "claim_day",
        sa.Column("number", _INT, primary_key=True, autoincrement=False),
        sa.Column("oldest_ms", _INT, nullable=False),
        sa.Column("newest_ms", _INT, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO claim_day SELECT {_DAY}, min(wall_ms), max(wall_ms) FROM claim GROUP BY {_DAY}"  # noqa: S608 - ours
    )
    untold = sa.text("record IS NULL AND charged")
    op.create_index("claim_untold", "claim", ["credential"], sqlite_where=untold, postgresql_where=untold)
