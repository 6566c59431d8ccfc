"""Requests at fixed times, whatever becomes of the ones before: an open loop over real HTTP, in a process of its own.

An answer's time counts from when its request was due, so a backend that stands still for a second shows in all that
came meanwhile. What is asked goes over connections that are kept, as a proxy's before the backend are. Each answer is
looked at: one that is not what the phone needs is an error, and no quick refusal makes a figure better.

A process reads a `Load` as JSON from its input and writes what it measured to its output.
"""

import asyncio
import gc
import json
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import cycle
from random import Random
from typing import Any, Final

from benchmarks.accounts_ledger import AGAIN, DUE, EVERY, account, new_key, who_rode
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.registrations import registration_payload

CONNECTIONS: Final = 64  # kept to the backend: 40 threads answer, and what waits for one waits there
ANSWER_S: Final = 20.0  # then it is an error: a phone has given up
WARM_S: Final = 2.0  # from the first request on, of which nothing is told
_VERSION: Final = 10  # of a credential, where its version stands (protocol/wire/passes)
# Twenty requests: ten balances, four pages of receipts, and three passes of two requests each. A pass is what a phone
# does to get one: a challenge, its signature, the registration. One for a new key, one again for a key that has one
# (a new token), one that is due and comes in its next version: each is a commit.
MIX: Final = ("balance",) * 10 + ("receipts",) * 4 + ("new", "again", "due")
REQUESTS_OF: Final = {"new": 2, "again": 2, "due": 2}


class NotServed(Exception):
    """An answer is not what the phone needs."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of whom. `kind`: "time" or "mix"; `first`: passes were asked for so many times before."""

    port: int
    kind: str
    rate: int  # requests a second
    seconds: float
    accounts: int
    rides: int
    seed: int
    first: int = 0


@dataclass(slots=True)
class Measured:
    """Milliseconds from due to answered by kind, errors by their words, the rate reached, this process's own time."""

    ms: dict[str, list[float]]
    errors: dict[str, int]
    rate: float
    own_cpu_s: float
    passes: int


def measured(load: Load) -> Measured:
    """In a process of its own. Raises CalledProcessError."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.open_loop"], input=json.dumps(asdict(load)).encode(), check=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    return Measured(**json.loads(ran.stdout))


class Connections:
    """Kept connections to one port of this machine; at most CONNECTIONS at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self._places = asyncio.Semaphore(CONNECTIONS)

    async def ask(self, method: str, path: str, *, token: str = "", body: bytes = b"") -> tuple[int, Any]:
        """One request → status and the JSON of its answer. Raises OSError, IncompleteReadError, ValueError."""
        async with self._places:
            reader, writer = await self._one()
            kept = False
            try:
                writer.write(_request(method, path, token, body))
                status, found = await _answer(reader)
                kept = True
            finally:
                if kept:
                    self._idle.append((reader, writer))
                else:
                    writer.close()
        return status, json.loads(found)

    async def _one(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():  # the server ends what is not used for seconds
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def close(self) -> None:
        """All of them."""
        for _, writer in self._idle:
            writer.close()
            with suppress(OSError):  # the server may have been first
                await writer.wait_closed()


def _request(method: str, path: str, token: str, body: bytes) -> bytes:
    told = f"Authorization: Bearer {token}\r\n" if token else ""
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{told}{kind}\r\n".encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lengths = [it.partition(":")[2] for it in head[1:] if it.lower().startswith("content-length:")]
    if not lengths:
        raise ValueError("an answer without its length")
    return int(head[0].split(" ", 2)[1]), await reader.readexactly(int(lengths[0]))


class Phones:
    """What the phones of a city ask. Raises NotServed for an answer that is no use to them."""

    def __init__(self, load: Load, connections: Connections) -> None:
        self._load, self._connections = load, connections
        self._drawn = Random(f"{load.seed} {load.first}")
        self.passes = load.first
        self.kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "time": self._time, "balance": self._balance, "receipts": self._receipts, "new": self._new,
            "again": self._again, "due": self._due,
        }  # fmt: skip

    async def _get(self, path: str, token: str = "") -> Any:
        status, body = await self._connections.ask("GET", path, token=token)
        if status != 200:
            raise NotServed(f"{status} {body.get('code')}")
        return body

    async def _time(self) -> None:
        found = await self._get(f"/v1/time?nonce={self._drawn.randbytes(16).hex()}")
        if len(found["signature"]) != 128:
            raise NotServed("a time without its signature")

    async def _balance(self) -> None:
        who = account(self._with_its_token(lambda: self._drawn.randrange(self._load.accounts)))
        found = await self._get(f"/v1/riders/{who.name}/balance", who.token)
        if found["credential_id"] != who.name or not isinstance(found["balance_rials"], int):
            raise NotServed("another balance")

    async def _receipts(self) -> None:
        taps = max(self._load.rides, 1)
        who = account(self._with_its_token(lambda: who_rode(self._drawn.randrange(taps), self._load.accounts)))
        found = await self._get(f"/v1/riders/{who.name}/receipts", who.token)
        if not found["receipts"] and self._load.rides:
            raise NotServed("a rider without his rides")

    def _with_its_token(self, draw: Callable[[], int]) -> int:
        """An account that nobody registers again, which would end its token."""
        while True:
            number = draw()
            if number % EVERY not in {AGAIN, DUE}:
                return number

    async def _new(self) -> None:
        self.passes += 1
        _, version = await self._registered(new_key(self._load.seed, self.passes))
        if version != 1:
            raise NotServed("a new key whose pass is not its first")

    async def _again(self) -> None:
        who = account(self._next(AGAIN))
        name, _ = await self._registered(who.key)
        if name != who.name:
            raise NotServed("a known key that has another pass")

    async def _due(self) -> None:
        who = account(self._next(DUE))
        name, version = await self._registered(who.key)
        if name != who.name or version < 2:
            raise NotServed("a pass that was due and did not come in its next version")

    def _next(self, of: int) -> int:
        """Each time another one of these, from all over the ledger."""
        self.passes += 1
        many = self._load.accounts // EVERY
        return self.passes * 7_919 % many * EVERY + of

    async def _registered(self, key: SigningKey) -> tuple[str, int]:
        """Its pass's name and version."""
        status, told = await self._connections.ask("POST", "/v1/riders/challenges")
        if status != 201:
            raise NotServed(f"{status} {told.get('code')}")
        challenge = bytes.fromhex(told["challenge"])
        proof = key.sign(Purpose.REGISTRATION, registration_payload(challenge, key.public))
        body = {"public_key": key.public.hex(), "proof": proof.hex(), "challenge": challenge.hex()}
        status, found = await self._connections.ask("POST", "/v1/riders", body=json.dumps(body).encode())
        if status != 201:
            raise NotServed(f"{status} {found.get('code')}")
        credential = bytes.fromhex(found["credential"])
        if key.public not in credential:
            raise NotServed("a pass of another key")
        return found["credential_id"], credential[_VERSION]


