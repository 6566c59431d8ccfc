"""What can fail in the city in a box."""

from protocol.errors import SavarError


class SimulatorError(SavarError):
    """A part of the simulation cannot do its work; nothing real is touched."""


class BrokerNotStarted(SimulatorError):
    """The embedded broker cannot listen."""


class ProviderNotStarted(SimulatorError):
    """The simulated payment provider cannot listen."""
