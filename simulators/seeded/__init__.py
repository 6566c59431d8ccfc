"""The seeded city: every port of edge and backend simulated, so that one seed replays a city with all its faults."""
