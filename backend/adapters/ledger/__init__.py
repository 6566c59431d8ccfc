"""The ledger in either database: tables, every statement; `sqlite` and `postgresql` bring connection and driver."""
