"""Bytes out of pixels, one library a file, one contract suite over all. `choose.make_readers` picks what is there."""
