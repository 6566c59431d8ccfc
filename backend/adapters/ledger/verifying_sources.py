"""What the rows of a ledger come from, read whole and in the order in which it lies: what verifying holds them against.

Everything streams over the connection of `reading`, so all of it is of the one moment in which the rows are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.cash import TAKEN, taken
from backend.adapters.ledger.closing import _closing
from backend.adapters.ledger.closing_tables import CLOSING
from backend.adapters.ledger.connection import raw
from backend.adapters.ledger.dispute_tables import DISPUTE
from backend.adapters.ledger.forgetting import NOBODY
from backend.adapters.ledger.forgetting_tables import REMEMBERED
from backend.adapters.ledger.giving import GIVEN, given
from backend.adapters.ledger.hot import Driver, transfers_of_keys
from backend.adapters.ledger.local import ride_day_of
from backend.adapters.ledger.payment_tables import TOPUP
from backend.adapters.ledger.reconciling_bank import _POSTED as _PAID_IN
from backend.adapters.ledger.reconciling_money import _TOPUPS, _topup
from backend.adapters.ledger.reconciling_reads import _unproven
from backend.adapters.ledger.settlement_tables import SETTLEMENT
from backend.adapters.ledger.staff import _LOG, _PROPOSAL, _proposal
from backend.adapters.ledger.staff_tables import PROPOSAL, STAFF_LOG, STAFF_MARK
from backend.adapters.ledger.standing import _claim, _proxy, _ticket_ride
from backend.adapters.ledger.tables import CLAIM, CLAIM_DAY, RECORD
from backend.core.agents.cash import CashTopUp
from backend.core.closing.closing import Closing
from backend.core.disputes.dispute import State as Answer
from backend.core.guardians.giving import Given
from backend.core.holding import Hold, Stands
from backend.core.ledger import TapId
from backend.core.payments.topup import State
from backend.core.reconciliation.paid_in import PaidIn
from backend.core.reconciliation.payments import HeldTopUp
from backend.core.reconciliation.taps import PostedTransfer, StandingTap
from backend.core.staff.log import GENESIS, Entry, Logged, Mark, Outcome
from backend.core.staff.two_people import DECIDE, PROPOSE
from backend.core.staff.two_people import State as Proposed
from backend.core.verifying.approvals import Approval, Word
from backend.core.verifying.given_back import GivenBack
from backend.core.verifying.listed import DayTimes, TapRow
from backend.core.verifying.sources import Kept
from protocol.fares.verdicts import TABLE
from protocol.wire.records import RecordKind, Tap, decode_record

STREAMED = {"stream_results": True, "yield_per": 5_000}
_ODD = "(copied_rials <> 0 OR contested OR back_rials > 0)"  # what is not its rider's and its owner's alone
_PLAIN = sa.text(
    "SELECT device, epoch, sequence, credential, vehicle, wall_ms, rider_class, rials, city_rials, revision"  # noqa: S608
    f" FROM claim WHERE NOT {_ODD} AND (rials > 0 OR city_rials > 0 OR revision > 0)"
)
_STANDING = (
    (sa.text(f"SELECT * FROM claim WHERE {_ODD}"), _claim),  # noqa: S608
    (sa.text("SELECT * FROM proxy"), _proxy),
    (sa.text("SELECT * FROM ticket_ride"), _ticket_ride),
    (sa.text("SELECT * FROM unproven"), _unproven),
)
_CHARGED = ", ".join(str(int(verdict)) for verdict, row in TABLE.items() if row.charged)
_FREE = [int(verdict) for verdict, row in TABLE.items() if row.boards and not row.charged]
_ALONE = " ".join(
    f"AND NOT EXISTS (SELECT 1 FROM {table} AS x WHERE x.device = r.device AND x.epoch = r.epoch"  # noqa: S608 - ours
    " AND x.sequence = r.sequence)"
    for table in ("claim", "proxy", "ticket_ride", "unproven")
)
_RECORDED = sa.text(
    "SELECT r.device, r.epoch, r.sequence, r.wall_ms, r.payer, r.fare_rials FROM record AS r"  # noqa: S608
    f" WHERE r.kind = {int(RecordKind.TAP)} AND r.verdict IN ({_CHARGED}) {_ALONE}"
)
_RESOLVED = sa.text(" UNION ALL ".join(
    f"SELECT device, epoch, sequence, hold FROM {table} WHERE {which}"  # noqa: S608
    for table, which in (
        ("unproven", f"hold <> {int(Hold.HELD)}"),
        *((name, f"hold = {int(Hold.WRITTEN_OFF)}") for name in ("claim", "proxy", "ticket_ride")),
    )
))  # fmt: skip
_COLUMNS = "id, key, kind, debit, credit, rials, at_ms, day"
_GIVEN_BACK = (
    sa.select(
        CLAIM.c.credential, CLAIM.c.device, CLAIM.c.epoch, CLAIM.c.sequence, CLAIM.c.wall_ms, CLAIM.c.boarding,
        CLAIM.c.extends, CLAIM.c.annulled, CLAIM.c.refunded_rials, CLAIM.c.refunded_by_house, CLAIM.c.back_rials,
        CLAIM.c.back_by_house, DISPUTE.c.name, DISPUTE.c.given_rials, DISPUTE.c.by_house,
    )
    .join_from(
        CLAIM, DISPUTE,
        sa.and_(
            *(CLAIM.c[name] == DISPUTE.c[name] for name in ("device", "epoch", "sequence")),
            DISPUTE.c.state.in_((Answer.REFUNDED.value, Answer.PARTLY.value)),
        ),
        isouter=True,
    )
    .where(sa.or_(CLAIM.c.refunded_rials > 0, CLAIM.c.back_rials > 0))
    .order_by(CLAIM.c.credential)
)  # fmt: skip
_AS_RECORDED = ("device", "epoch", "sequence", "vehicle", "door", "verdict")
_TOLD_OTHERWISE = (
    sa.select(*(CLAIM.c[name] for name in _AS_RECORDED), *(RECORD.c[name] for name in _AS_RECORDED))
    .select_from(CLAIM)
    .outerjoin(RECORD, sa.and_(RECORD.c.id == CLAIM.c.record, RECORD.c.wall_ms == CLAIM.c.wall_ms))
    .where(
        CLAIM.c.record.is_not(None),
        sa.or_(*(CLAIM.c[name].is_distinct_from(RECORD.c[name]) for name in _AS_RECORDED)),
    )
)
_NUMBER: sa.ColumnElement[int] = sa.literal_column(ride_day_of("claim.wall_ms"))
_OLDEST, _NEWEST = sa.func.min(CLAIM.c.wall_ms).label("oldest"), sa.func.max(CLAIM.c.wall_ms).label("newest")
_TIMES = sa.select(_NUMBER.label("number"), _OLDEST, _NEWEST).select_from(CLAIM).group_by(_NUMBER).subquery()
_CLAIM_DAYS = (
    sa.select(_TIMES, CLAIM_DAY.c.oldest_ms, CLAIM_DAY.c.newest_ms)
    .select_from(_TIMES)
    .outerjoin(CLAIM_DAY, CLAIM_DAY.c.number == _TIMES.c.number)
)
_SAID = sa.and_(  # other actions, too, end as `refused …`, with words behind it
    STAFF_LOG.c.action.in_(sorted(it.value for it in (*PROPOSE.values(), *DECIDE.values()))),
    sa.or_(*(STAFF_LOG.c.outcome.like(f"{it.value} %") for it in Outcome)),
)


class SourceReading:
    """Inside `reading`, over its connection."""

    def __init__(self, core: sa.Connection, driver: Driver) -> None:
        self._core, self._driver = core, driver

    def posted(self, keys: Sequence[bytes], day: int | None, *, anywhere: bool = False) -> list[PostedTransfer]:
        """Rows of these keys that name this day, or none; `anywhere`: or any other."""
        days = None if anywhere else [] if day is None else [day]
        rows = transfers_of_keys(self._driver, raw(self._core), _COLUMNS, keys, days)
        return [PostedTransfer(row[0], bytes(row[1]), *row[2:]) for row in rows]

    # --- taps -----------------------------------------------------------------------------------------------------

    def plain_claims(self) -> Iterator[tuple[TapId, bytes, str, int, int, int, int, int]]:
        """Riders' claims that nothing holds: tap, credential, vehicle, when, class, rials, the city's, revision."""
        for device, epoch, sequence, credential, *rest in self._stream(_PLAIN):
            yield ((device, epoch, sequence), bytes(credential), *rest)

    def other_standing(self) -> Iterator[Stands]:
        """All else that stands for a tap."""
        for asked, made in _STANDING:
            for row in self._stream(asked):
                yield made(tuple(row))

    def recorded(self) -> Iterator[StandingTap]:
        """Charged taps of which nothing stands."""
        for *tap, wall_ms, payer, rials in self._stream(_RECORDED):
            yield StandingTap((tap[0], tap[1], tap[2]), wall_ms, payer, rials, None, 0)

    def remembered_day(self) -> int:
        """The first service day whose travel is remembered; 0: all of it."""
        return self._core.execute(sa.select(REMEMBERED.c.day)).scalar() or 0

    def free_rides(self) -> Iterator[tuple[TapId, int, int]]:
        """Rides that nobody pays, as their records tell: tap, when, what was forgone."""
        asked = sa.select(RECORD.c.wall_ms, RECORD.c.bytes).where(RECORD.c.kind == 2, RECORD.c.verdict.in_(_FREE))
        for wall_ms, data in self._stream(asked):
            it = decode_record(bytes(data))
            if isinstance(it, Tap) and it.forgone_rials:
                yield (it.link.device, it.link.epoch, it.link.sequence), wall_ms, it.forgone_rials

    def given_back(self) -> Iterator[Sequence[GivenBack]]:
        """What taps say was given back, with the answers of their disputes: one rider's at a time."""
        for credential, rows in groupby(self._stream(_GIVEN_BACK), key=lambda row: bytes(row.credential)):
            yield [
                GivenBack(
                    (device, epoch, sequence), wall_ms, credential != NOBODY, bytes(boarding), bool(extends),
                    bool(annulled), rials, bool(by_house), back, bool(back_by_house), name or "", answered or 0,
                    bool(house),
                )
                for _, device, epoch, sequence, wall_ms, boarding, extends, annulled, rials, by_house, back,
                back_by_house, name, answered, house in rows
            ]  # fmt: skip

    def told_otherwise(self) -> Iterator[tuple[TapRow, TapRow | None]]:
        """Claims that do not tell what the record tells in the row that they name; None: no record of their time."""
        for row in self._stream(_TOLD_OTHERWISE):
            told, recorded = TapRow(*row[:6]), row[6:]
            yield told, None if recorded[0] is None else TapRow(*recorded)

    def claim_days(self) -> Iterator[DayTimes]:
        """Of each number of a day the oldest and newest claim, beside what is noted of it."""
        for row in self._stream(_CLAIM_DAYS):
            yield DayTimes(*row)

    def resolved(self) -> Iterator[tuple[TapId, Hold]]:
        """Taps of whose held money something became that two people must have said."""
        for device, epoch, sequence, hold in self._stream(_RESOLVED):
            yield (device, epoch, sequence), Hold(hold)

    # --- money ----------------------------------------------------------------------------------------------------

    def topups(self) -> Iterator[HeldTopUp]:
        """Those that were credited."""
        states = (State.PAID.value, State.CHARGED_BACK.value)
        return map(_topup, self._stream(_TOPUPS.where(TOPUP.c.status.in_(states))))

    def statements(self) -> Iterator[Kept]:
        """Frozen ones, oldest first, one at a time: a day of a city is some MiB."""
        asked = sa.select(*(SETTLEMENT.c[name] for name in ("day", "previous", "hash", "content")))
        for day, *rest in self._stream(asked.order_by(SETTLEMENT.c.day), {"stream_results": True, "yield_per": 1}):
            yield Kept(day, *map(bytes, rest))

    def given(self) -> Iterator[Given]:
        """What guardians gave their wards."""
        return map(given, self._stream(GIVEN))

    def cash(self) -> Iterator[CashTopUp]:
        """What agents took in cash."""
        return map(taken, self._stream(TAKEN))

    def closings(self) -> Iterator[Closing]:
        """Closed accounts."""
        return map(_closing, self._stream(sa.select(CLOSING)))

    def paid_in(self) -> Iterator[PaidIn]:
        """What providers paid out, as it was posted."""
        return (PaidIn(*row) for row in self._stream(_PAID_IN))

    # --- people ---------------------------------------------------------------------------------------------------

    def approvals(self) -> Iterator[Approval]:
        """Approved proposals with what the log has of each."""
        words = [STAFF_LOG.c[name] for name in ("number", "person", "action", "outcome")]
        asked = (
            _PROPOSAL.add_columns(*words)
            .join_from(PROPOSAL, STAFF_LOG, STAFF_LOG.c.subject == PROPOSAL.c.name, isouter=True)
            .where(PROPOSAL.c.state == Proposed.APPROVED.value)
            .order_by(PROPOSAL.c.id)
        )
        for _, rows in groupby(self._stream(asked), key=lambda row: row.id):
            of_one = list(rows)
            told = [Word(row.number, row.person, row.action, row.outcome) for row in of_one if row.number is not None]
            yield Approval(_proposal(of_one[0]), told)

    def first_digest(self) -> int | None:
        """The first entry of the log that names a digest."""
        found: int | None = self._core.execute(sa.select(sa.func.min(STAFF_LOG.c.number)).where(_SAID)).scalar()
        return found

    def log(self) -> Iterator[Logged]:
        """All of it, in order."""
        for row in self._stream(_LOG):
            yield Logged(row.number, Entry(*row[1:-1]), bytes(row.hash))

    def log_mark(self) -> Mark:
        """Where the log says that it ends."""
        row = self._core.execute(sa.select(STAFF_MARK.c.number, STAFF_MARK.c.hash)).first()
        return Mark(0, GENESIS) if row is None else Mark(row.number, bytes(row.hash))

    def _stream(self, asked: Any, page: Mapping[str, Any] = STREAMED) -> Iterator[Any]:
        with self._core.execute(asked, execution_options=page) as rows:  # closed where somebody stops half-way, too
            yield from rows
