"""Who sends one-time codes, over HTTP, a file each."""
