"""Where grey frames come from, one library a file. `source.make_source` picks by the configured text."""
