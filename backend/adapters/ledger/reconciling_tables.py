"""Tables of reconciliation; part of the ledger's (`tables`). Rules: `backend.core.reconciliation`.

What a discrepancy was told with at its opening never changes; what becomes of it are rows of `discrepancy_entry`.
"""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, FLAG, INT, TEXT, _column, _index, _of_tap, _row_id, _table

RECONCILING = _table(  # runs; `ended_ms` is null as long as one goes on
    "reconciling",
    _row_id(),
    _column("from_day", INT), _column("to_day", INT), _column("sources", TEXT), _column("begun_ms", INT),
    _column("ended_ms", INT, null=True), _column("stage", TEXT), _column("place", TEXT), _column("totals", TEXT),
    _column("steps", INT),  # kept so far: two processes cannot both take the next
    _column("first_transfer", INT), _column("last_transfer", INT),
    rowid=True,
)  # fmt: skip
RECONCILING_SEEN = _table(  # transfers that some tap or top-up accounts for: a bit each, from `first_transfer` on
    "reconciling_seen", _column("run", INT, key=True), _column("block", INT, key=True), _column("bits", BYTES)
)  # fmt: skip
RECONCILING_FOUND = _table(  # what a run found
    "reconciling_found", _column("run", INT, key=True), _column("name", TEXT, key=True)
)  # fmt: skip
DISCREPANCY = _table(
    "discrepancy",
    _column("name", TEXT, key=True), _column("of", TEXT), _column("item", TEXT), _column("rials", INT),
    _column("since_ms", INT), _column("day", INT, null=True), _column("facts", TEXT), _column("opened_ms", INT),
    _column("run", INT),
    _index("discrepancy_day", "day"),
)  # fmt: skip
DISCREPANCY_ENTRY = _table(
    "discrepancy_entry",
    _row_id(),
    _column("name", TEXT), _column("entry", TEXT), _column("at_ms", INT), _column("who", TEXT), _column("why", TEXT),
    _column("extent", INT, null=True),  # how much of it was found; null of what says nothing of it
    _index("discrepancy_entry_of", "name"),
    rowid=True,
)  # fmt: skip
UNDATED = _table(  # `backend.core.chaintime.Undated`
    "undated",
    _row_id(),
    *_of_tap(keyed=False), _column("record_ms", INT), _column("wall_ms", INT),
    _index("undated_tap", "device", "epoch", "sequence", unique=True),
    _index("undated_record", "record_ms"),
    _index("undated_time", "wall_ms"),
    rowid=True,
)  # fmt: skip
JOURNAL_TOLD = _table(  # what a device said of a journal of its own; of one that it tells of no more, its last word
    "journal_told",
    _column("device", TEXT, key=True), _column("epoch", INT, key=True), _column("told", INT),
    _column("receipted", INT), _column("since_ms", INT),
)  # fmt: skip
STATEMENT_DAY = _table(  # days of which a provider's, or the bank's, statement is held whole
    "statement_day", _column("provider", TEXT, key=True), _column("day", INT, key=True), _column("digest", TEXT)
)  # fmt: skip
STATEMENT_ROW = _table(
    "statement_row",
    _column("provider", TEXT, key=True), _column("day", INT, key=True), _column("digest", TEXT, key=True),
    _column("line", INT, key=True), _column("named", TEXT), _column("kind", TEXT), _column("rials", INT),
    _column("fee_rials", INT), _column("at_ms", INT), _column("payout", TEXT),
    _index("statement_row_named", "named", "provider"),
    _index("statement_row_payout", "payout", "provider", where="payout <> ''"),
)  # fmt: skip
BANK_ROW = _table(
    "bank_row",
    _column("day", INT, key=True), _column("digest", TEXT, key=True), _column("line", INT, key=True),
    _column("reference", TEXT), _column("rials", INT), _column("at_ms", INT),
    sa.Column("outgoing", FLAG, nullable=False, server_default=sa.false()),
    _index("bank_row_reference", "reference"),
)  # fmt: skip
PAID_IN = _table(  # `backend.core.reconciliation.paid_in`: as it was posted; `day`: of the payout's last row then
    "paid_in",
    _column("name", TEXT, key=True), _column("provider", TEXT, key=True), _column("rials", INT),
    _column("fee_rials", INT), _column("day", INT), _column("at_ms", INT),
    _index("paid_in_day", "day"),
)  # fmt: skip
UNREADABLE = _table(  # lines of statements that were left out
    "statement_unreadable",
    _column("source", TEXT, key=True), _column("line", INT, key=True), _column("why", TEXT), _column("day", INT),
)  # fmt: skip
