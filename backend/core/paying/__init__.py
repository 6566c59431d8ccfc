"""Paying out what operators and owners are owed."""
