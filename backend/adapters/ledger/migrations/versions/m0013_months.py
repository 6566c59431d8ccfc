"""Records and transfers lie in a partition a service month, in PostgreSQL; SQLite's tables stay as they are.

What is there becomes the partition of what no month has, without a row being copied: the next opening puts its months
into partitions of their own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
_TABLES = (
    ("record", "wall_ms", ("record_tap_id",), ("record_tap", "record_driver", "record_copied")),
    ("transfer", "day", ("transfer_once",), ("transfer_resolves",)),
)
_CHECKS = (
    ("rials_positive", "rials > 0"),
    ("two_accounts", "debit <> credit"),
    (
        "phase_whole",
        (
            "CASE WHEN phase IS NULL THEN resolves IS NULL AND expires_ms IS NULL"
            " WHEN phase = 'pending' THEN resolves IS NULL AND expires_ms IS NOT NULL"
            " ELSE phase IN ('posted', 'voided', 'expired') AND resolves IS NOT NULL AND expires_ms IS NULL END"
        ),
    ),
)
_UNIQUE = (
    "ALTER TABLE record ADD CONSTRAINT record_id UNIQUE NULLS NOT DISTINCT (id, wall_ms)",
    "ALTER TABLE record ADD CONSTRAINT record_tap_id UNIQUE NULLS NOT DISTINCT (device, epoch, sequence, wall_ms)",
    "CREATE INDEX record_copied ON record (wall_ms) WHERE payer = 'copied'",  # in the order of a new ledger's: …
    "CREATE INDEX record_driver ON record (wall_ms) WHERE kind > 2",  # … PostgreSQL names the partitions' by it
    "CREATE INDEX record_tap ON record (wall_ms) WHERE kind = 2",
    "ALTER TABLE transfer ADD CONSTRAINT transfer_id UNIQUE NULLS NOT DISTINCT (id, day)",
    "ALTER TABLE transfer ADD CONSTRAINT transfer_once UNIQUE NULLS NOT DISTINCT (key, day)",
    "CREATE UNIQUE INDEX transfer_resolves ON transfer (resolves, day) NULLS NOT DISTINCT WHERE resolves IS NOT NULL",
)


def upgrade() -> None:
    """Keys and indexes are made anew over the whole, each with the column by which the months are told."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for name, by, constraints, indexes in _TABLES:
        for index in indexes:
            op.execute(f"DROP INDEX {index}")
        for constraint in (f"{name}_pkey", *constraints):
            op.execute(f"ALTER TABLE {name} DROP CONSTRAINT {constraint}")
        op.execute(f"ALTER TABLE {name} RENAME TO {name}_default")
        op.execute(f"CREATE TABLE {name} (LIKE {name}_default INCLUDING DEFAULTS) PARTITION BY RANGE ({by})")
        op.execute(f"ALTER SEQUENCE {name}_id_seq OWNED BY {name}.id")
        if name == "transfer":
            for check, rule in _CHECKS:
                op.create_check_constraint(check, name, sa.text(rule))
        op.execute(f"ALTER TABLE {name} ATTACH PARTITION {name}_default DEFAULT")
    for statement in _UNIQUE:
        op.execute(statement)
