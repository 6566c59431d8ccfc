"""What can fail in the city in a box."""

from protocol.errors import Fault, SavarError


class SimulatorError(SavarError):
    """A part of the simulation cannot do its work; nothing real is touched."""


class BrokerNotStarted(SimulatorError):
    """The embedded broker cannot listen."""


class ProviderNotStarted(SimulatorError):
    """The simulated payment provider cannot listen."""


class DiskUnavailable(SimulatorError):
    """This machine or this user gives no loop device with ext4, so no real power can be cut here."""


class DiskFailed(SimulatorError):
    """A loop disk could not be made, mounted, cut or given back."""


class ProcessSilent(SimulatorError):
    """A validator's process ended by itself, or showed nothing when its power should have been cut."""


class LineLost(SimulatorError):
    """A serial line was unplugged, or one of its ends was closed."""


class NoSuchKind(SimulatorError):
    """Frames were asked for of a kind that nobody draws."""

    fault = Fault.OPERATOR


class EmulatorFailed(SavarError):
    """The emulated board does not do what is asked of it."""
