"""A city's keys, its regular riders, and a clock that runs faster than the world's: what an ageing bus is made of."""

import itertools
import time
from collections.abc import Iterator
from hashlib import sha256

from benchmarks.phones import Phone, phone
from edge.core.ports import Showing
from protocol.fares.hints import Hint
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from protocol.wire.bundles import Bundle
from protocol.wire.codes import read_code, write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import LongPass, open_long_pass, read_issued
from protocol.wire.records import ClockQuality, Instant, Service
from protocol.wire.topics import Address

ADDRESS = Address("bench", "s1", "bench-1")
DEVICE = ADDRESS.device
SERVICE = Service("bus-1", 1, "r1", 0)
EPOCH = 1
ALLOWANCE_UNITS = 255  # the most that a credential can have: 12.75 million rials
REGULARS = 12_000  # riders who take turns: at 50 taps a second each is back after the repeat window of 180 s


class City:
    """Keys, bundle and regular riders, the same for the same `seed`: a second process has the same city."""

    def __init__(self, seed: bytes, *, issued_ms: int, regulars: int = REGULARS) -> None:
        self._seed = seed
        self.issuer, self.device, self.backend = (self._key(name) for name in ("issuer", "device", "backend"))
        self.bundle = Bundle(
            "bench", 1, issued_ms, (self.issuer.public,), (self.backend.public,), self.backend.public,
            Tariff(1, 50_000),
        )  # fmt: skip
        expiry_day = service_day(issued_ms) + 400
        self._riders = itertools.cycle([self._rider(number, expiry_day) for number in range(regulars)])
        self._counter = itertools.count(1)

    def _key(self, name: str) -> SigningKey:
        return SigningKey.from_secret(sha256(self._seed + name.encode()).digest())

    def _rider(self, number: int, expiry_day: int) -> Phone:
        key = self._key(f"rider {number}")
        # 120 days without a network are 20 rides of each, and all of them have to be accepted.
        return phone(self.issuer, key, number, expiry_day=expiry_day, allowance_units=ALLOWANCE_UNITS)

    def code(self, now: Instant) -> bytes:
        """The text in the next rider's QR."""
        return write_code(self._raw(now)).encode()

    def verified(self, text: bytes) -> LongPass:
        """What the camera saw → a proven pass, as on the bus."""
        return open_long_pass(read_code(text), [self.issuer.verifying])

    def issued(self, now: Instant) -> LongPass:
        """The next rider's pass without the verification: its signatures are real and were made right here."""
        raw = self._raw(now)
        return LongPass(read_issued(raw[:112]), int.from_bytes(raw[112:116], "big"),
                        int.from_bytes(raw[116:118], "big"), 0, raw)  # fmt: skip

    def _raw(self, now: Instant) -> bytes:
        return next(self._riders).raw(now.wall_ms // 1000, counter=next(self._counter) % 65_536)


class LastShown:
    """A panel that remembers what it showed."""

    def __init__(self) -> None:
        self.showing: Showing | None = None

    def show(self, showing: Showing) -> None:
        """Remember it."""
        self.showing = showing

    def idle(self) -> None:
        """Forget it."""
        self.showing = None

    def hint(self, hint: Hint | None) -> None:
        """Nothing to remember."""


class Lapse:
    """A trusted clock that runs `speed` times as fast as the world's, may be held, and set forward. Begins held."""

    def __init__(self, wall_ms: int, speed: int = 1) -> None:
        self.speed = speed
        self._wall_ms = wall_ms
        self._mono_ms = 0
        self._since_ns: int | None = None

    def _passed_ms(self) -> int:
        return 0 if self._since_ns is None else (time.monotonic_ns() - self._since_ns) * self.speed // 1_000_000

    def read(self) -> Instant:
        """Now, as `Clock` has it."""
        passed = self._passed_ms()
        return Instant(self._wall_ms + passed, self._mono_ms + passed, ClockQuality.TRUSTED, 1)

    def hold(self, forward_ms: int = 0) -> None:
        """Stop, `forward_ms` later than it is."""
        passed = self._passed_ms() + forward_ms
        self._wall_ms, self._mono_ms, self._since_ns = self._wall_ms + passed, self._mono_ms + passed, None

    def go(self) -> None:
        """Run on from where it was held."""
        self._since_ns = time.monotonic_ns()


def instants(begin_ms: int, step_ms: int) -> Iterator[Instant]:
    """A trusted clock read every `step_ms`, without waiting."""
    for number in itertools.count():
        yield Instant(begin_ms + number * step_ms, number * step_ms, ClockQuality.TRUSTED, 1)
