"""What came in at the bank of providers' payouts, what was posted of it, and what left for operators and owners."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.hot import cut
from backend.adapters.ledger.paying_tables import PAYOUT_SENT
from backend.adapters.ledger.posting import PostTransfers
from backend.adapters.ledger.reconciling_money import ASKED_MAX, ReconcilingMoney
from backend.adapters.ledger.reconciling_tables import BANK_ROW, PAID_IN, STATEMENT_ROW
from backend.adapters.ledger.staff_tables import PROPOSAL
from backend.adapters.ledger.upsert import insert
from backend.core.reconciliation.paid_in import Held, PaidIn, held, transfers
from backend.core.reconciliation.payments import Entry, Payout, paired
from backend.core.reconciliation.sent import Sent
from backend.core.reconciliation.statements import RowKind
from backend.core.staff.subjects import PayOut, read
from backend.core.staff.two_people import Kind
from protocol.localtime import day_begins_ms

_ROW = STATEMENT_ROW.c
_HAS_PAYOUT = sa.text("payout <> ''")  # in the words of the index


def _sum(of: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.sum(of), sa.BigInteger)


_SIGNED = sa.case((_ROW.kind == RowKind.PAYMENT.value, _ROW.rials), else_=-_ROW.rials)
_PAYOUTS = (
    sa.select(
        _ROW.provider, _ROW.payout, _sum(_SIGNED - _ROW.fee_rials), _sum(_ROW.fee_rials), sa.func.count(),
        sa.func.max(_ROW.at_ms),
    )
    .where(_HAS_PAYOUT)
    .group_by(_ROW.payout, _ROW.provider)
    .order_by(_ROW.payout, _ROW.provider)
)  # fmt: skip
_POSTED = sa.select(*(PAID_IN.c[name] for name in ("provider", "name", "rials", "fee_rials", "day")))
_SENT = sa.select(
    PAYOUT_SENT.c.name, PAYOUT_SENT.c.reference, PAYOUT_SENT.c.told_ms, PROPOSAL.c.content, PROPOSAL.c.decided_ms
).join_from(PAYOUT_SENT, PROPOSAL, PROPOSAL.c.name == PAYOUT_SENT.c.name)


class ReconcilingBank(ReconcilingMoney):
    """Part of `ReconcilingStore`."""

    _writer: Guarded
    _aside: Guarded
    _post: PostTransfers

    # --- what came in -------------------------------------------------------------------------------------------------

    def payouts(
        self, days: tuple[int, int], booked: tuple[int, int], names: Collection[str] = ()
    ) -> Sequence[Held]:  # fmt: skip
        """Payouts whose last row lies in `days` (due), whose name the bank has in days `booked`, or of these names."""
        within = sa.func.max(_ROW.day).between(*days)
        told = sa.select(BANK_ROW.c.reference).where(
            BANK_ROW.c.day.between(*booked), BANK_ROW.c.outgoing.is_(False)
        )  # fmt: skip
        by_name: dict[str, list[Payout]] = defaultdict(list)
        posted: dict[str, dict[str, PaidIn]] = defaultdict(dict)
        due: dict[str, set[str]] = defaultdict(set)
        amounts: dict[str, tuple[int, ...]] = {}
        with self._aside.snapshot() as core:
            for provider, name, *_ in core.execute(_PAYOUTS.having(within)):
                due[name].add(provider)
            wanted = sorted({*due, *core.execute(told.distinct()).scalars(), *names})
            for some in cut(wanted, ASKED_MAX):
                of_names = _PAYOUTS.where(_ROW.payout.in_(some))
                for row in core.execute(of_names):  # other providers' and days' of the name, too
                    by_name[row[1]].append(Payout(*row))
                for row in core.execute(_POSTED.where(PAID_IN.c.name.in_(some))):
                    posted[row.name][row.provider] = PaidIn(*row)
                amounts |= {
                    it.reference: it.amounts for it in _entries(core, BANK_ROW.c.reference.in_(some), outgoing=False)
                }
        return [
            one for name, of_name in by_name.items()
            for one in held(of_name, amounts.get(name, ()), posted[name], due[name])
        ]  # fmt: skip

    def entries(self, days: tuple[int, int]) -> Sequence[tuple[Entry, int]]:
        """References of what came in whose first entry lies in these days, and how many payouts have that name."""
        with self._aside.snapshot() as core:
            found = _first_within(core, days, outgoing=False)
            named = sa.select(_ROW.payout, sa.func.count(_ROW.provider.distinct())).group_by(_ROW.payout)
            known: dict[str, int] = {}
            for some in cut([it.reference for it in found], ASKED_MAX):
                rows = core.execute(named.where(_ROW.payout.in_(some), _HAS_PAYOUT))
                known.update((name, many) for name, many in rows)
        return [(it, known.get(it.reference, 0)) for it in found]

    def paid_in(self, days: tuple[int, int], names: Collection[str] = ()) -> Mapping[tuple[str, str], PaidIn]:
        """What was posted of payouts whose last row lay in these days, and of those of these names."""
        with self._aside.snapshot() as core:
            found = [PaidIn(*row) for row in core.execute(_POSTED.where(PAID_IN.c.day.between(*days)))]
            for some in cut(sorted(names), ASKED_MAX):
                found += [PaidIn(*row) for row in core.execute(_POSTED.where(PAID_IN.c.name.in_(some)))]
        return {(it.provider, it.name): it for it in found}

    def post_paid_in(self, some: Collection[PaidIn], at_ms: int) -> int:
        """Post these, each once whoever says so how often → how many were new."""
        made = []
        with self._writer.transaction() as core:
            self._post(core, [], at_ms)  # whoever else posts waits
            kept = insert(core.dialect.name, PAID_IN).on_conflict_do_nothing().returning(PAID_IN.c.day)
            for it in some:
                row = {
                    "provider": it.provider, "name": it.name, "rials": it.rials, "fee_rials": it.fee_rials,
                    "day": it.day, "at_ms": at_ms,
                }  # fmt: skip
                if core.execute(kept, row).first() is not None:
                    made.append(it)
            self._post(core, [one for it in made for one in transfers(it)], at_ms)
        return len(made)

    # --- what went out ------------------------------------------------------------------------------------------------

    def sent(self, days: tuple[int, int]) -> Sequence[tuple[Sent, int | None]]:
        """Payouts that were marked paid in these days, and the amount of the bank's outgoing entry of each."""
        within = PAYOUT_SENT.c.told_ms.between(day_begins_ms(days[0]), day_begins_ms(days[1] + 1) - 1)
        by_reference: dict[str, list[Sent]] = defaultdict(list)
        amounts: dict[str, tuple[int, ...]] = {}
        with self._aside.snapshot() as core:
            due = {row.name: row.reference for row in core.execute(_SENT.where(within))}
            for some in cut(sorted({*due.values()}), ASKED_MAX):
                for row in core.execute(_SENT.where(PAYOUT_SENT.c.reference.in_(some)).order_by(PAYOUT_SENT.c.name)):
                    by_reference[row.reference].append(_sent(row))
                amounts |= {
                    it.reference: it.amounts for it in _entries(core, BANK_ROW.c.reference.in_(some), outgoing=True)
                }
        return [
            (it, rials)
            for reference, of_one in by_reference.items()
            for it, rials in zip(of_one, paired(of_one, amounts.get(reference, ())), strict=True)
            if it.id in due
        ]

    def outgoing(self, days: tuple[int, int]) -> Sequence[tuple[Entry, int]]:
        """References of what went out whose first entry lies in these days, and how many payouts were told with it."""
        with self._aside.snapshot() as core:
            found = _first_within(core, days, outgoing=True)
            many = sa.select(PAYOUT_SENT.c.reference, sa.func.count()).group_by(PAYOUT_SENT.c.reference)
            asked = many.where(PAYOUT_SENT.c.reference.in_([it.reference for it in found]))
            known: dict[str, int] = {name: number for name, number in core.execute(asked)}  # noqa: C416 - typed rows
        return [(it, known.get(it.reference, 0)) for it in found]


