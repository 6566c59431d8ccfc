"""Settlement: parties, contracts, what a statement takes of the ledger, statements."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.posting import PostTransfers
from backend.adapters.ledger.settlement_tables import CONTRACT, PARTY, SETTLED, SETTLEMENT
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.tables import RECORD, TRANSFER
from backend.adapters.ledger.upsert import upsert
from backend.core.ledger import LEDGER_GENESIS, OF_TAPS, Transfer, TransferKind
from backend.core.ledger.two_phase import Phase
from backend.core.settlement.contracts import Contract
from backend.core.settlement.lines import RIDERS, Income, Line, line_of
from backend.core.settlement.parties import Party, Role
from backend.core.settlement.ports import Frozen, Gathered, Titles
from backend.core.settlement.sharing import Before, LineOf, Terms
from backend.core.settlement.statement import GENESIS, FreeRides, Span, Statement, decode
from backend.core.staff.log import Entry
from protocol.fares.verdicts import Verdict
from protocol.limits import DAY_S, LOCAL_OFFSET_S

_PAID, _HELD = "operator:", "held:"
_MOVED = sa.or_(TRANSFER.c.phase.is_(None), TRANSFER.c.phase == Phase.POSTED.value)  # what is pending is no income
# Division of integers: SQLAlchemy would make `/` a fraction, `//` is what both databases do by themselves.
_DAY = sa.func.coalesce(TRANSFER.c.day, (TRANSFER.c.at_ms // 1000 + LOCAL_OFFSET_S) // DAY_S)
_RECORD_DAY = (RECORD.c.wall_ms // 1000 + LOCAL_OFFSET_S) // DAY_S
_BY_HAND = TRANSFER.c.kind.not_in([kind.value for kind in OF_TAPS])


def _whole(expression: Any) -> Any:
    return sa.cast(expression, sa.BigInteger)


def _side(account: Any, other: Any, sign: int) -> Any:
    """What one side of each entry brings a vehicle; an entry between two vehicles' accounts is on both."""
    held = account.like(f"{_HELD}%")
    vehicle = sa.func.substr(account, sa.case((held, len(_HELD) + 1), else_=len(_PAID) + 1))
    payer = sa.case((other.like("rider:%"), RIDERS), else_=other)
    return sa.select(
        vehicle.label("vehicle"), payer.label("payer"), held.label("held"), _BY_HAND.label("by_hand"),
        _DAY.label("of_day"), (sign * TRANSFER.c.rials).label("rials"),
    ).where(sa.or_(account.like(f"{_PAID}%"), held))  # fmt: skip


