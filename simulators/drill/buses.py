"""Many buses in one process: the product's own uplink over journals made before, and real sessions to a real broker.

What a bus sends twice on purpose: whole batches, batches that overlap the one before, and old ones, by the seed. What
it sends twice by itself (no receipt in time) is counted apart.
"""

import logging
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from edge.app.shipping import ship
from edge.core.limits import RECEIPTS_WAITING_MAX
from edge.core.uplink import Publish, ReceiptOutcome, Uplink, Word
from protocol.errors import ProofError, WireError
from protocol.limits import BATCH_LIVE_RECORDS, BATCH_MAX_BYTES
from protocol.wire.batches import encode_batch
from protocol.wire.health import State, encode_state
from protocol.wire.keys import VerifyingKey
from protocol.wire.receipts import open_receipt
from protocol.wire.records import ClockQuality, Instant
from protocol.wire.topics import Address, Channel, to_all
from simulators.drill.journals import EPOCH, Journal
from transport.config import BrokerConfig
from transport.mqtt import Message, MqttSession

log = logging.getLogger(__name__)
SINK = "backend"
_OVERLAP_MOST = 80


@dataclass(slots=True)
class Sent:
    """How many records went out: for the first time, again on purpose, again by the buses' own retries."""

    fresh: int = 0
    doubled: int = 0
    retried: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """The session began or ended."""

    connected: bool


class Doubling:
    """What is sent again on purpose: `share` of what is new."""

    def __init__(self, seed: int, share: float, sent: Sent) -> None:
        self._random, self._share, self._sent = Random(seed), share, sent  # noqa: S311 - a drill replays from its seed

    def next(self, first: int, last: int) -> tuple[int, int] | None:
        """Behind a batch of these records: which to send again, if it is time."""
        if self._sent.doubled >= self._share * self._sent.fresh:
            return None
        kind = self._random.randrange(4)
        if kind == 0:  # overlapping what came before
            return max(1, first - self._random.randint(1, _OVERLAP_MOST)), last
        if kind == 1:  # an old one
            old = self._random.randint(1, last)
            return old, min(last, old + self._random.randrange(BATCH_LIVE_RECORDS))
        return first, last  # whole


