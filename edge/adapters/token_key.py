"""A device's tap key in a token, for everybody here who signs by it: what the token cannot do is a SignerFailed.

Rules:
- the token is looked for at each signature, the first one as well: a door that starts without it signs later;
- until it was there once nobody knows its public half, and that is a SignerFailed, too.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge.core.errors import SignerFailed
from hardware_keys.errors import HardwareKeyError
from hardware_keys.places import KeyPlace
from protocol.wire.keys import Purpose, VerifyingKey

if TYPE_CHECKING:
    from hardware_keys.keys import TokenKey


class TokenTapKey:
    """The key at a place; any thread may sign with it."""

    def __init__(self, place: KeyPlace) -> None:
        self.place = place
        self._opening = threading.Lock()
        self._key: TokenKey | None = None

    def open(self) -> None:
        """Have the key prove itself now. Raises SignerFailed."""
        with _said():
            self._opened()

    @property
    def verifying(self) -> VerifyingKey:
        """Its public half. Raises SignerFailed."""
        with _said():
            return self._opened().verifying

    @property
    def public(self) -> bytes:
        """Compressed public point, 33 bytes. Raises SignerFailed."""
        return self.verifying.public

    @property
    def id(self) -> bytes:
        """8-byte key id. Raises SignerFailed."""
        return self.verifying.id

    def sign(self, purpose: Purpose, payload: bytes) -> bytes:
        """64-byte low-s signature over the payload for this purpose. Raises SignerFailed."""
        with _said():
            return self._opened().sign(purpose, payload)

    def _opened(self) -> "TokenKey":
        from hardware_keys.keys import open_key  # noqa: PLC0415 - 4 MB that a door with a key file has no use of

        with self._opening:
            if self._key is None:
                self._key = open_key(self.place)
            return self._key


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except HardwareKeyError as error:
        raise SignerFailed(f"the tap key does not sign: {error.message}", fix=error.fix, by=error.name) from error
