"""Finding a door: the real multicast DNS on loopback, and a street in memory on which anybody may lie."""

import asyncio
from collections.abc import Callable

from transport.errors import PeerAway


class Street:
    """What is announced where everybody hears everybody."""

    def __init__(self) -> None:
        self.said: dict[str, list[tuple[str, int]]] = {}
        self.lies: dict[str, list[tuple[str, int]]] = {}
        self.down = False
        self.asked = 0


class StreetFinder:
    """Fills `transport.finding.Finder`; `address`: where this door is reached."""

    def __init__(
        self, street: Street, address: str = "127.0.0.1", port_of: Callable[[int], int] = lambda port: port
    ) -> None:
        self._street, self._address, self._port_of = street, address, port_of

    async def announce(self, name: str, port: int) -> None:
        self._require_street()
        place = (self._address, self._port_of(port))
        said = self._street.said.setdefault(name, [])
        said.append(place)
        try:
            while True:
                await asyncio.sleep(0.01)
                self._require_street()
        finally:
            said.remove(place)

    async def find(self, name: str) -> list[tuple[str, int]]:
        self._street.asked += 1
        self._require_street()
        await asyncio.sleep(0)
        return [*self._street.lies.get(name, []), *self._street.said.get(name, [])]

    def _require_street(self) -> None:
        if self._street.down:
            raise PeerAway("no street", fix="")
