"""Guardians: an adult rider who holds the account of a child, or of somebody old. Pure."""