def _first_within(core: sa.Connection, days: tuple[int, int], *, outgoing: bool) -> list[Entry]:
    told = sa.select(BANK_ROW.c.reference).where(BANK_ROW.c.day.between(*days), BANK_ROW.c.outgoing.is_(outgoing))
    begin_ms, end_ms = day_begins_ms(days[0]), day_begins_ms(days[1] + 1)
    entries = _entries(core, BANK_ROW.c.reference.in_(told), outgoing=outgoing)
    return [it for it in entries if begin_ms <= it.first_ms < end_ms]


def _entries(core: sa.Connection, which: sa.ColumnElement[bool], *, outgoing: bool) -> list[Entry]:
    """By their references: the amounts that are told of each, one way."""
    told = sa.select(BANK_ROW.c.reference, BANK_ROW.c.rials, BANK_ROW.c.at_ms).where(
        which, BANK_ROW.c.outgoing.is_(outgoing)
    )
    found: dict[str, Entry] = {}
    for reference, rials, at_ms in core.execute(told.order_by(BANK_ROW.c.day, BANK_ROW.c.digest, BANK_ROW.c.line)):
        before = found.get(reference)
        found[reference] = (
            Entry(reference, (rials,), at_ms) if before is None
            else Entry(reference, (*before.amounts, rials), before.first_ms)
        )  # fmt: skip
    return list(found.values())


def _sent(row: Any) -> Sent:
    it = read(Kind.PAYOUT, bytes(row.content))
    assert isinstance(it, PayOut), "the table has payouts alone"
    return Sent(row.name, row.reference, it.rials, row.decided_ms, row.told_ms)
