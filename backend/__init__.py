"""The backend: ingest, ledger, payments, reconciliation, fleet health, the HTTP API. Floors: app ▶ adapters ▶ core."""
