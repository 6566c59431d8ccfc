"""Who of the office may do what, what needs two people, and the log of what staff did. Pure."""
