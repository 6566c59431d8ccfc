"""A fleet that comes back to its broker all at once over mutual TLS, against the broker's own processor time for it.

The bound is measured first in the same run: what the real Mosquitto spends on a handshake and a CONNECT when clients
come one after another. Its one thread cannot let a fleet in faster than so many of them take. Then the broker is
started anew and every device connects in the same moment, with a certificate of its own, and sends what it has kept.
Devices are sockets of one process that speak MQTT 3.1.1 by hand: what is measured is the broker, and the clients' own
share of the processors stands beside it.
"""

import asyncio
import os
import resource
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.figures import percentile, processor_s
from protocol.fares.tariff import Tariff
from protocol.wire.topics import Address, Channel
from provisioning.app.city import create_city
from provisioning.app.makers import Authority
from provisioning.core.broker_config import roles_json
from provisioning.core.city import identities
from provisioning.core.layout import AuthorityFolder
from provisioning.core.purposes import Purpose
from simulators.mosquitto import Mosquitto

_CITY, _SHARD = "isfahan", "s0"
_LET_IN = b"\x20\x02\x00\x00"
_ALONE_MAX = 200  # clients that come one after another: enough ticks of a hundredth of a second
_KEPT, _KEPT_BYTES = 10, 400  # messages that each device has kept, and how long one is
_AGAIN_MIN_S, _AGAIN_MAX_S = 0.5, 60.0  # as a device's own session: a random time below a bound that doubles
_FILES_BESIDE = 200  # descriptors of anything else

Tick = Callable[[int], None]
_Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class _Device:
    name: str
    context: ssl.SSLContext


def run(folder: Path, *, devices: int, seed: int, tick: Tick) -> dict[str, Any]:
    """So many devices come back at once → figures. Raises OSError where so many sockets are not allowed."""
    _allow_sockets(2 * devices + _FILES_BESIDE)
    root = folder / "city"
    fleet = _fleet(root, devices, tick)
    alone = fleet[:_ALONE_MAX]
    with Mosquitto(root) as broker:
        before = processor_s(broker.pid)
        asyncio.run(_one_by_one(broker.port, alone))
        each_s = (processor_s(broker.pid) - before) / len(alone)
        broker.restart()
        before, mine = processor_s(broker.pid), time.process_time()
        came = asyncio.run(_Return(broker.port, Random(seed), tick).of(fleet))
        spent, own = processor_s(broker.pid) - before, time.process_time() - mine
    bound_s = each_s * devices
    return {
        "devices": devices,
        "seed": seed,
        "load": os.getloadavg()[0],
        "handshake_cpu_ms": round(each_s * 1000, 2),
        "bound_s": round(bound_s, 2),
        "all_in_s": round(max(came.let_in_s), 2),
        "ratio": round(max(came.let_in_s) / bound_s, 2) if bound_s else None,
        "half_in_s": round(percentile(came.let_in_s, 50), 2),
        "tries_a_device": round(came.tries / devices, 2),
        "drained_s": round(came.drained_s, 2),
        "acknowledged": came.acknowledged,
        "brokerprocessor_s": round(spent, 2),
        "clientsprocessor_s": round(own, 2),
    }


def _allow_sockets(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise OSError(f"{wanted} open files are needed and {hard} allowed: ulimit -Hn {wanted}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))  # the broker inherits it


def _fleet(root: Path, devices: int, tick: Tick) -> list[_Device]:
    """A city whose broker knows so many devices, and their certificates: as enrolling makes them, roles once."""
    now = datetime.now(UTC)
    create_city(root, name=_CITY, shard=_SHARD, tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
    authority = Authority.load(AuthorityFolder(root / "authority"), now, os.urandom)
    names = [f"bus-{number:05}-d1" for number in range(devices)]
    fleet = []
    for name in names:
        keys = root / "devices" / name / "keys"
        keys.mkdir(parents=True)
        authority.write_leaf(keys, Purpose.DEVICE, name)
        context = ssl.create_default_context(cafile=str(keys / "ca.crt.pem"))
        context.load_cert_chain(keys / "tls.crt.pem", keys / "tls.key.pem")
        fleet.append(_Device(name, context))
        tick(1)
    (root / "broker" / "dynamic-security.json").write_text(roles_json(identities(_CITY, _SHARD, names)))
    return fleet


async def _one_by_one(port: int, fleet: list[_Device]) -> None:
    for device in fleet:
        await _ended(await _let_in(port, device))


class _Return:
    """A fleet that comes back: seconds from the start until each was let in, all tries, the last acknowledgement."""

    def __init__(self, port: int, rng: Random, tick: Tick) -> None:
        self._port, self._rng, self._tick = port, rng, tick
        self._began = time.monotonic()
        self.let_in_s: list[float] = []
        self.tries = self.acknowledged = 0
        self.drained_s = 0.0

    async def of(self, fleet: list[_Device]) -> "_Return":
        """Everybody at once; they stay until all are through."""
        self._began = time.monotonic()
        pairs = await asyncio.gather(*map(self._back, fleet))
        await asyncio.gather(*map(_ended, pairs))
        return self

    async def _back(self, device: _Device) -> _Pair:
        """Connect, again and again as a device does; then send what was kept and wait for its acknowledgements."""
        reader, writer = await self._connected(device)
        self.let_in_s.append(time.monotonic() - self._began)
        self._tick(1)
        topic = Address(_CITY, _SHARD, device.name).topic(Channel.TAPS)
        for number in range(1, _KEPT + 1):
            writer.write(_publish(topic, number))
        await writer.drain()
        await reader.readexactly(4 * _KEPT)
        self.acknowledged += _KEPT
        self.drained_s = time.monotonic() - self._began
        return reader, writer

    async def _connected(self, device: _Device) -> _Pair:
        bound_s = _AGAIN_MIN_S
        while True:
            self.tries += 1
            try:
                return await _let_in(self._port, device)
            except (OSError, asyncio.IncompleteReadError):  # TLS errors are OSErrors, too
                await asyncio.sleep(self._rng.uniform(_AGAIN_MIN_S / 2, bound_s))
                bound_s = min(2 * bound_s, _AGAIN_MAX_S)


async def _ended(pair: _Pair) -> None:
    pair[1].close()
    with suppress(OSError):  # the broker may have been first
        await pair[1].wait_closed()


async def _let_in(port: int, device: _Device) -> _Pair:
    """A connection of which the broker has said that it is one. Raises OSError, IncompleteReadError."""
    pair = await asyncio.open_connection("127.0.0.1", port, ssl=device.context, server_hostname="localhost")
    reader, writer = pair
    writer.write(_connect(device.name))
    try:
        answer = await reader.readexactly(len(_LET_IN))
        if answer != _LET_IN:
            raise ConnectionRefusedError(f"the broker answers {answer.hex()}")
    except (OSError, asyncio.IncompleteReadError):
        await _ended(pair)
        raise
    return pair


def _connect(client_id: str) -> bytes:
    """CONNECT with a clean session and a keepalive of ten minutes (MQTT 3.1.1 §3.1)."""
    return _packet(0x10, _text("MQTT") + b"\x04\x02\x02\x58" + _text(client_id))


def _publish(topic: str, number: int) -> bytes:
    """PUBLISH at QoS 1 (§3.3)."""
    return _packet(0x32, _text(topic) + number.to_bytes(2, "big") + bytes(_KEPT_BYTES))


def _packet(kind: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:  # 7 bits a byte, the low ones first (§2.2.3)
        left, low = divmod(left, 128)
        length += bytes([low | (0x80 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()
