"""Top-ups: money from the payment provider into a rider's wallet, exactly once.

Rules:
- a top-up is noted (asked) before the provider hears of it, so no payment can exist that we never knew;
- what is credited is the amount in our store, verified with the provider; a browser's word is only a hint to ask;
- paid is posted once, by the store, in one transaction: a second verify (101), a second click, a crash between change
  nothing (P6);
- no clear answer leaves it as it stands; a clear no is failed, and a later yes still pays it.
"""

import logging
from collections.abc import Callable

from backend.core import ledger, limits
from backend.core.api import Started
from backend.core.errors import NotFound, ProviderRefused, Refused
from backend.core.ports import PaymentProvider, RiderStore, TopUp
from backend.core.reconcile import BadStatement, Reconciliation, StatementRow, decode_statement, reconcile
from protocol.limits import DAY_S, LOCAL_OFFSET_S
from protocol.localtime import service_day

LOG = logging.getLogger(__name__)
_DAY_MS = DAY_S * 1000


class TopUps:
    """Implements `TopUpDesk`. `clock` gives Unix milliseconds, `callback_base` our own address for browsers."""

    def __init__(
        self,
        store: RiderStore,
        provider: PaymentProvider,
        *,
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
        callback_base: Callable[[], str],
    ) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock
        self._randomness = randomness
        self._callback_base = callback_base

    def start(self, credential_id: bytes, rials: int) -> Started:
        """Note it, then ask the provider. Raises Refused (amount), ProviderRefused, ProviderUnknown, StoreFailed."""
        least, most = limits.TOPUP_MIN_RIALS, limits.TOPUP_MAX_RIALS
        if not least <= rials <= most:
            raise Refused(
                "the amount is out of range", fix=f"ask for {least} to {most} rials", amount_rials=rials,
                least_rials=least, most_rials=most,
            )  # fmt: skip
        topup_id = self._randomness(16).hex()
        self._store.add_topup(TopUp(topup_id, credential_id, rials, "asked", "", self._clock()))
        try:
            authority = self._provider.request(
                rials=rials,
                callback_url=f"{self._callback_base().rstrip('/')}/v1/topups/callback",
                description=f"Savar {topup_id}",
            )
        except ProviderRefused:
            self._store.set_topup(topup_id, status="failed", authority="")
            raise
        self._store.set_topup(topup_id, status="pending", authority=authority)
        return Started(self._known(topup_id), self._provider.pay_url(authority))

    def settle(self, topup_id: str) -> TopUp:
        """Ask the provider whether it is paid → the top-up, paid or failed.

        Raises NotFound, Refused (the provider never gave it an authority), ProviderUnknown (it stays as it was) and
        StoreFailed.
        """
        topup = self._known(topup_id)
        if topup.status == "paid":
            return topup
        if not topup.authority:
            raise Refused("this top-up never reached the payment provider", fix="start a new one", topup=topup_id)
        try:
            self._provider.verify(authority=topup.authority, rials=topup.rials)
        except ProviderRefused as error:
            LOG.info("top-up %s not paid: code %s", topup_id, error.data.get("code"))
            self._store.set_topup(topup_id, status="failed", authority=topup.authority)
        else:
            self._store.pay_topup(topup_id, ledger.topup(topup_id, topup.credential_id, topup.rials), self._clock())
        return self._known(topup_id)

    def reconcile(self, csv_text: str) -> Reconciliation:
        """A statement of whole local days against our top-ups. Raises BadStatement, StoreFailed.

        Ours are those made on the days of the statement's rows, and any other that a row names.
        """
        rows, bad_lines = decode_statement(csv_text)
        if not rows:
            raise BadStatement(
                "the statement has no readable row",
                fix="export it again; nothing was compared",
                bad_lines=len(bad_lines),
            )
        ours = {topup.id: topup for topup in self._store.topups_between(*_days(rows))}
        known = {topup.authority for topup in ours.values()}
        for row in rows:
            if row.authority not in known and (topup := self._store.topup_by_authority(row.authority)):
                ours[topup.id] = topup
        return reconcile(rows, ours.values(), bad_lines)

    def _known(self, topup_id: str) -> TopUp:
        topup = self._store.topup(topup_id)
        if topup is None:
            raise NotFound("there is no such top-up", fix="start a new one", topup=topup_id)
        return topup


def _days(rows: list[StatementRow]) -> tuple[int, int]:
    """From the first local midnight to the last, in Unix milliseconds, around all rows."""
    first, last = (service_day(pick(row.paid_ms for row in rows)) for pick in (min, max))
    return first * _DAY_MS - LOCAL_OFFSET_S * 1000, (last + 1) * _DAY_MS - LOCAL_OFFSET_S * 1000
