"""A city's books from a seed: what ingest and top-ups leave in a ledger, statements, and faults planted in both."""
