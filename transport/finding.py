"""How a door finds its sister on the bus's own network, as the link needs it. What is found is a hint and no proof.

An announcement says "the door of this name listens there". Anybody on the network can say so, and nothing of it is
believed: whoever is called proves itself by the city's certificate under that very name, or is let go. A liar can
keep two doors apart, which they say, and can do no more.
"""

from typing import Protocol


class Finder(Protocol):
    """Used on the link's own loop."""

    async def announce(self, name: str, port: int) -> None:
        """Say that the door `name` listens at this port, on every address, until cancelled. Raises PeerAway."""
        ...

    async def find(self, name: str) -> list[tuple[str, int]]:
        """Where the door of this name is said to listen, (address, port), a few at most; empty if nobody says.

        Raises PeerAway where nobody can be asked.
        """
        ...
