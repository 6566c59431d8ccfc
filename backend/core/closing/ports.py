"""The ports for closed accounts: what is kept, and what the API asks."""

from collections.abc import Sequence
from typing import Protocol

from backend.core.closing.closing import Closing, Left
from backend.core.moving import Former
from backend.core.ports import Rider


class ClosingStore(Protocol):
    """Each change is one durable transaction. Raises StoreFailed."""

    def close_account(self, rider: Rider, former: Former, closing: Closing) -> None:
        """Close it, with its credential's last version ended and the next one nobody's. Raises Refused, with why."""
        ...

    def closed(self, credential_id: bytes) -> Left | None:
        """How one stands; None where it is open."""
        ...

    def closed_ones(self, after: bytes, limit: int) -> Sequence[Left]:
        """By credential, those behind `after`."""
        ...

    def leave_over(self, now_ms: int, limit: int) -> int:
        """Of up to so many whose time is over, what the wallet holds becomes what is owed → of how many it did."""
        ...


class ClosingDesk(Protocol):
    """What the API asks of the app."""

    def close(self, rider: Rider) -> Left:
        """Close his account; one that is closed is told as it stands. Raises Refused, with why."""
        ...

    def of(self, credential_id: bytes) -> Left:
        """How one stands. Raises NotFound where it is open."""
        ...

    def require_open(self, credential_id: bytes) -> None:
        """Return where it is. Raises Refused."""
        ...

    def listed(self, after: bytes, limit: int) -> Sequence[Left]:
        """For finance: by credential, those behind `after`."""
        ...
