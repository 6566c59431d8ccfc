"""Guardians: who holds whose account, and what of it."""