def arrivals(load: Load) -> Iterator[tuple[float, str]]:
    """When what is due, in seconds from the start: so many requests a second, in one order that comes again."""
    mix = ["time"] if load.kind == "time" else list(MIX)
    Random(load.seed).shuffle(mix)
    requests = sum(REQUESTS_OF.get(it, 1) for it in mix)
    gap_s = requests / len(mix) / load.rate
    for number, kind in enumerate(cycle(mix)):
        if number * gap_s >= load.seconds + WARM_S:
            return
        yield number * gap_s, kind


class _Loop:
    """One run."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._ms: dict[str, list[float]] = {}
        self._errors: dict[str, int] = {}
        self._last_s = 0.0
        self._requests = 0

    async def run(self) -> Measured:
        connections = Connections(self._load.port)
        phones = Phones(self._load, connections)
        under_way: set[asyncio.Task[None]] = set()
        gc.collect()
        gc.disable()  # a run is short, and a pause of ours would be told as the backend's
        own = _own_s()
        began_s = time.perf_counter()
        for at_s, kind in arrivals(self._load):
            ahead_s = began_s + at_s - time.perf_counter()
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            asked = asyncio.create_task(self._timed(phones.kinds[kind], kind, began_s, at_s))
            under_way.add(asked)
            asked.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        await connections.close()
        gc.enable()
        rate = self._requests / (self._last_s - WARM_S) if self._last_s > WARM_S else 0.0
        return Measured(self._ms, self._errors, round(rate, 1), _own_s() - own, phones.passes)

    async def _timed(self, ask: Callable[[], Awaitable[None]], kind: str, began_s: float, at_s: float) -> None:
        error = ""
        try:
            await asyncio.wait_for(ask(), ANSWER_S)
        except (NotServed, OSError, EOFError, ValueError, TimeoutError) as failed:
            error = f"{kind}: {type(failed).__name__} {failed}"[:100]
        ended_s = time.perf_counter() - began_s
        if at_s < WARM_S:
            return
        self._last_s = max(self._last_s, ended_s)
        if error:
            self._errors[error] = self._errors.get(error, 0) + 1
            return
        self._requests += REQUESTS_OF.get(kind, 1)
        name = "pass" if kind in REQUESTS_OF else kind
        self._ms.setdefault(name, []).append((ended_s - at_s) * 1000)


def _own_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(told: Sequence[str]) -> None:
    """Measure what the input says."""
    load = Load(**json.loads("".join(told)))
    sys.stdout.write(json.dumps(asdict(asyncio.run(_Loop(load).run()))))


if __name__ == "__main__":
    main(sys.stdin.readlines())
