"""Taps whose money is held for their owners: listed, summed, and paid or written off by two people's word."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded, raw
from backend.adapters.ledger.held_tables import UNPROVEN
from backend.adapters.ledger.ingest import add_to_tally
from backend.adapters.ledger.posting import PostTransfers
from backend.adapters.ledger.standing import StandingTables
from backend.adapters.ledger.tables import CLAIM, PROXY, TICKET_RIDE
from backend.core.errors import Refused
from backend.core.floats import Proxy
from backend.core.holding import HeldSum, HeldTap, Hold, Unproven, Why, held_rials, resolved
from backend.core.ledger import TapId
from backend.core.repeats import Claim
from backend.core.staff.subjects import HeldMoney
from backend.core.tickets import TicketRide

_TAP = ("device", "epoch", "sequence")
_TABLES: dict[type, sa.Table] = {Claim: CLAIM, Proxy: PROXY, TicketRide: TICKET_RIDE, Unproven: UNPROVEN}


def claim_back() -> sa.ColumnElement[int]:
    """`Claim.given_back_rials`."""
    return sa.case((CLAIM.c.back_rials < CLAIM.c.rials, CLAIM.c.back_rials), else_=CLAIM.c.rials)


def claim_owed() -> sa.ColumnElement[int]:
    """What rider, city and house owe for a charged claim: `Claim.parts` without what `copied` owes."""
    whole = CLAIM.c.rials + CLAIM.c.city_rials
    back = claim_back()
    wrong = sa.text("claim.back_rials > 0 AND NOT claim.back_by_house AND claim.rials > 0")
    return sa.case((wrong, whole - back - CLAIM.c.city_rials * back // CLAIM.c.rials), else_=whole)


@cache
def _held() -> sa.CompoundSelect[Any]:
    """Every tap whose money is held, once: a tap is of one of the four tables."""
    copied, contested, no_proof, over = (
        sa.literal(it.value) for it in (Why.COPIED, Why.CONTESTED, Why.NO_PROOF, Why.OVER_FLOAT)
    )
    ride, claim, proxy = TICKET_RIDE.c, CLAIM.c, PROXY.c
    held: sa.ColumnElement[int] = sa.literal_column(str(int(Hold.HELD)))
    return sa.union_all(
        _of(UNPROVEN, UNPROVEN.c.why, UNPROVEN.c.rials).where(UNPROVEN.c.hold == held),
        _of(
            CLAIM, sa.case((sa.text("claim.contested AND claim.charged"), contested), else_=copied),
            claim.copied_rials + sa.case((sa.text("claim.contested"), claim_owed()), else_=0),
        ).where(sa.text("(copied_rials > 0 OR contested)"), sa.text("NOT annulled"), claim.hold == held),
        _of(
            TICKET_RIDE, sa.case((sa.text("ticket_ride.paid"), contested), else_=copied), ride.rials + ride.city_rials
        ).where(
            sa.text("NOT ticket_ride.annulled AND (ticket_ride.contested OR NOT ticket_ride.paid)"), ride.hold == held
        ),
        _of(PROXY, sa.case((proxy.driver.is_(None), no_proof), else_=over), proxy.rials).where(
            sa.text("NOT proxy.annulled"), proxy.hold == held,
            sa.or_(proxy.driver.is_(None), sa.text("proxy.over"), sa.text("proxy.over_vehicle")),
        ),
    )  # fmt: skip


def _of(table: sa.Table, why: sa.ColumnElement[Any], rials: sa.ColumnElement[Any]) -> sa.Select[Any]:
    of_tap = (table.c[name] for name in (*_TAP, "vehicle", "wall_ms"))
    return sa.select(*of_tap, why.label("why"), rials.label("rials"))


class HeldTables(StandingTables):
    """Implements `HeldStore`: reads over the reading connection, words of two people over the writing one."""

    _reader: Guarded
    _post: PostTransfers

    def held(self, after: TapId | None, limit: int) -> Sequence[HeldTap]:
        """By device, journal and sequence, behind a tap."""
        found = _held().subquery()
        place = sa.tuple_(*(found.c[name] for name in _TAP))
        asked = sa.select(found).order_by(*(found.c[name] for name in _TAP)).limit(limit)
        if after is not None:
            asked = asked.where(place > sa.tuple_(*map(sa.literal, after)))
        with self._reader.reading() as core:
            rows = core.execute(asked).all()
        return [_as_held(it) for it in rows]

    def held_tap(self, tap: TapId) -> HeldTap | None:
        """What is held of one tap; None: nothing."""
        with self._reader.reading() as core:
            return _held_tap(core, tap)

    def held_sums(self) -> Sequence[HeldSum]:
        """By vehicle and reason."""
        found = _held().subquery()
        by = (found.c.vehicle, found.c.why)
        taps, rials = sa.func.count(), sa.cast(sa.func.coalesce(sa.func.sum(found.c.rials), 0), sa.BigInteger)
        oldest = sa.func.min(found.c.wall_ms)
        with self._reader.reading() as core:
            rows = core.execute(sa.select(*by, taps, rials, oldest).group_by(*by).order_by(*by)).all()
        return [HeldSum(vehicle, Why(why), taps, rials, oldest) for vehicle, why, taps, rials, oldest in rows]

    def held_at(self, device: str, epoch: int, sequence: int) -> Claim | Proxy | TicketRide | Unproven | None:
        """Whatever stands for one tap; None of one that nothing was posted for."""
        tap = (device, epoch, sequence)
        return self.claim_at(*tap) or self.ticket_ride_at(*tap) or self.proxy_at(*tap) or self.unproven_at(*tap)

    def unproven_at(self, device: str, epoch: int, sequence: int) -> Unproven | None:
        """A boarding without a proof."""
        rows = self._rows("unproven", " AND ".join(f"{name} = ?" for name in _TAP), (device, epoch, sequence))
        if not rows:
            return None
        vehicle, wall_ms, why, rials, hold, revision = rows[0][3:]
        return Unproven(device, epoch, sequence, vehicle, wall_ms, Why(why), rials, Hold(hold), revision)

    def resolve(self, tap: TapId, hold: Hold, at_ms: int) -> int:
        """What two people said becomes of a tap's held money → how many rials that moved; 0: nothing was held.

        The caller has heard both, and keeps who they were (`backend.core.staff`).
        """
        with self._writer.transaction() as core:
            return self.resolve_within(core, tap, hold, at_ms)

    def resolve_within(self, core: sa.Connection, tap: TapId, hold: Hold, at_ms: int) -> int:
        """The same within a transaction of the caller's."""
        before = self.held_at(*tap)
        if before is None or not (moved := held_rials(before)):
            return 0
        after, transfers = resolved(before, hold)
        self._post(core, transfers, at_ms)
        add_to_tally(self._driver, raw(core), {"posted_rials": sum(it.rials for it in transfers)})
        table = _TABLES[type(after)]
        same = sa.and_(*(table.c[name] == value for name, value in zip(_TAP, tap, strict=True)))
        core.execute(table.update().where(same).values(hold=int(hold), revision=after.revision))
        return moved

    def resolve_as_read(self, core: sa.Connection, money: HeldMoney, at_ms: int) -> None:
        """What two people said, of what they read: vehicle, reason and rials. Raises Refused where that is not held."""
        self._post(core, [], at_ms)  # whoever changes what stands for a tap posts: he waits, or has
        held = _held_tap(core, money.tap)
        if held is None:
            raise Refused("nothing is held of this tap", fix="it stands differently by now: savar ledger held")
        if money.seen(held) != money:
            raise Refused(
                "this tap stands differently by now, or the proposal does not say how it stood",
                fix="refuse this proposal, look at savar ledger held, and propose it anew",
                held=held.rials, why=held.why.value,
            )  # fmt: skip
        self.resolve_within(core, money.tap, money.hold, at_ms)


def _held_tap(core: sa.Connection, tap: TapId) -> HeldTap | None:
    found = _held().subquery()
    same = (found.c[name] == value for name, value in zip(_TAP, tap, strict=True))
    row = core.execute(sa.select(found).where(*same)).first()
    return None if row is None else _as_held(row)


def _as_held(row: Any) -> HeldTap:
    return HeldTap(row.device, row.epoch, row.sequence, row.vehicle, row.wall_ms, Why(row.why), int(row.rials))
