"""Doors found by name: one suite over real multicast DNS on loopback and over the stand-in of the other tests."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from edge.adapters.door_finder import MdnsFinder
from tests.transport.finders import Street, StreetFinder
from transport.errors import PeerAway
from transport.finding import Finder

ONE, TWO = (f"bus-{os.getpid()}-d{door}" for door in (1, 2))  # loopback is heard by whoever tests beside us
TRIES = 40  # of a question that is answered within moments; a crowded machine is slow, not wrong
Make = Callable[[], Finder]


@pytest.fixture(params=["multicast", "street"])
def make(request: pytest.FixtureRequest) -> Make:
    street = Street()
    return (lambda: MdnsFinder("lo")) if request.param == "multicast" else lambda: StreetFinder(street)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(TRIES):
        if await true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to that")


async def ended(announcing: "asyncio.Task[None]") -> None:
    announcing.cancel()
    with suppress(asyncio.CancelledError):
        await announcing


def test_who_is_announced_is_found_by_name_at_its_port_and_nobody_else(make: Make) -> None:
    async def run() -> None:
        announcing = [asyncio.create_task(make().announce(name, port)) for name, port in ((ONE, 7_400), (TWO, 7_401))]
        for name, port in ((ONE, 7_400), (TWO, 7_401)):
            await until(lambda name=name, port=port: found(name, port))  # type: ignore[misc]
        assert await make().find(f"{ONE}-x") == []
        for task in announcing:
            await ended(task)

    async def found(name: str, port: int) -> bool:
        places = await make().find(name)
        return bool(places) and all(at[1] == port for at in places) and "127.0.0.1" in [at[0] for at in places]

    asyncio.run(run())


def test_who_is_announced_no_more_is_not_found_and_one_who_comes_again_is_where_it_is_now(make: Make) -> None:
    """A door that restarts listens elsewhere; what was said before is not remembered by who asks."""

    async def run() -> None:
        finder = make()
        for port in (7_400, 7_500):
            announcing = asyncio.create_task(make().announce(ONE, port))
            await until(lambda port=port: ports([port]))  # type: ignore[misc]
            await ended(announcing)
            await until(lambda: ports([]))
        assert await finder.find(ONE) == []

    async def ports(wanted: list[int]) -> bool:
        return sorted({port for _, port in await make().find(ONE)}) == wanted

    asyncio.run(run())


def test_somebody_who_has_the_name_already_keeps_nobody_from_saying_it(make: Make) -> None:
    """Names are asked for first elsewhere: whoever answers "taken" would keep the doors apart for good."""

    async def run() -> None:
        liar = asyncio.create_task(make().announce(ONE, 9))
        await until(lambda: ports(9))
        honest = asyncio.create_task(make().announce(ONE, 7_400))
        await until(lambda: ports(7_400))
        for task in (liar, honest):
            assert not task.done()
            await ended(task)

    async def ports(wanted: int) -> bool:
        return wanted in [port for _, port in await make().find(ONE)]

    asyncio.run(run())


def test_without_a_network_both_say_so() -> None:
    street = Street()
    street.down = True
    for finder in (MdnsFinder("no-such-nic"), StreetFinder(street)):
        with pytest.raises(PeerAway):
            asyncio.run(finder.find(ONE))
        with pytest.raises(PeerAway):
            asyncio.run(finder.announce(ONE, 7_400))
