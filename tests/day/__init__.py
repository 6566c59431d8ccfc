"""A day of sixty riders, written by hand."""
