"""Who sends messages, on loopback: keeps what it sent, and misbehaves on request."""
