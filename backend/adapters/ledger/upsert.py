"""INSERT … ON CONFLICT, which both databases speak alike and SQLAlchemy keeps in two places."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

# What is said often is built once a database, by a function with `cache`: building costs ten times what running does.
_INSERTS: dict[str, Callable[[sa.Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert(dialect: str, table: sa.Table) -> Any:
    """This database's own INSERT, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return _INSERTS[dialect](table)


def upsert(
    dialect: str, table: sa.Table, *, keys: Sequence[str], anew: Sequence[str] = (),
    sets: Callable[[Any], Mapping[str, Any]] = lambda _: {},
) -> Any:  # fmt: skip
    """Insert; where a row has these keys already, take `anew` from the new row, and what `sets` makes of both.

    `sets` is given the new row's columns (`excluded`).
    """
    made = insert(dialect, table)
    values = {name: made.excluded[name] for name in anew} | dict(sets(made.excluded))
    return made.on_conflict_do_update(index_elements=list(keys), set_=values)
