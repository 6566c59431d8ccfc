"""One library or device each, behind a port."""
