"""Concessions: granted, applied for, ended."""
