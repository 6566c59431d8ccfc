"""Top-ups: money from a payment provider into a rider's wallet, exactly once.

Rules:
- a top-up is noted (asked) before the provider hears of it, so no payment can exist that we never knew;
- what is credited is the amount in our store, verified with the provider; a browser's word is only a hint to ask;
- paid is posted once, by the store, in one transaction: a second verify (101), a second click, a crash between change
  nothing (P6);
- no clear answer leaves it as it stands; the sweeper goes on asking (`sweeper`).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from backend.app.payments.settling import Settling
from backend.core import limits
from backend.core.api import Started
from backend.core.errors import NotFound, ProviderRefused, Refused
from backend.core.payments.port import PaymentProvider, payment_of
from backend.core.payments.statement import BadStatement, StatementRow, decode_statement
from backend.core.payments.store_port import TopUpStore
from backend.core.payments.topup import FIRST, State, TopUp
from backend.core.reconcile import Kind, Reconciliation, reconcile
from protocol.limits import DAY_S, LOCAL_OFFSET_S
from protocol.localtime import service_day

_DAY_MS = DAY_S * 1000


class TopUps:
    """Implements `TopUpDesk`. `clock` gives Unix milliseconds, `callback_base` our own address for browsers."""

    def __init__(
        self,
        store: TopUpStore,
        providers: Mapping[str, PaymentProvider],
        settling: Settling,
        *,
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
        callback_base: Callable[[], str],
    ) -> None:
        self._store = store
        self._providers = providers
        self._settling = settling
        self._clock = clock
        self._randomness = randomness
        self._callback_base = callback_base

    def start(self, credential_id: bytes, rials: int, provider: str = FIRST) -> Started:
        """Note it, then ask the provider.

        Raises Refused (amount, provider), ProviderRefused, ProviderUnknown, StoreFailed.
        """
        least, most = limits.TOPUP_MIN_RIALS, limits.TOPUP_MAX_RIALS
        if not least <= rials <= most:
            raise Refused(
                "the amount is out of range", fix=f"ask for {least} to {most} rials", amount_rials=rials,
                least_rials=least, most_rials=most,
            )  # fmt: skip
        with_whom = self._provider(provider)
        asked = TopUp(self._randomness(16).hex(), credential_id, rials, State.ASKED, "", self._clock(), provider)
        self._store.add_topup(replace(asked, next_ms=self._settling.next_ms(asked, State.ASKED, 0)))
        try:
            authority = with_whom.request(
                topup_id=asked.id,
                rials=rials,
                callback_url=f"{self._callback_base().rstrip('/')}/v1/topups/callback",
                description=f"Savar {asked.id}",
            )
        except ProviderRefused:
            self._store.move_topup(asked.id, State.ASKED, State.FAILED, tries=0, next_ms=None, at_ms=self._clock())
            raise
        first_ms = self._settling.next_ms(asked, State.PENDING, 0) or self._clock()
        self._store.give_authority(asked.id, authority, next_ms=first_ms)
        return Started(self._known(asked.id), with_whom.pay_url(authority))

    def settle(self, topup_id: str) -> TopUp:
        """Ask the provider how it stands → the top-up as it is then.

        Raises NotFound, Refused (the provider never gave it an authority), ProviderUnknown (it stays as it was) and
        StoreFailed.
        """
        topup = self._known(topup_id)
        if topup.state is State.PAID:
            return topup
        if not topup.authority:
            raise Refused("this top-up never reached the payment provider", fix="start a new one", topup=topup_id)
        return self._settling.look(topup)

    def reconcile(self, csv_text: str, provider: str = FIRST) -> Reconciliation:
        """A statement of whole local days against our top-ups of that provider. Raises BadStatement, StoreFailed.

        Ours are those made on the days of the statement's rows, and any other that a row names. What differs is looked
        at by the sweeper next: a bank may have taken back what we hold paid, or paid what we gave up.
        """
        rows, bad_lines = decode_statement(csv_text)
        if not rows:
            raise BadStatement(
                "the statement has no readable row",
                fix="export it again; nothing was compared",
                bad_lines=len(bad_lines),
            )
        key = self._provider(provider).statement_key
        made = [it for it in self._store.topups_between(*_days(rows)) if it.provider == provider]
        ours = {it.id: it for it in made}
        known = {key(payment_of(it)) for it in made}
        for row in rows:
            if row.authority not in known and (topup := self._store.topup_named(provider, row.authority)):
                ours[topup.id] = topup
        found = reconcile(rows, [(key(payment_of(it)), it) for it in ours.values()], bad_lines)
        differ = [it.topup.id for it in found.items if it.topup is not None and it.kind is not Kind.MATCHED]
        self._store.look_soon(differ, self._clock())
        return found

    def _provider(self, name: str) -> PaymentProvider:
        found = self._providers.get(name)
        if found is None:
            raise Refused(
                "this city has no such payment provider", fix=f"name one of {', '.join(self._providers)}, or none"
            )
        return found

    def _known(self, topup_id: str) -> TopUp:
        topup = self._store.topup(topup_id)
        if topup is None:
            raise NotFound("there is no such top-up", fix="start a new one", topup=topup_id)
        return topup


def _days(rows: list[StatementRow]) -> tuple[int, int]:
    """From the first local midnight to the last, in Unix milliseconds, around all rows."""
    first, last = (service_day(pick(row.paid_ms for row in rows)) for pick in (min, max))
    return first * _DAY_MS - LOCAL_OFFSET_S * 1000, (last + 1) * _DAY_MS - LOCAL_OFFSET_S * 1000
