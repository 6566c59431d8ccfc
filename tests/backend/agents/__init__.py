"""Agents who take cash: what is credited, never twice, and how much at most."""
