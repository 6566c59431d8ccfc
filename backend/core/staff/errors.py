"""What a person of the staff is told when something is refused."""

from backend.core.errors import BackendError, NotAllowed, Refused, RequestError
from protocol.errors import Fault


class OnePerson(NotAllowed):
    """Who proposed it may not decide it."""


class NotNamed(NotAllowed):
    """What needs two people needs two named ones; the first administrator's token is nobody's name."""


class Decided(Refused):
    """It was decided already."""


class Lapsed(Refused):
    """Its time to be decided is over."""


class AnotherContent(Refused):
    """The digest is that of something else: what was read is not what is proposed."""


class Unfit(RequestError):
    """What is proposed cannot be: a field of it is out of its range, or names nothing."""


class NotApproved(BackendError):
    """What two people have to approve is not approved yet."""

    fault = Fault.OPERATOR


class SignInRefused(NotAllowed):
    """Nobody is signed in by that; what was wrong is told to nobody."""


class TooManyTries(RequestError):
    """Too many failed of late, of this person or from this address. `wait_ms`: for how long nothing is tried."""

    def __init__(self, wait_ms: int, message: str = "too many failed of late", **data: object) -> None:
        super().__init__(message, fix="wait, then try again", wait_ms=wait_ms, **data)
        self.wait_ms = wait_ms


class FreshWanted(NotAllowed):
    """This takes a passkey at this moment and for this request."""


class BadPasskey(RequestError):
    """What an authenticator told does not hold."""
