"""A credential's class has an end, and former versions may be renewed ones; so far none of either is.

Of one key several versions may be former now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTES = sa.LargeBinary()
_FORMER = sa.Table(  # as it was
    "former",
    sa.MetaData(),
    sa.Column("credential_id", _BYTES, primary_key=True),
    sa.Column("version", _INT, primary_key=True, autoincrement=False),
    sa.Column("credential", _BYTES, nullable=False),
    sa.Column("public_key", _BYTES, nullable=False),
    sa.Column("ended_ms", _INT, nullable=False),
    sa.UniqueConstraint("public_key", name="one_end_a_key"),
)


def upgrade() -> None:
    """The column, and a table of the same rows with other rules."""
    op.add_column("rider", sa.Column("class_until", _INT, nullable=True))
    options = {"sqlite_strict": True, "sqlite_with_rowid": False}
    with op.batch_alter_table("former", copy_from=_FORMER, table_kwargs=options) as former:
        former.drop_constraint("one_end_a_key", type_="unique")
        former.alter_column("ended_ms", existing_type=_INT, nullable=True)
    op.create_index("former_key", "former", ["public_key"])
