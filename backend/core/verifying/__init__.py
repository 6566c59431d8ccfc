"""A ledger's rows held against what each has to come from, and approvals against the log of the staff. Pure."""
