"""The uplink, sans-I/O: which records go to which sink next, given the receipts so far.

Rules:
- a sink has everything up to its last verified receipt, and nothing is taken as delivered by anything else (P2);
- at most `INFLIGHT_BATCHES` batches are on their way; while they are, taps gather into the next batch by themselves;
- a batch not receipted in time is sent again from the receipted sequence on (go-back-N); the wait doubles to a bound;
- a receipt that does not advance while batches are on their way says that the sink misses something: go back at once,
  at most once a `RETRY_MIN_MS`;
- a sink that says it is there, after it may have been away, is sent at once what it has not answered, under the same
  bound: a backend that starts again need not wait out the doubled wait of every bus;
- a word of an older incarnation than the newest heard is a late message, whatever it says and whenever it was issued:
  the ledger that spoke it is gone; a word of a newer one counts, also where it lies *below* what was receipted: a
  restored backend gets its taps again (P2);
- within one incarnation a word below what was receipted is late if it was issued earlier, and an unannounced restore if
  it was issued later;
- a word whose head is not our hash of that sequence, or that reaches beyond our end, is a fork: reported, never acted
  upon (P11), and unsaid only by a newer word; what such a sink is sent after that is evidence. No answer says which
  batch it answers, so none is waited for: all of it goes out anew, after ten minutes and then ever less often.
"""

from collections import deque
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum

from edge.core.limits import FORK_ROUND_MAX_MS, FORK_ROUND_MIN_MS, INFLIGHT_BATCHES, RETRY_MAX_MS, RETRY_MIN_MS
from protocol import limits


@dataclass(frozen=True, slots=True)
class Word:
    """What a sink says that it holds of a journal: a verified receipt, or the sister's witness."""

    device: str
    epoch: int
    sequence: int
    head: bytes
    incarnation: int
    issued_ms: int


class ReceiptOutcome(Enum):
    """What a sink's word meant."""

    ADVANCED = "advanced"
    REPEATED = "repeated"
    LATE = "late"
    REWOUND = "rewound"  # the backend was restored and stands lower than before
    FORKED = "forked"
    FOREIGN = "foreign"  # another device or epoch


@dataclass(frozen=True, slots=True)
class Publish:
    """Send to `sink` up to `most` consecutive records from `first`."""

    sink: str
    first: int
    most: int


@dataclass(frozen=True, slots=True)
class _Flight:
    last: int
    sent_ms: int


@dataclass(slots=True)
class _Sink:
    connected: bool = False
    forked: bool = False
    round_ms: int = 0  # since when a fork's evidence goes out,
    round_wait_ms: int = FORK_ROUND_MIN_MS  # and for how long it then rests
    base: int = 0  # what lies at or below it is not there any more, and is not missed
    receipted: int = 0
    incarnation: int = 0
    issued_ms: int = 0
    sent: int = 0
    wait_ms: int = RETRY_MIN_MS
    rewound_ms: int | None = None
    flights: deque[_Flight] = field(default_factory=deque)

    def go_back(self) -> None:
        self.flights.clear()
        self.sent = max(self.receipted, self.base)

    def fork(self, word: Word, now_ms: int) -> None:
        """The word names another history. A restored ledger has lost the evidence, too: it is sent again."""
        if not self.forked:
            self.forked, self.round_ms = True, now_ms
        if word.incarnation > self.incarnation:
            if self.incarnation:  # the first one heard is not restored
                self.receipted = 0  # what a ledger that is gone said of a history that this one does not know
                self.go_back()
            self.incarnation, self.issued_ms = word.incarnation, word.issued_ms
        self.issued_ms = max(self.issued_ms, word.issued_ms)  # what was said before it is late
        self.flights.clear()  # one word answers all that came at once

    def may_go_back(self, now_ms: int) -> bool:
        """Whether there is something to send before its time, and that was not done a moment ago; if so, it is now."""
        may = bool(self.flights) and (self.rewound_ms is None or now_ms - self.rewound_ms >= RETRY_MIN_MS)
        if may:
            self.rewound_ms = now_ms
        return may

    def unanswered(self) -> None:
        """What is on its way, or its answer, was lost: it is sent again; a fork's evidence with the next round."""
        if self.forked:
            self.flights.clear()
        else:
            self.go_back()

    def round_due(self, last: int, now_ms: int) -> bool:
        """Whether all of a fork's evidence went out, and long enough ago."""
        return self.rests(last) and now_ms - self.round_ms >= self.round_wait_ms

    def rests(self, last: int) -> bool:
        """Whether all of a fork's evidence went out, and none of it is waited for."""
        return self.forked and not self.flights and self.sent >= last

    def next_round(self, now_ms: int) -> None:
        """All of it goes out anew, and rests longer."""
        self.round_ms = now_ms
        self.round_wait_ms = min(2 * self.round_wait_ms, FORK_ROUND_MAX_MS)
        self.go_back()

    def advanced(self) -> None:
        self.wait_ms = RETRY_MIN_MS
        self.sent = max(self.sent, self.receipted)
        while self.flights and self.flights[0].last <= self.receipted:
            self.flights.popleft()


