"""Top-ups: the desk that riders come to, how one is settled, and the sweeper that finishes what was left."""
