"""Finishes what a crash, a call-back that never came or a silent provider left: a thread of its own.

Rules:
- each round looks at what is due with each provider, the longest due first, SWEEP_TOPUPS_MAX of them; when is said by
  `life.next_look_s`;
- and, once a minute, at what the provider holds and nobody has verified, whenever that was due;
- a provider that says nothing clear SWEEP_UNCLEAR_MAX times in a row is left alone until the next round, so that its
  time-outs hold up no other's; after SWEEP_SILENT_S without a clear word a person is called.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from backend.app.payments.settling import Calls, Settling
from backend.app.periodic import Periodic
from backend.core import limits
from backend.core.errors import ProviderUnknown, StoreFailed, StoreRefused, ThreadDied
from backend.core.payments.life import FINAL, Pace
from backend.core.payments.port import PaymentProvider
from backend.core.payments.store_port import TopUpStore
from backend.core.payments.topup import State, TopUp

LOG = logging.getLogger(__name__)
UNKNOWN_PAYMENT = "payment-unknown"
SILENT = "provider-silent"


class Sweeper:
    """`sweep` once, or `start` a thread that does."""

    def __init__(
        self, store: TopUpStore, providers: Mapping[str, PaymentProvider], settling: Settling, *,
        clock: Callable[[], int], pace: Pace, calls: Calls,
    ) -> None:  # fmt: skip
        self._store, self._providers, self._settling = store, providers, settling
        self._clock, self._pace, self._calls = clock, pace, calls
        self._silent_since: dict[str, int] = {}
        self._held_asked: dict[str, int] = {}
        self._thread = Periodic("topups", "settles top-ups", self._turn)

    def sweep(self) -> int:
        """One round → how many top-ups were looked at. Raises StoreFailed."""
        return sum(self._sweep(name) for name in self._providers if not self._thread.stopping)

    def _sweep(self, name: str) -> int:
        """One provider's round: what it holds, then what is due."""
        words: list[bool] = []  # of each answer, whether it was a clear one
        due = [*self._held(name, words), *self._store.due_topups(name, self._clock(), limits.SWEEP_TOPUPS_MAX)]
        looked = 0
        for topup in due:
            if self._thread.stopping or _gone_silent(words):
                break
            self._look(topup, words)
            looked += 1
        self._tell_silent(name, words)
        return looked

    def _held(self, name: str, words: list[bool]) -> list[TopUp]:
        """What the provider holds, and nobody has verified, of ours that is not credited; asked now and then."""
        now_ms = self._clock()
        if 0 <= now_ms - self._held_asked.get(name, 0) < 1000 * self._pace.held_s:  # below 0: the clock was ahead
            return []
        self._held_asked[name] = now_ms
        try:
            listed = self._providers[name].unverified()
        except ProviderUnknown as error:
            LOG.info("provider %s does not say what it holds: %s", name, error)
            words.append(False)
            return []
        if listed is None:
            return []
        words.append(True)
        found = []
        for it in listed:
            topup = self._store.topup_named(name, it.authority)
            if topup is None:
                self._calls.begin(
                    UNKNOWN_PAYMENT, name, f"provider {name} holds {it.rials} rials that no top-up asked for",
                    "look in its panel who paid that, and give it back there",
                )  # fmt: skip
            elif topup.state in (State.PENDING, State.FAILED):
                found.append(topup)
        return found

    def _tell_silent(self, name: str, words: Sequence[bool]) -> None:
        """Call a person when a provider has said nothing clear for long, and end that with its first clear word."""
        now_ms = self._clock()
        if any(words):
            if self._silent_since.pop(name, None) is not None:
                self._calls.end(SILENT, name)
            return
        if not words:
            return
        since_ms = self._silent_since[name] = min(now_ms, self._silent_since.get(name, now_ms))
        if now_ms - since_ms >= limits.SWEEP_SILENT_MS:
            self._calls.begin(
                SILENT, name, f"provider {name} says nothing clear of riders' payments",
                "look whether it works, and whether it knows our address and our name; nothing paid is lost meanwhile",
            )  # fmt: skip

    def _look(self, topup: TopUp, words: list[bool]) -> None:
        """One top-up; what goes wrong with it keeps no other waiting."""
        if not topup.authority or topup.state in FINAL:  # nothing can be asked
            self._settling.put_off(topup)
            return
        try:
            self._settling.look(topup)
        except ProviderUnknown as error:
            LOG.info("top-up %s: %s", topup.id, error)
            words.append(False)
            self._settling.put_off(topup)
        except (StoreRefused, ValueError) as error:  # what it would post cannot be; others' money can
            LOG.error("top-up %s: %s", topup.id, error)
            self._settling.put_off(topup)
        else:
            words.append(True)

    def start(self) -> None:
        """Sweep now and then."""
        self._thread.start(first_s=self._pace.period_s, period_s=self._pace.period_s)

    def stop(self) -> None:
        """The top-up in hand is finished."""
        self._thread.stop()

    @property
    def failure(self) -> ThreadDied | None:
        """For the supervisor."""
        return self._thread.failure

    def _turn(self) -> None:
        try:
            while self.sweep() >= limits.SWEEP_TOPUPS_MAX and not self._thread.stopping:
                pass  # more may be due already
        except StoreFailed as error:
            LOG.error("top-ups were not looked at, and are in %s s: %s", self._pace.period_s, error)


def _gone_silent(words: Sequence[bool]) -> bool:
    """Whether the last answers were none."""
    return len(words) >= limits.SWEEP_UNCLEAR_MAX and not any(words[-limits.SWEEP_UNCLEAR_MAX :])
