"""paho-mqtt in one place: the session that a validator and the backend both hold with their broker."""
