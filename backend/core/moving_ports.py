"""The port for credentials that move to another phone. Part of the store."""

from collections.abc import Mapping
from typing import Protocol

from backend.core.concessions.grant import Grant
from backend.core.moving import Former
from backend.core.ports import Rider


class MovingStore(Protocol):
    """Raises StoreFailed."""

    def move_rider(self, rider: Rider, former: Former, proposal_id: str | None) -> None:
        """The rider's new credential and token in place of `former`, which is kept; what allowed it is used up.

        One durable transaction. Raises Refused where another move came first, the account is closed, or its rider owes
        and no proposal allowed it.
        """
        ...

    def may_renew(self, credential_id: bytes, version: int) -> bool:
        """Whether it is not denied: a higher version would ride until the next list."""
        ...

    def owes(self, credential_id: bytes) -> bool:
        """Whether it is denied for debt."""
        ...

    def renew_rider(self, rider: Rider, former: Former, read: Grant) -> None:
        """The rider's next version and class in place of `former`, over the same key; his token stays.

        One durable transaction. Raises Refused where it moved meanwhile, is denied, or the account is closed;
        Regranted where he has not the class any more that was `read`.
        """
        ...

    def was_moved(self, public_key: bytes) -> bool:
        """Whether a credential was moved away from this key."""
        ...

    def ended_versions(self) -> Mapping[bytes, int]:
        """Of each credential that was ever moved, its newest ended version; one that was renewed has not ended."""
        ...
