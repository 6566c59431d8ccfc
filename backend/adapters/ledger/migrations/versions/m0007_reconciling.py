"""Reconciliation: runs and how far they are, what was found and what became of it, statements as they were given."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BYTES = sa.LargeBinary()
_ROWS: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": True}
_KEYED: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _ints(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, INT, nullable=False, autoincrement=False) for name in names]


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _row_id() -> sa.Column[Any]:
    return sa.Column("id", INT, primary_key=True, autoincrement=True)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """All of its tables."""
    _runs()
    _discrepancies()
    _statements()


def _runs() -> None:
    op.create_table(
        "reconciling", _row_id(), *_ints("from_day", "to_day"), *_texts("sources"), *_ints("begun_ms"),
        sa.Column("ended_ms", INT, nullable=True), *_texts("stage", "place", "totals"),
        *_ints("steps", "first_transfer", "last_transfer"), **_ROWS,
    )  # fmt: skip
    op.create_table(
        "reconciling_seen", *_ints("run", "block"), sa.Column("bits", BYTES, nullable=False),
        sa.PrimaryKeyConstraint("run", "block"), **_KEYED,
    )  # fmt: skip
    op.create_table(
        "reconciling_found", *_ints("run"), *_texts("name"), sa.PrimaryKeyConstraint("run", "name"), **_KEYED
    )  # fmt: skip


def _discrepancies() -> None:
    op.create_table(
        "discrepancy", *_texts("name", "of", "item"), *_ints("rials", "since_ms"),
        sa.Column("day", INT, nullable=True), *_texts("facts"), *_ints("opened_ms", "run"),
        sa.PrimaryKeyConstraint("name"), **_KEYED,
    )  # fmt: skip
    op.create_index("discrepancy_day", "discrepancy", ["day"])
    op.create_table(
        "discrepancy_entry", _row_id(), *_texts("name", "entry"), *_ints("at_ms"), *_texts("who", "why"), **_ROWS
    )  # fmt: skip
    op.create_index("discrepancy_entry_of", "discrepancy_entry", ["name"])


def _statements() -> None:
    op.create_table(
        "statement_day", *_texts("provider"), *_ints("day"), *_texts("digest"),
        sa.PrimaryKeyConstraint("provider", "day"), **_KEYED,
    )  # fmt: skip
    op.create_table(
        "statement_row", *_texts("provider"), *_ints("day"), *_texts("digest"), *_ints("line"),
        *_texts("named", "kind"), *_ints("rials", "fee_rials", "at_ms"), *_texts("payout"),
        sa.PrimaryKeyConstraint("provider", "day", "digest", "line"), **_KEYED,
    )  # fmt: skip
    op.create_index("statement_row_named", "statement_row", ["provider", "named"])
    op.create_index("statement_row_payout", "statement_row", ["provider", "payout"], **_where("payout <> ''"))
    op.create_table(
        "bank_row", *_ints("day"), *_texts("digest"), *_ints("line"), *_texts("reference"), *_ints("rials", "at_ms"),
        sa.PrimaryKeyConstraint("day", "digest", "line"), **_KEYED,
    )  # fmt: skip
    op.create_index("bank_row_reference", "bank_row", ["reference"])
    op.create_table(
        "statement_unreadable", *_texts("source"), *_ints("line"), *_texts("why"), *_ints("day"),
        sa.PrimaryKeyConstraint("source", "line"), **_KEYED,
    )  # fmt: skip
