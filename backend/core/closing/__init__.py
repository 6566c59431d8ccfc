"""A rider who leaves: his account is closed, and what is left of it is his. Pure."""
