"""The board in use: a thread that keeps the link, and what others ask of it."""
