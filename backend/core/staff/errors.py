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
