"""What goes wrong between a door's computer and its board, and whose fault it is."""

from protocol.errors import Fault, SavarError


class BridgeError(SavarError):
    """Base of the bridge's errors."""


class FrameDamaged(BridgeError):
    """Bytes on the line are no frame: the line is noisy. Counted, never acted upon."""

    fault = Fault.PEER


class BoardGone(BridgeError):
    """The board does not answer: cable, power, or a firmware that hangs."""


class BoardRefused(BridgeError):
    """The board speaks another version, or lacks commands that this software needs. `differences` names them."""

    fault = Fault.OPERATOR


class BoardBusy(BridgeError):
    """More commands wait for the board than it can be behind."""


class MeasuredInVain(BridgeError):
    """What was counted on the board's lines is no measure."""

    fault = Fault.OPERATOR


class CommandUnknown(BridgeError):
    """A command, or an argument, that the declaration does not have."""

    fault = Fault.OPERATOR