class Bus:
    """One validator's sending side. Everything but `_came` and `_changed` is called by one thread."""

    def __init__(
        self, address: Address, journal: Journal, *, broker: BrokerConfig, receipt_key: VerifyingKey, sent: Sent,
        doubling: Doubling, live: int,
    ) -> None:  # fmt: skip
        self.address, self.journal = address, journal
        self._key, self._sent, self._doubling, self._live = receipt_key, sent, doubling, live
        self._inbox: queue.Queue[Message | Changed] = queue.Queue(RECEIPTS_WAITING_MAX + 100)
        self._uplink = Uplink(address.device, EPOCH, (SINK,), last=0)
        self._appended = self._sent_most = 0
        self.incarnation = 0
        self.forks = 0
        self._taps = address.topic(Channel.TAPS)
        self._bundle = to_all(address.city, address.shard, Channel.BUNDLE)
        self._session = MqttSession(
            broker, client_id=address.device, subscriptions=[address.topic(Channel.RECEIPT), self._bundle],
            on_message=self._put, on_change=lambda connected: self._put(Changed(connected)),
        )  # fmt: skip

    def start(self) -> None:
        """Connect, in the background."""
        self._session.start()

    def stop(self) -> None:
        """Its session ends."""
        self._session.stop()

    def _put(self, it: Message | Changed) -> None:
        """From the session's thread; what finds no room is a receipt, and the next one says it all."""
        if self._inbox.full():
            return
        self._inbox.put_nowait(it)

    @property
    def receipted(self) -> int:
        """How far the newest word goes."""
        return self._uplink.receipted(SINK)

    @property
    def done(self) -> bool:
        """Whether its whole journal is receipted."""
        return self.receipted == len(self.journal.raw)

    def ride(self, most: int) -> None:
        """A little more is tapped, if what was before is nearly held; never more than `most` records in all."""
        if self._appended - self.receipted < self._live and self._appended < min(most, len(self.journal.raw)):
            self._appended = min(self._appended + self._live, most, len(self.journal.raw))
            self._uplink.on_appended(self._appended)

    def step(self) -> None:
        """Words taken in, and what may go out published."""
        now = _now()
        while not self._inbox.empty():
            self._take(self._inbox.get_nowait(), now)
        ship(self._uplink, self.journal.read, self._publish, now)

    def _take(self, it: Message | Changed, now: Instant) -> None:
        if isinstance(it, Changed):
            if it.connected:
                self._uplink.on_connected(SINK)
                self._say_born(now)
            else:
                self._uplink.on_disconnected(SINK)
        elif it.topic == self._bundle:
            self._uplink.on_there(SINK, now.mono_ms)
        else:
            self._receipt_came(it.payload, now)

    def _say_born(self, now: Instant) -> None:
        """Retained, as a validator's: a backend that starts later answers it with where it stands."""
        state = State(self.address.device, True, EPOCH, now.wall_ms, "drill")
        self._session.publish(self.address.topic(Channel.STATE), encode_state(state, self.journal.signer), retain=True)

    def _receipt_came(self, payload: bytes, now: Instant) -> None:
        try:
            it = open_receipt(payload, [self._key])
        except (WireError, ProofError) as error:
            log.error("%s is told what is no receipt: %s", self.address.device, error)
            return
        word = Word(it.device, it.epoch, it.sequence, it.head, it.incarnation, it.issued_ms)
        ours = self.journal.hash_of(it.sequence) if it.sequence <= self._appended else None
        outcome = self._uplink.on_word(SINK, word, ours, now.mono_ms)
        self.forks += outcome is ReceiptOutcome.FORKED
        self.incarnation = max(self.incarnation, it.incarnation)

    def _publish(self, order: Publish, batch: bytes, last: int) -> bool:
        if not self._session.publish(self._taps, batch):
            return False
        self._sent.fresh += max(0, last - max(self._sent_most, order.first - 1))
        self._sent.retried += max(0, min(last, self._sent_most) - order.first + 1)
        self._sent_most = max(self._sent_most, last)
        again = self._doubling.next(order.first, last)
        if again is not None:
            rows = self.journal.read(again[0], again[1] - again[0] + 1, BATCH_MAX_BYTES - 256)
            doubled = encode_batch(
                self.address.device, EPOCH, again[0], [row.raw for row in rows], rows[-1].signature
            )  # fmt: skip
            if self._session.publish(self._taps, doubled):
                self._sent.doubled += len(rows)
        return True


class Fleet:
    """All buses, stepped by turns."""

    def __init__(self, buses: list[Bus], sent: Sent) -> None:
        self.buses, self.sent = buses, sent

    def start(self) -> None:
        """All of them connect."""
        for bus in self.buses:
            bus.start()

    def stop(self) -> None:
        """All of them end."""
        for bus in self.buses:
            bus.stop()

    def step(self, most: int) -> None:
        """Each once, none with more than `most` records tapped; a rest for the others of this machine."""
        for bus in self.buses:
            bus.ride(most)
            bus.step()
        time.sleep(0.005)

    def go_on(self, most: int, seconds: float) -> None:
        """So long, whatever comes of it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.step(most)

    def listen(self, seconds: float) -> None:
        """Take in what is still on its way."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for bus in self.buses:
                bus.step()
            time.sleep(0.005)

    def receipted(self) -> int:
        """Of all, by their newest words."""
        return sum(bus.receipted for bus in self.buses)

    def done(self, *, above: int = 0) -> bool:
        """Whether everything is receipted, by a word of an incarnation above this one."""
        return all(bus.done and bus.incarnation > above for bus in self.buses)


def until(
    fleet: Fleet, reached: Callable[[], bool], *, most: int, tick: Callable[[int], None], stuck_s: float
) -> bool:  # fmt: skip
    """Step on until that is so; False: for `stuck_s` nothing more was receipted."""
    best, since = fleet.receipted(), time.monotonic()
    while not reached():
        fleet.step(most)
        now = fleet.receipted()
        if now != best:
            best, since = now, time.monotonic()
            tick(now)
        elif time.monotonic() - since > stuck_s:
            return False
    return True


def _now() -> Instant:
    return Instant(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000, ClockQuality.TRUSTED, 1)
