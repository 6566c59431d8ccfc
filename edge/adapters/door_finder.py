"""Doors announced and found by multicast DNS (RFC 6762, 6763), service `_savar-door._tcp`, with zeroconf.

No server and no internet: questions and answers stay on the link. IPv4 and IPv6, so that a bare cable between two
doors, with nothing but the addresses that each gives itself, is enough.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import ifaddr
import zeroconf
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from transport.config import PeerConfig
from transport.errors import PeerAway
from transport.finding import Finder

SERVICE = "_savar-door._tcp.local."
ASK_MS = 1_500  # three questions, 20 to 1,000 ms apart; a door on the same cable answers the first within 0.2 s
LOOK_AGAIN_S = 2.0  # whether the network has come, or its addresses have changed
FOUND_MAX = 8  # addresses that are tried: a door has two to four
_FIX = "look at the cable between the doors and at `interface` in [sister]; boardings are kept"


def finder_for(config: PeerConfig) -> Finder | None:
    """None where the addresses are written down."""
    return MdnsFinder(config.interface) if config.finds else None


class MdnsFinder:
    """On one interface, or on every one but loopback. Each question and each announcement opens sockets of its own."""

    def __init__(self, interface: str | None) -> None:
        self._interface = interface

    async def announce(self, name: str, port: int) -> None:
        """Until cancelled, anew whenever this door's addresses change. Raises PeerAway."""
        while True:
            mine = self._addresses()
            info = AsyncServiceInfo(
                SERVICE, f"{name}.{SERVICE}", port=port, server=f"{name}.savar-door.local.", parsed_addresses=mine
            )
            try:
                async with _opened(mine) as opened:
                    # Not asked first whether the name is free: whoever claimed it would keep us from saying ours.
                    await (await opened.async_register_service(info, cooperating_responders=True))  # said, three times
                    while self._addresses() == mine:  # noqa: ASYNC110
                        await asyncio.sleep(LOOK_AGAIN_S)  # the system is asked: it tells nobody by itself
            except (OSError, zeroconf.Error, RuntimeError) as error:
                raise PeerAway(f"this door cannot be announced: {error}", fix=_FIX) from error

    async def find(self, name: str) -> list[tuple[str, int]]:
        """Asked anew each time: what was true before a restart is not remembered. Raises PeerAway."""
        mine = self._addresses()
        asked = AsyncServiceInfo(SERVICE, f"{name}.{SERVICE}")
        try:
            async with _opened(mine) as opened:
                await asked.async_request(opened.zeroconf, ASK_MS)
        except (OSError, zeroconf.Error, RuntimeError) as error:
            raise PeerAway(f"the other door cannot be asked for: {error}", fix=_FIX) from error
        port = asked.port
        return [(address, port) for address in asked.parsed_scoped_addresses()[:FOUND_MAX]] if port else []

    def _addresses(self) -> list[str]:
        """This door's own on the bus's network that may be used now, sorted. Raises PeerAway if there are none."""
        found = set()
        for adapter in ifaddr.get_adapters():
            for ip in adapter.ips:
                address = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
                ours = adapter.name == self._interface or (
                    self._interface is None and not ip_address(address).is_loopback
                )
                if ours and _usable(ip):
                    found.add(address)
        if not found:
            where = self._interface or "any interface"
            raise PeerAway(f"this door has no address on {where} to be found at", fix=_FIX)
        return sorted(found)


def _usable(ip: ifaddr.IP) -> bool:
    """Whether it may be bound. An IPv6 address is there a second or two before that, while it is asked for in vain.

    zeroconf leaves out what cannot be bound, and would be deaf there for good.
    """
    six = not isinstance(ip.ip, str)
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind((ip.ip[0], 0, *ip.ip[1:]) if six else (ip.ip, 0))
        except OSError:
            return False
    return True


@asynccontextmanager
async def _opened(addresses: list[str]) -> AsyncIterator[AsyncZeroconf]:
    """Sockets on these addresses, closed to the end even if whoever waits for that is cancelled."""
    six = any(":" in address for address in addresses)
    opened = AsyncZeroconf(
        interfaces=list(addresses), ip_version=zeroconf.IPVersion.All if six else zeroconf.IPVersion.V4Only
    )
    try:
        await opened.zeroconf.async_wait_for_start()
        yield opened
    finally:
        closing = asyncio.ensure_future(opened.async_close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await closing
            raise
