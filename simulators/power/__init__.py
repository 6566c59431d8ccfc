"""Power cuts: a validator's process loses its power again and again, and what it had shown green must be there (P1)."""
