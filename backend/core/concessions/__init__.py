"""Reduced classes: applied for by riders, granted by two people until a day, and what is issued for them. Pure."""
