"""A rider's telephone number: proven by a code, kept as a keyed hash, a slow way back to a lost account. Pure."""
