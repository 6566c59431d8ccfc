"""Services that run the flow, and the composition root that wires them."""
