"""What can be refused about telephone numbers and messages, by name. None of them carries a number or a code."""

from backend.core.errors import BackendError, NotAllowed, RequestError
from backend.core.staff.errors import TooManyTries, Unfit


class BadNumber(Unfit):
    """What was given is no mobile number of Iran."""


class WrongCode(NotAllowed):
    """The code opens nothing: wrong, used, too old, tried too often, or of another number; which, nobody is told."""


class TooManyCodes(TooManyTries):
    """So many codes were sent of late that the next one waits. `wait_ms`: for how long."""


class NumberRefused(RequestError):
    """Whoever sends messages says that this number takes none."""


class SmsUnsent(BackendError):
    """No message was sent, and a person of ours has to see to it: credit, key, template."""


class SmsUnknown(BackendError):
    """Nobody knows whether the message was sent: no clear answer in time."""