class SettlementTables:
    """Implements `backend.core.settlement.ports.SettlementStore`."""

    def __init__(self, writer: Guarded, aside: Guarded, post: PostTransfers) -> None:
        self._writer, self._aside, self._post = writer, aside, post

    def keep_party(self, party: Party, titles: Titles, entry: Entry) -> None:
        """An operator or owner, or its new titles."""
        row = {"role": party.role.value, "name": party.name, "title_fa": titles.fa, "title_en": titles.en}
        with self._writer.transaction() as core:
            core.execute(
                upsert(core.dialect.name, PARTY, keys=["role", "name"], anew=["title_fa", "title_en"]), row
            )  # fmt: skip
            tell(core, entry)

    def party_titles(self) -> Mapping[Party, Titles]:
        """Every operator and owner."""
        with self._writer.reading() as core:
            rows = core.execute(sa.select(PARTY).order_by(PARTY.c.role, PARTY.c.name)).all()
        return {Party(Role(role), name): Titles(fa, en) for role, name, fa, en in rows}

    def keep_contract(self, contract: Contract, entry: Entry, *, frozen: int | None) -> bool:
        """New, or in place of one of the same vehicle and day; False if another day than `frozen` is the last now."""
        row = {name: getattr(contract, name) for name in _CONTRACT} | {"at_ms": entry.at_ms}
        with self._writer.transaction() as core:
            self._post(core, [], entry.at_ms)  # whoever freezes waits, or has
            if core.execute(sa.select(sa.func.max(SETTLEMENT.c.day))).scalar() != frozen:
                return False
            core.execute(
                upsert(core.dialect.name, CONTRACT, keys=["vehicle", "from_day"], anew=[*_CONTRACT[2:], "at_ms"]), row
            )
            tell(core, entry)
        return True

    def contracts(self) -> Sequence[Contract]:
        """All of them, by vehicle and day."""
        with self._writer.reading() as core:
            return _contracts(core)

    def frozen(self) -> Sequence[Frozen]:
        """Every statement's day, oldest first."""
        columns = [SETTLEMENT.c[name] for name in ("day", "hash", "at_ms", *_SPAN)]
        with self._writer.reading() as core:
            rows = core.execute(sa.select(*columns).order_by(SETTLEMENT.c.day)).all()
        return [Frozen(day, hash_, at_ms, Span(*span)) for day, hash_, at_ms, *span in rows]

    def gather(self, day: int, last: Frozen | None) -> Gathered:
        """What the statement of this day takes, behind the last one: in one moment of a connection of its own."""
        was = Span(0, 1, 0, 1) if last is None else last.span
        before = -1 if last is None else last.day
        with self._aside.snapshot() as core:
            upto, head = core.execute(
                sa.select(TRANSFER.c.id, TRANSFER.c.hash).order_by(TRANSFER.c.id.desc()).limit(1)
            ).one_or_none() or (0, LEDGER_GENESIS)
            records_upto = core.execute(sa.select(sa.func.coalesce(sa.func.max(RECORD.c.id), 0))).scalar_one()
            new = _new(TRANSFER.c.id, _DAY, was=(was.upto, was.later, before), upto=upto)
            new_records = _new(
                RECORD.c.id, _RECORD_DAY, was=(was.records_upto, was.records_later, before), upto=records_upto
            )
            span = Span(
                upto, _later(core, TRANSFER.c.id, new, day < _DAY, upto),
                records_upto, _later(core, RECORD.c.id, [*new_records, _FREE], day < _RECORD_DAY, records_upto),
            )  # fmt: skip
            entries = [*new, day >= _DAY, _MOVED, TRANSFER.c.kind != TransferKind.SETTLEMENT.value]
            sides = sa.union_all(
                _side(TRANSFER.c.credit, TRANSFER.c.debit, 1).where(*entries),
                _side(TRANSFER.c.debit, TRANSFER.c.credit, -1).where(*entries),
            ).subquery()
            by = [sides.c[name] for name in ("vehicle", "payer", "held", "by_hand", "of_day")]
            incomes = core.execute(
                sa.select(*by, _whole(sa.func.sum(sides.c.rials)), sa.func.count()).group_by(*by)
            ).all()  # fmt: skip
            free = core.execute(
                sa.select(
                    RECORD.c.vehicle, _RECORD_DAY, sa.func.count(),
                    _whole(sa.func.coalesce(sa.func.sum(RECORD.c.persons), 0)),
                )
                .where(*new_records, day >= _RECORD_DAY, _FREE)
                .group_by(RECORD.c.vehicle, _RECORD_DAY)
            ).all()  # fmt: skip
        return Gathered(
            span, head, [
                Income(vehicle, line_of(payer, held=bool(held), by_hand=bool(by_hand)), payer, *rest)
                for vehicle, payer, held, by_hand, *rest in incomes
            ],
            sorted((FreeRides(*row) for row in free), key=lambda it: (it.vehicle, it.of_day)),
        )  # fmt: skip

    def settled(self, lines: Collection[LineOf]) -> Mapping[LineOf, Before]:
        """What all statements so far have had of these."""
        days = sorted({day for _, _, day in lines})
        found: dict[LineOf, Before] = {}
        with self._writer.reading() as core:
            for day in days:
                for vehicle, line, of_day, *sums in core.execute(sa.select(SETTLED).where(SETTLED.c.of_day == day)):
                    found[vehicle, Line(line), of_day] = _before(*sums)
        return {key: found[key] for key in lines if key in found}

    def settled_sums(self) -> Mapping[LineOf, Before]:
        """All of it."""
        with self._writer.reading() as core:
            rows = core.execute(sa.select(SETTLED)).all()
        return {(vehicle, Line(line), of_day): _before(*sums) for vehicle, line, of_day, *sums in rows}

    def freeze(
        self, statement: Statement, transfers: Sequence[Transfer], entry: Entry, *, by: Sequence[Contract]
    ) -> bool:
        """Keep the statement and post what it moves; False if another came first, or contracts are others than `by`."""
        at_ms = entry.at_ms
        span = statement.span
        row = {
            "day": statement.day, "previous": statement.previous, "hash": statement.hash, "content": statement.content,
            "at_ms": at_ms, "upto": span.upto, "later": span.later, "records_upto": span.records_upto,
            "records_later": span.records_later,
        }  # fmt: skip
        with self._writer.transaction() as core:
            self._post(core, [], at_ms)  # before the last one is read: whoever else freezes waits here
            newest = core.execute(sa.select(SETTLEMENT.c.hash).order_by(SETTLEMENT.c.day.desc()).limit(1)).scalar()
            if (GENESIS if newest is None else newest) != statement.previous or _contracts(core) != [*by]:
                return False
            core.execute(SETTLEMENT.insert(), row)
            if statement.shares:
                core.execute(_settled(core.dialect.name), [
                    {
                        "vehicle": it.vehicle, "line": it.line.value, "of_day": it.of_day,
                        "operator": it.terms.operator, "owner": it.terms.owner,
                        "owner_permille": it.terms.owner_permille, "rials": it.rials,
                        "paid_rials": it.paid_rials, "owner_rials": it.owner_rials,
                    }
                    for it in statement.shares
                ])  # fmt: skip
            self._post(core, transfers, at_ms)
            tell(core, entry)
        return True

    def moved(self) -> Sequence[tuple[bytes, str, str, int]]:
        """(key, debit, credit, rials) of every entry that settlements posted, in their order."""
        columns = [TRANSFER.c[name] for name in ("key", "debit", "credit", "rials")]
        asked = sa.select(*columns).where(TRANSFER.c.kind == TransferKind.SETTLEMENT.value).order_by(TRANSFER.c.id)
        with self._aside.reading() as core:
            return [(bytes(key), *rest) for key, *rest in core.execute(asked)]

    def newest_ms(self) -> int | None:
        """When the newest entry of the ledger was posted."""
        with self._writer.reading() as core:
            asked = sa.select(TRANSFER.c.at_ms).order_by(TRANSFER.c.id.desc()).limit(1)
            found: int | None = core.execute(asked).scalar()
        return found

    def statement(self, day: int) -> Statement | None:
        """One, from its bytes."""
        with self._writer.reading() as core:
            row = core.execute(
                sa.select(SETTLEMENT.c.content, SETTLEMENT.c.previous).where(SETTLEMENT.c.day == day)
            ).one_or_none()
        return None if row is None else decode(*row)


