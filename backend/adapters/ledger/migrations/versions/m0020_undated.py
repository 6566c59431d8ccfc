"""Taps whose record's clock names another day than they are of: by the day that they are of.

Those that are held are found by what stands for them, once.
"""

import sqlalchemy as sa
from alembic import op

from protocol.localtime import service_day

revision = "0020"
down_revision = "0019"

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBERS = ("epoch", "sequence", "record_ms", "wall_ms")
# A run that goes on tells of its last stage in other words now: it begins that stage anew.
_BEGIN_ANEW = "UPDATE reconciling SET place = '[]' WHERE stage = 'transfers' AND ended_ms IS NULL"
_STANDING = ("claim", "proxy", "ticket_ride", "unproven")


def upgrade() -> None:
    """The table with its rows."""
    undated = op.create_table(
        "undated",
        sa.Column("id", INT, primary_key=True, autoincrement=True),
        sa.Column("device", TEXT, nullable=False),
        *(sa.Column(name, INT, nullable=False, autoincrement=False) for name in _NUMBERS),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("undated_tap", "undated", ["device", "epoch", "sequence"], unique=True)
    op.create_index("undated_record", "undated", ["record_ms"])
    op.create_index("undated_time", "undated", ["wall_ms"])
    op.execute(_BEGIN_ANEW)
    record = _of_tap("record")
    for name in _STANDING:
        it = _of_tap(name)
        same = (it.c.device == record.c.device, it.c.epoch == record.c.epoch, it.c.sequence == record.c.sequence)
        asked = (
            sa.select(it.c.device, it.c.epoch, it.c.sequence, record.c.wall_ms.label("record_ms"), it.c.wall_ms)
            .join_from(it, record, sa.and_(*same))
            .where(it.c.wall_ms != record.c.wall_ms, it.c.wall_ms > 0)  # 0: of before a proxy boarding had a time
        )
        rows = [row._asdict() for row in op.get_bind().execute(asked).all()]
        apart = [row for row in rows if service_day(row["record_ms"]) != service_day(row["wall_ms"])]
        if apart:
            op.bulk_insert(undated, apart)


def _of_tap(name: str) -> sa.TableClause:
    return sa.table(name, sa.column("device"), sa.column("epoch"), sa.column("sequence"), sa.column("wall_ms"))
