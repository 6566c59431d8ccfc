"""Rules, pure: time, randomness and bytes are arguments."""
