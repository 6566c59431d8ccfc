"""One library or device each, behind a port of `edge.core.ports`."""
