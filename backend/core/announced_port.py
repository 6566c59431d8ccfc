"""The port for what was announced last. Part of `Store`."""

from collections.abc import Mapping
from typing import Protocol


class AnnouncedStore(Protocol):
    """The newest manifest that was announced, and its deny list. Raises StoreFailed."""

    def keep_announced(self, manifest: bytes, deny: Mapping[bytes, int]) -> None:
        """Keep both in place of those before, in one transaction.

        Who comes onto the list owing too much (an open denial) is on it for that, as long as it names this version.
        """
        ...

    def announced(self) -> bytes | None:
        """The newest manifest that was announced, as it was signed; None before the first."""
        ...

    def announced_denials(self) -> Mapping[bytes, int] | None:
        """Its deny list; None where that was not kept: an older software announced it."""
        ...

    def has_paid(self, credential_id: bytes, version: int) -> bool:
        """Whether the announced list denies this rider, up to this version, for a debt alone that holds no more."""
        ...
