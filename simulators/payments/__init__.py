"""Payment providers on loopback that misbehave on request, and the drill that holds the backend against them."""