_CONTRACT = ("vehicle", "from_day", "operator", "owner", "owner_permille", "proxies_max_rials", "tickets_max_rials")
_SPAN = ("upto", "later", "records_upto", "records_later")
_FREE = RECORD.c.verdict == int(Verdict.BOARD_FREE)


def _contracts(core: sa.Connection) -> list[Contract]:
    columns = [CONTRACT.c[name] for name in _CONTRACT]
    return [Contract(*row) for row in core.execute(sa.select(*columns).order_by(*columns[:2]))]


def _before(operator: str, owner: str | None, permille: int, *sums: int) -> Before:
    return Before(Terms(operator, owner, permille), *sums)


def _new(number: Any, day: Any, *, was: tuple[int, int, int], upto: int) -> list[Any]:
    """What no statement has taken yet, up to a row: what came since, and what was of later days then."""
    last, later, before = was
    return [number >= min(later, last + 1), number <= upto, sa.or_(number > last, day > before)]


def _later(core: sa.Connection, number: Any, new: Sequence[Any], later: Any, upto: int) -> int:
    """The first of those that are of later days; behind all where there is none."""
    found: int | None = core.execute(sa.select(sa.func.min(number)).where(*new, later)).scalar()
    return upto + 1 if found is None else found


def _settled(dialect: str) -> Any:
    """Add to what was settled of a line."""
    sums = ("rials", "paid_rials", "owner_rials")
    return upsert(
        dialect, SETTLED, keys=["vehicle", "line", "of_day"],
        sets=lambda new: {name: SETTLED.c[name] + new[name] for name in sums},
    )  # fmt: skip
