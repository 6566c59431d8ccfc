"""Payment providers over HTTP, one file each; `wire` is what they share."""
