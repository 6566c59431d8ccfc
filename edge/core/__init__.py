"""Rules of the validator, pure: time, randomness and bytes are arguments."""
