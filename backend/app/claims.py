"""Claims of a group of batches, among those that the store holds."""

from collections import defaultdict
from collections.abc import Mapping

from backend.app.posted import Posted
from backend.core.ledger import Payer, TapId
from backend.core.ports import IngestStore
from backend.core.repeats import Claim, boardings
from backend.core.standing import Group, Tariffs, group_of, posted, weighed
from protocol.limits import REPEAT_WINDOW_DEFAULT_S
from protocol.localtime import service_week, week_span_ms

_Pool = dict[TapId, Claim]


class GroupClaims:
    """Takes what arrives into each rider's claims, and says what that changes. One a group; used by the ingest thread.

    It looks at no more of a rider than may change: the boardings that new claims touch, and the weeks of all their
    taps. And it looks once a group, however many of its records are that rider's: what stands is a function of the set,
    and a device that tells hundreds of boardings of one rider must not make each cost more than the one before.
    """

    def __init__(self, store: IngestStore, tariffs: Tariffs, into: Posted) -> None:
        self._store = store
        self._tariffs = tariffs
        self._into = into
        self._new: dict[bytes, _Pool] = defaultdict(dict)  # by credential
        self._turned: dict[bytes, dict[TapId, tuple[Claim, bool]]] = defaultdict(dict)  # the same: whether taken back
        self._by_tap: _Pool = {}  # new ones

    def at(self, tap: TapId) -> Claim | None:
        """One tap's claim, as it stood before this group or as it came in it."""
        return self._by_tap.get(tap) or self._store.claim_at(*tap)

    def add(self, claim: Claim) -> None:
        """A claim that is new."""
        self._new[claim.presentation.credential_id][claim.tap] = self._by_tap[claim.tap] = claim

    def turn(self, claim: Claim, *, annulled: bool) -> None:
        """One of `at` is taken back, or is not after all. The last word of the group counts."""
        self._turned[claim.presentation.credential_id][claim.tap] = claim, annulled

    def settle(self) -> None:
        """Every claim that changes by what has come, and what is posted for that."""
        for credential_id in dict.fromkeys((*self._new, *self._turned)):
            new, turned = self._new[credential_id], self._turned[credential_id]
            pool = self._near([*new.values(), *(it for it, _ in turned.values())])
            weeks: dict[int, _Pool] = {}
            self._stand(pool, weeks, new)
            if turned:  # behind what boarded: its payer stays in its record, and its fare is seen to be given back
                self._stand(pool, weeks, {
                    tap: pool[tap]._replace(annulled=annulled) for tap, (_, annulled) in turned.items()
                    if tap in pool  # else its rider's travel was deleted meanwhile: the money stays as it is
                })  # fmt: skip

    def _near(self, claims: list[Claim]) -> _Pool:
        """Every claim of every boarding that some of one rider may touch."""
        windows = (it.repeat_window_s for it in self._tariffs.values())
        window_s = max(REPEAT_WINDOW_DEFAULT_S, *windows)  # those of the claims held are among them
        return {it.tap: it for it in self._store.claims_near(claims, window_s * 1000)}

    def _stand(self, pool: _Pool, weeks: dict[int, _Pool], changes: Mapping[TapId, Claim]) -> None:
        """Claims of one rider are new or turned: keep in the pool what then stands. `weeks`: those read so far."""
        before = dict(pool)
        pool |= changes
        told = {it.tap: it for it in boardings(pool.values())}
        touched = {tap for tap, it in told.items() if _place(it) != _place(pool[tap])} | changes.keys()
        rides = [pool[tap] for tap in touched if _rides(told[tap]) or _rides(pool[tap])]
        groups = {group for it in rides if (group := group_of(it, self._tariffs)) is not None}
        for week in {week for week, _ in groups}:
            if week not in weeks:
                held = self._store.claims_between(rides[0].presentation.credential_id, *week_span_ms(week))
                weeks[week] = {it.tap: it for it in held if it.tap not in pool}
            told.update(weeks[week])  # of boardings that nothing touches
            before.update(weeks[week])
        stands = weighed(told.values(), self._tariffs)
        for tap in sorted(stands):
            if self._changes(stands[tap], touched, groups) and stands[tap] != before.get(tap):
                after = self._keep(before.get(tap), stands[tap])
                (pool if tap in pool else weeks[service_week(after.wall_ms)])[tap] = after

    def _changes(self, it: Claim, touched: set[TapId], groups: set[Group]) -> bool:
        """Whether all that it depends on was looked at."""
        return it.tap in touched or group_of(it, self._tariffs) in groups

    def _keep(self, before: Claim | None, stands: Claim) -> Claim:
        after, made = posted(before, stands)
        self._into.claims[after.tap] = after
        self._into.transfers += made
        if after.tap in self._by_tap and after.closes is None and not after.annulled:
            self._into.payers[after.tap] = Payer.RIDER if after.charged else Payer.COPIED
        return after


def _place(it: Claim) -> tuple[object, ...]:
    """What `boardings` says of a claim."""
    extra = it.rials if it.extends else 0
    return it.boarding, it.charged, it.copied_rials, extra, it.ridden_m, it.ended_rials, it.contested


def _rides(it: Claim) -> bool:
    """Whether it is weighed with other rides."""
    return it.charged and not it.extends
