"""Telephone numbers: codes, binding, a way back, and who sends messages."""
