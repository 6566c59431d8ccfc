"""Tables of settlement. A statement is kept as its bytes, and never changed; `settled` is the sum of all so far."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, TEXT, _column, _table

PARTY = _table(  # operators and owners, as people write their names
    "party",
    _column("role", TEXT, key=True), _column("name", TEXT, key=True),
    _column("title_fa", TEXT), _column("title_en", TEXT),
)  # fmt: skip
CONTRACT = _table(  # `backend.core.settlement.contracts`
    "contract",
    _column("vehicle", TEXT, key=True), _column("from_day", INT, key=True), _column("operator", TEXT),
    _column("owner", TEXT, null=True), _column("owner_permille", INT), _column("proxies_max_rials", INT, null=True),
    _column("tickets_max_rials", INT, null=True), _column("at_ms", INT),
    sa.CheckConstraint("owner_permille BETWEEN 0 AND 1000", name="permille"),
)  # fmt: skip
SETTLEMENT = _table(
    "settlement",
    _column("day", INT, key=True), _column("previous", BYTES), _column("hash", BYTES), _column("content", BYTES),
    _column("at_ms", INT), _column("upto", INT), _column("later", INT), _column("records_upto", INT),
    _column("records_later", INT),
    sa.UniqueConstraint("previous", name="one_line_of_statements"),
    rowid=True,
)  # fmt: skip
SETTLED = _table(
    "settled",
    _column("vehicle", TEXT, key=True), _column("line", TEXT, key=True), _column("of_day", INT, key=True),
    _column("operator", TEXT), _column("owner", TEXT, null=True), _column("owner_permille", INT),
    _column("rials", INT), _column("paid_rials", INT), _column("owner_rials", INT),
)  # fmt: skip
