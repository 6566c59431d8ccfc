"""Further processes that verify what riders' phones showed, so that more than one processor does."""
