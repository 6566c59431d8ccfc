"""One look at one top-up: ask its provider, and do what the answer says (`backend.core.payments.life`).

Any thread may look, and several at once: each change is made from the state that was looked at, or not at all.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from backend.core.errors import ProviderUnknown
from backend.core.payments.life import FINAL, Effect, Pace, Step, next_look_s, step
from backend.core.payments.port import PaymentProvider, payment_of
from backend.core.payments.store_port import TopUpStore
from backend.core.payments.topup import State, TopUp

LOG = logging.getLogger(__name__)
STUCK = "topup-stuck"


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls a person: `begin(kind, provider, detail, fix)` once while it lasts, `end(kind, provider)`."""

    begin: Callable[[str, str, str, str], None]
    end: Callable[[str, str], None]


class Settling:
    """`clock` gives Unix milliseconds."""

    def __init__(
        self, store: TopUpStore, providers: Mapping[str, PaymentProvider], *, clock: Callable[[], int],
        pace: Pace, calls: Calls,
    ) -> None:  # fmt: skip
        self._store, self._providers, self._clock, self._pace, self._calls = store, providers, clock, pace, calls
        self._lock = threading.Lock()
        self._stuck: dict[str, str] = {}  # top-ups that a person was called for, and their providers

    def provider_of(self, name: str) -> PaymentProvider:
        """By its name in backend.toml. Raises ProviderUnknown where it stands there no more."""
        found = self._providers.get(name)
        if found is None:
            raise ProviderUnknown(
                "the provider of this payment is not configured any more",
                fix=f"put provider {name!r} back into backend.toml until its last payment is settled",
            )
        return found

    def look(self, topup: TopUp) -> TopUp:
        """Ask how it stands and do what follows → as it is then. Raises ProviderUnknown, StoreFailed, StoreRefused."""
        if topup.state in FINAL or not topup.authority:
            return topup
        provider = self.provider_of(topup.provider)
        payment = payment_of(topup)
        found = provider.inquire(payment)
        payment = replace(payment, receipt=found.receipt or payment.receipt)
        next_step = step(topup.state, found.says)
        if next_step.effect is Effect.VERIFY:
            next_step = step(topup.state, provider.verify(payment))
        if next_step.effect is Effect.GIVE_BACK:
            if topup.state is not State.REVERSING and not self._move(topup, Step(State.REVERSING), payment.receipt):
                return self._again(topup)
            topup = replace(topup, status=State.REVERSING, receipt=payment.receipt, tries=0)
            next_step = step(State.REVERSING, provider.reverse(payment))
        self._carry_out(topup, next_step, payment.receipt)
        return self._again(topup)

    def _carry_out(self, topup: TopUp, what: Step, receipt: str) -> None:
        now_ms = self._clock()
        if what.effect is Effect.CREDIT:
            if self._store.pay_topup(topup.id, now_ms, receipt=receipt, next_ms=self.next_ms(topup, State.PAID, 0)):
                LOG.info("top-up %s is paid", topup.id)
        elif what.effect is Effect.TAKE_BACK:
            if self._store.charge_back(topup.id, now_ms):
                LOG.warning("top-up %s was taken back by the bank, and is charged back", topup.id)
        else:
            self._move(topup, what, receipt)
        self._tell(topup, stuck=what.effect is Effect.CALL)

    def _tell(self, topup: TopUp, *, stuck: bool) -> None:
        """Call a person for one that only a person can settle; end that with the last of its provider."""
        with self._lock:
            was = self._stuck.pop(topup.id, None) is not None or topup.state is State.REVERSING
            if stuck:
                self._stuck[topup.id] = topup.provider
            ended = was and topup.provider not in self._stuck.values()
        if stuck:
            self._calls.begin(
                STUCK, topup.provider, f"top-up {topup.id} was paid as nobody asked for it, and does not go back",
                "look at the payment in the provider's panel, and give it back there; it is asked about on and on",
            )  # fmt: skip
        elif ended:
            self._calls.end(STUCK, topup.provider)

    def _move(self, topup: TopUp, to: Step, receipt: str) -> bool:
        tries = topup.tries + 1 if to.state is topup.state else 0
        next_ms = self.next_ms(topup, to.state, tries)
        if to.state is not topup.state:
            LOG.info("top-up %s: %s, before %s", topup.id, to.state, topup.status)
        return self._store.move_topup(
            topup.id, topup.state, to.state, receipt=receipt, tries=tries, next_ms=next_ms,
            at_ms=self._clock(),
        )  # fmt: skip

    def next_ms(self, topup: TopUp, state: State, tries: int) -> int | None:
        """When the sweeper looks at it next, if it stands so now."""
        now_ms = self._clock()
        wait_s = next_look_s(self._pace, state, age_s=(now_ms - topup.created_ms) / 1000, tries=tries)
        return None if wait_s is None else now_ms + round(1000 * wait_s)

    def put_off(self, topup: TopUp) -> None:
        """Nothing clear was said: later again. One that never reached its provider is given up when it is old."""
        state, tries = topup.state, topup.tries + 1
        next_ms = self.next_ms(topup, state, tries)
        if state is State.PAID:  # its few looks are not used up by a provider that is silent
            tries, next_ms = topup.tries, self._clock() + round(1000 * self._pace.young_gap_s)
        elif not topup.authority and (self._clock() - topup.created_ms) / 1000 >= self._pace.asked_s:
            self._store.move_topup(topup.id, state, State.FAILED, tries=0, next_ms=None, at_ms=self._clock())
            return
        self._store.move_topup(topup.id, state, state, tries=tries, next_ms=next_ms, at_ms=self._clock())

    def _again(self, topup: TopUp) -> TopUp:
        found = self._store.topup(topup.id)
        assert found is not None  # no top-up is ever deleted
        return found
