"""Claims of a group of batches, among those that the store holds."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

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
    taps. It looks once a group, however many of its records are that rider's: what stands is a function of the set, and
    a device that tells hundreds of boardings of one rider must not make each cost more than the one before. And it asks
    for all riders together, for each question to a database is a round trip.
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
        looked = [*self._by_tap.values(), *(it for of in self._turned.values() for it, _ in of.values())]
        pools: dict[bytes, _Pool] = {it.presentation.credential_id: {} for it in looked}
        for it in self._near(looked):
            pools[it.presentation.credential_id][it.tap] = it
        riders = {credential_id: _Rider(pool) for credential_id, pool in pools.items()}
        self._stand({riders[credential_id]: new for credential_id, new in self._new.items()})
        # What is taken back comes behind what boarded: its payer stays in its record, and its fare is seen to be given
        # back. Where it is not found, its rider's travel was deleted meanwhile: the money stays as it is.
        self._stand({
            (rider := riders[credential_id]): {
                tap: rider.pool[tap]._replace(annulled=annulled) for tap, (_, annulled) in turned.items()
                if tap in rider.pool
            }
            for credential_id, turned in self._turned.items()
        })  # fmt: skip

    def _near(self, claims: Collection[Claim]) -> Sequence[Claim]:
        """Every claim of every boarding that some may touch."""
        windows = (it.repeat_window_s for it in self._tariffs.values())
        window_s = max(REPEAT_WINDOW_DEFAULT_S, *windows)  # those of the claims held are among them
        return self._store.claims_near(claims, window_s * 1000)

    def _stand(self, changes: Mapping["_Rider", Mapping[TapId, Claim]]) -> None:
        """Claims of riders are new or turned: keep with each rider what then stands."""
        looks = [_Look(rider, changed, self._tariffs) for rider, changed in changes.items() if changed]
        self._read_weeks(looks)
        for look in looks:
            rider, told, before = look.rider, look.told, look.before
            for week in look.weeks:
                told.update(rider.weeks[week])  # of boardings that nothing touches
                before.update(rider.weeks[week])
            stands = weighed(told.values(), self._tariffs)
            for tap in sorted(stands):
                if self._changes(stands[tap], look.touched, look.groups) and stands[tap] != before.get(tap):
                    rider.keep(self._keep(before.get(tap), stands[tap]))

    def _read_weeks(self, looks: Sequence["_Look"]) -> None:
        """The weeks that some riders' rides are weighed in, those that were not read yet."""
        missing = {it.credential_id: it for it in looks if not it.weeks <= it.rider.weeks.keys()}
        spans = []
        for credential_id, it in missing.items():
            for week in sorted(it.weeks - it.rider.weeks.keys()):
                it.rider.weeks[week] = {}
                spans.append((credential_id, *week_span_ms(week)))
        for held in self._store.claims_between(spans):
            rider = missing[held.presentation.credential_id].rider
            if held.tap not in rider.pool:
                rider.weeks[service_week(held.wall_ms)][held.tap] = held

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


class _Rider:
    """What was read of one rider: `pool`, whole boardings; `weeks`, what else lies in some. Kept as it then stands."""

    def __init__(self, pool: _Pool) -> None:
        self.pool = pool
        self.weeks: dict[int, _Pool] = {}

    def keep(self, it: Claim) -> None:
        """One that stands otherwise now."""
        (self.pool if it.tap in self.pool else self.weeks[service_week(it.wall_ms)])[it.tap] = it


class _Look:
    """What may change with some changes of one rider's claims."""

    def __init__(self, rider: _Rider, changes: Mapping[TapId, Claim], tariffs: Tariffs) -> None:
        self.rider = rider
        self.before = dict(rider.pool)
        rider.pool |= changes
        pool = rider.pool
        self.told = {it.tap: it for it in boardings(pool.values())}
        self.touched = {tap for tap, it in self.told.items() if _place(it) != _place(pool[tap])} | changes.keys()
        rides = [pool[tap] for tap in self.touched if _rides(self.told[tap]) or _rides(pool[tap])]
        self.groups = {group for it in rides if (group := group_of(it, tariffs)) is not None}
        self.weeks = {week for week, _ in self.groups}

    @property
    def credential_id(self) -> bytes:
        """Whose."""
        return next(iter(self.told.values())).presentation.credential_id


def _place(it: Claim) -> tuple[object, ...]:
    """What `boardings` says of a claim."""
    extra = it.rials if it.extends else 0
    back = it.back_rials, it.back_by_house
    return it.boarding, it.charged, it.copied_rials, extra, it.ridden_m, it.ended_rials, it.contested, *back


def _rides(it: Claim) -> bool:
    """Whether it is weighed with other rides."""
    return it.charged and not it.extends
