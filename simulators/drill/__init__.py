"""The ledger under kills: many buses, a real broker, a real backend and database, and what must stand at the end."""
