"""Reconciliation of journals, ledger, statements of providers and the bank (docs/RECONCILIATION.md). Pure."""
