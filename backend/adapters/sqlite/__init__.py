"""The ledger on SQLite: plain SQL, one durable transaction a group."""
