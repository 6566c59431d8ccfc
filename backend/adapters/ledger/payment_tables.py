"""Tables of top-ups and of who is denied; part of the ledger's (`tables`)."""

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, TEXT, _column, _index, _table
from backend.core.payments.topup import FIRST

HAS_RECEIPT = sa.text("receipt <> ''")  # in the words of its index: SQLite asks for them
TOPUP = _table(
    "topup",
    _column("id", TEXT, key=True), _column("credential", BYTES), _column("rials", INT), _column("status", TEXT),
    _column("authority", TEXT), _column("created_ms", INT),
    sa.Column("provider", TEXT, nullable=False, server_default=FIRST),
    sa.Column("receipt", TEXT, nullable=False, server_default=""),
    sa.Column("tries", INT, nullable=False, server_default="0"),
    _column("next_ms", INT, null=True),
    _index("topup_rider", "credential"),
    _index("topup_authority", "authority"),
    _index("topup_created", "created_ms"),
    _index("topup_due", "next_ms", where="next_ms IS NOT NULL"),
    _index("topup_receipt", "provider", "receipt", where="receipt <> ''", unique=True),  # a bank's money pays one only
)  # fmt: skip
DENIAL = _table(
    "denial",
    _column("credential", BYTES, key=True), _column("since_ms", INT, key=True), _column("reason", TEXT),
    _column("ended_ms", INT, null=True),
    _index("denial_open", "credential", "reason", where="ended_ms IS NULL", unique=True),
)  # fmt: skip
