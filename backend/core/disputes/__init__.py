"""A rider who says that a charge is wrong: the dispute, its answer, and what is given back. Pure."""
