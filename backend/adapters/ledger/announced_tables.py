"""Tables of the deny list that was announced; part of the ledger's (`tables`)."""

from backend.adapters.ledger.tables import BYTES, INT, _column, _one, _table

DENY_LIST = _table("deny_list", *_one(), _column("manifest", BYTES), rowid=True)  # SHA-256 of the one whose list it is
DENIED = _table(
    "denied",
    _column("credential", BYTES, key=True), _column("version", INT),
    _column("debt_ms", INT, null=True),  # `since_ms` of the denial for debt that alone brought it onto the list
)  # fmt: skip
