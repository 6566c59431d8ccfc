"""Top-ups: what a payment provider is asked, how a top-up lives, what of it is posted, what a statement says. Pure."""
