"""What can fail between a process and its broker, between the two doors of one bus, and in a bundle's folder."""

from protocol.errors import Fault, SavarError


class TransportError(SavarError):
    """The broker or the other door cannot be used; nothing is lost by it, everything is sent again."""

    fault = Fault.LOCAL


class BrokerAway(TransportError):
    """The broker cannot be reached."""


class BrokerSilent(TransportError):
    """The broker is not there, lets the admin not in, or does not do as it is told."""


class BrokerRefused(TransportError):
    """The broker answers, but refuses this client."""


class CredentialsMissing(TransportError):
    """A certificate, key or password file cannot be read."""


class PeerAway(TransportError):
    """The other door cannot be reached, has not called, or is not heard any more."""


class PeerEnded(PeerAway):
    """The other door closed the connection."""


class PeerRefused(TransportError):
    """Whoever is at the other end has not proven to be the other door, or does not take us for it."""


class FrameTooLong(TransportError):
    """The other door announces a message beyond the contract's limit: another version of the software, or a fault."""

    fault = Fault.PEER


class BundleFailed(TransportError):
    """A file of the bundle's folder is missing, or cannot be read or written."""


class BundleBusy(TransportError):
    """Another process writes in this bundle's folder."""

    fault = Fault.OPERATOR
