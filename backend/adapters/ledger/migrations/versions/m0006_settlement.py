"""Settlement: parties, contracts, statements, what was settled so far; entries know the service day of their ride."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BYTES = sa.LargeBinary()
_KEYED: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}
_ROWS: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": True}


def _column(name: str, kind: Any, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null, autoincrement=False)


def upgrade() -> None:
    """Four tables and a column: null in entries of before, which are of the day on which they were posted."""
    op.add_column("transfer", sa.Column("day", _INT))
    op.create_table(
        "party",
        _column("role", _TEXT), _column("name", _TEXT), _column("title_fa", _TEXT), _column("title_en", _TEXT),
        sa.PrimaryKeyConstraint("role", "name"),
        **_KEYED,
    )  # fmt: skip
    op.create_table(
        "contract",
        _column("vehicle", _TEXT), _column("from_day", _INT), _column("operator", _TEXT),
        _column("owner", _TEXT, null=True), _column("owner_permille", _INT),
        _column("proxies_max_rials", _INT, null=True), _column("tickets_max_rials", _INT, null=True),
        _column("at_ms", _INT),
        sa.CheckConstraint("owner_permille BETWEEN 0 AND 1000", name="permille"),
        sa.PrimaryKeyConstraint("vehicle", "from_day"),
        **_KEYED,
    )  # fmt: skip
    op.create_table(
        "settlement",
        _column("day", _INT), _column("previous", _BYTES), _column("hash", _BYTES), _column("content", _BYTES),
        *(_column(name, _INT) for name in ("at_ms", "upto", "later", "records_upto", "records_later")),
        sa.UniqueConstraint("previous", name="one_line_of_statements"),
        sa.PrimaryKeyConstraint("day"),
        **_ROWS,
    )  # fmt: skip
    op.create_table(
        "settled",
        _column("vehicle", _TEXT), _column("line", _TEXT), _column("of_day", _INT),
        _column("operator", _TEXT), _column("owner", _TEXT, null=True), _column("owner_permille", _INT),
        *(_column(name, _INT) for name in ("rials", "paid_rials", "owner_rials")),
        sa.PrimaryKeyConstraint("vehicle", "line", "of_day"),
        **_KEYED,
    )  # fmt: skip
