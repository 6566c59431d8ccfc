"""The ledger's hot path in PostgreSQL, by psycopg."""
