"""The table of payouts that the bank has booked, with the reference that was told (`core.reconciliation.sent`)."""

from backend.adapters.ledger.tables import INT, TEXT, _column, _index, _table

PAYOUT_SENT = _table(
    "payout_sent",
    _column("name", TEXT, key=True), _column("reference", TEXT), _column("told_ms", INT),
    _index("payout_sent_reference", "reference"),
    _index("payout_sent_told", "told_ms"),
)  # fmt: skip
