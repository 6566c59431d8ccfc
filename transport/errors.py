"""What can fail between a process and its broker."""

from protocol.errors import Fault, SavarError


class TransportError(SavarError):
    """The broker cannot be used; nothing is lost by it, everything is sent again."""

    fault = Fault.LOCAL


class BrokerAway(TransportError):
    """The broker cannot be reached."""


class BrokerRefused(TransportError):
    """The broker answers, but refuses this client."""


class CredentialsMissing(TransportError):
    """A certificate, key or password file cannot be read."""
