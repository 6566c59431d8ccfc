"""The table that says from which service day on travel is remembered (`backend.core.forgetting`)."""

from backend.adapters.ledger.tables import INT, _column, _one, _table

REMEMBERED = _table("remembered", *_one(), _column("day", INT), rowid=True)