class Uplink:
    """State of every sink. All times are monotonic milliseconds handed in."""

    def __init__(self, device: str, epoch: int, sinks: tuple[str, ...], *, last: int) -> None:
        self.device = device
        self.epoch = epoch
        self._last = last
        self._sinks = {name: _Sink() for name in sinks}

    # --- events ------------------------------------------------------------------------------------------------------

    def on_appended(self, sequence: int) -> None:
        """The journal now ends here."""
        self._last = sequence

    def on_connected(self, sink: str) -> None:
        """A session with the sink begins; whatever was on its way before is void."""
        state = self._sinks[sink]
        state.connected = True
        state.wait_ms = RETRY_MIN_MS
        state.round_wait_ms = FORK_ROUND_MIN_MS
        state.go_back()

    def begins(self, sink: str, first: int) -> None:
        """This sink is not sent what lies below `first`: it was receipted by the backend, and pruned."""
        state = self._sinks[sink]
        state.base = first - 1
        state.sent = max(state.sent, state.base)

    def first(self, sink: str) -> int:
        """The first record that this sink can be sent."""
        return self._sinks[sink].base + 1

    def doubt(self, sink: str) -> None:
        """What was receipted may not be held any more: the last record is sent again, and the answer says the rest."""
        state = self._sinks[sink]
        state.receipted = min(state.receipted, max(self._last - 1, 0))
        state.go_back()

    def resume(self, sink: str) -> None:
        """Send to a sink that is connected, if that was not so already."""
        if not self._sinks[sink].connected:
            self.on_connected(sink)

    def on_disconnected(self, sink: str) -> None:
        """The session ended."""
        self._sinks[sink].connected = False

    def on_there(self, sink: str, now_ms: int) -> None:
        """The sink began to listen, perhaps after what is on its way had gone past it."""
        state = self._sinks[sink]
        state.wait_ms = RETRY_MIN_MS
        if state.may_go_back(now_ms):
            state.unanswered()

    def on_sent(self, sink: str, last: int, now_ms: int) -> None:
        """The batch asked for by `next_publish` went out, up to `last`."""
        state = self._sinks[sink]
        state.sent = last
        state.flights.append(_Flight(last, now_ms))

    def on_word(self, sink: str, word: Word, our_hash: bytes | None, now_ms: int) -> ReceiptOutcome:
        """A verified word came. `our_hash` is our chain's hash at its sequence, None if we do not hold it."""
        state = self._sinks[sink]
        if (word.device, word.epoch) != (self.device, self.epoch):
            return ReceiptOutcome.FOREIGN
        if word.incarnation < state.incarnation:
            return ReceiptOutcome.LATE
        if word.sequence > self._last or (our_hash is not None and our_hash != word.head):
            state.fork(word, now_ms)
            return ReceiptOutcome.FORKED
        newer = word.incarnation > state.incarnation or word.issued_ms > state.issued_ms
        if word.sequence < state.receipted and not newer:
            return ReceiptOutcome.LATE
        state.forked = state.forked and not newer
        before = state.receipted
        if newer or word.sequence > before:
            state.incarnation, state.issued_ms = word.incarnation, word.issued_ms
        state.receipted = word.sequence
        if word.sequence > before:
            state.advanced()
            return ReceiptOutcome.ADVANCED
        if word.sequence < before:
            state.go_back()
            return ReceiptOutcome.REWOUND
        if state.may_go_back(now_ms):
            state.go_back()
        return ReceiptOutcome.REPEATED

    # --- what to do next ---------------------------------------------------------------------------------------------

    def next_publish(self, now_ms: int, *, but: AbstractSet[str] = frozenset()) -> Publish | None:
        """The next batch to send, or None. Call again after `on_sent` until it is None; `but`: sinks that take none."""
        for name, state in self._sinks.items():
            if not state.connected or name in but:
                continue
            if state.flights and now_ms - state.flights[0].sent_ms >= state.wait_ms:
                state.wait_ms = min(state.wait_ms * 2, RETRY_MAX_MS)
                state.unanswered()
            if state.forked and state.round_due(self._last, now_ms):
                state.next_round(now_ms)
            backlog = self._last - state.sent
            if backlog <= 0 or len(state.flights) >= INFLIGHT_BATCHES:
                continue
            draining = backlog > limits.BATCH_LIVE_RECORDS
            most = limits.BATCH_DRAIN_RECORDS if draining else limits.BATCH_LIVE_RECORDS
            return Publish(name, state.sent + 1, min(backlog, most))
        return None

    def next_deadline(self) -> int | None:
        """Monotonic milliseconds at which `next_publish` may have something without a new event."""
        due = []
        for state in self._sinks.values():
            if state.connected and state.flights:
                due.append(state.flights[0].sent_ms + state.wait_ms)
            elif state.connected and state.rests(self._last):
                due.append(state.round_ms + state.round_wait_ms)
        return min(due, default=None)

    @property
    def sinks(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._sinks)

    def receipted(self, sink: str) -> int:
        """Last sequence that the sink has receipted."""
        return self._sinks[sink].receipted

    def forked(self, sink: str) -> bool:
        """Whether the sink's newest word names another history of this journal."""
        return self._sinks[sink].forked

    def backlog(self, sink: str, *, last: int | None = None) -> int:
        """Records not yet receipted; `last` is the journal's end for a caller who knows a newer one."""
        end = self._last if last is None else last
        return max(0, end - max(self._sinks[sink].receipted, self._sinks[sink].base))
