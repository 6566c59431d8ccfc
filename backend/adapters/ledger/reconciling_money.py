"""Statements as they were given, and what they are held against: top-ups, payouts, the bank's entries."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded, raw
from backend.adapters.ledger.hot import Row, rows_of
from backend.adapters.ledger.payment_tables import HAS_RECEIPT, TOPUP
from backend.adapters.ledger.reconciling_runs import ReconcilingRuns
from backend.adapters.ledger.reconciling_tables import BANK_ROW, STATEMENT_DAY, STATEMENT_ROW, UNREADABLE
from backend.adapters.ledger.upsert import insert
from backend.core.reconciliation.payments import CREDITED, HeldTopUp, Told, keys_of
from backend.core.reconciliation.statements import BankRow, ProviderRow, RowKind, Unreadable
from backend.core.reconciliation.taps import PostedTransfer

ASKED_MAX = 500
_ROW = STATEMENT_ROW.c
_KINDS = {it.value: it for it in RowKind}


class ReconcilingMoney(ReconcilingRuns):
    """Part of `ReconcilingStore`."""

    _writer: Guarded
    _aside: Guarded

    def keep_provider_rows(
        self, provider: str, digest: str, days: tuple[int, int], rows: Collection[ProviderRow],
        unreadable: Collection[Unreadable],
    ) -> None:  # fmt: skip
        """Some rows of a statement; told again they are the same."""
        with self._writer.transaction() as core:
            _put(core, STATEMENT_ROW, [
                {
                    "provider": provider, "day": row.day, "digest": digest, "line": row.line, "named": row.authority,
                    "kind": row.kind.value, "rials": row.rials, "fee_rials": row.fee_rials, "at_ms": row.at_ms,
                    "payout": row.payout,
                }
                for row in rows
            ])  # fmt: skip
            _put_unreadable(core, digest, days, unreadable)

    def keep_bank_rows(
        self, digest: str, days: tuple[int, int], rows: Collection[BankRow], unreadable: Collection[Unreadable]
    ) -> None:
        """Some rows of the bank's; told again they are the same."""
        with self._writer.transaction() as core:
            _put(core, BANK_ROW, [
                {
                    "day": row.day, "digest": digest, "line": row.line, "reference": row.reference, "rials": row.rials,
                    "at_ms": row.at_ms, "outgoing": row.outgoing,
                }
                for row in rows
            ])  # fmt: skip
            _put_unreadable(core, digest, days, unreadable)

    def cover(self, provider: str, days: tuple[int, int], digests: Collection[str]) -> None:
        """These files are the statements of these days: what older files told of them goes."""
        first, last = days
        table = STATEMENT_ROW if provider else BANK_ROW
        older = table.delete().where(table.c.day.between(first, last), table.c.digest.not_in(sorted(digests)))
        if provider:
            older = older.where(STATEMENT_ROW.c.provider == provider)
        with self._writer.transaction() as core:
            core.execute(older)
            core.execute(STATEMENT_DAY.delete().where(
                STATEMENT_DAY.c.provider == provider, STATEMENT_DAY.c.day.between(first, last)
            ))  # fmt: skip
            core.execute(STATEMENT_DAY.insert(), [
                {"provider": provider, "day": day, "digest": min(digests)} for day in range(first, last + 1)
            ])  # fmt: skip

    def unreadable(self, digests: Collection[str]) -> Sequence[tuple[str, int, str, int]]:
        """(source, line, why, day) of lines that were left out of these files."""
        asked = sa.select(UNREADABLE.c.source, UNREADABLE.c.line, UNREADABLE.c.why, UNREADABLE.c.day)
        with self._aside.reading() as core:
            return [tuple(row) for row in core.execute(asked.where(UNREADABLE.c.source.in_(sorted(digests))))]

    def told(
        self, days: tuple[int, int], after: tuple[str, str] | None, most: int
    ) -> Sequence[tuple[Told, HeldTopUp | None]]:
        """Payments of which some row lies in these days, by name and provider, each whole, and their top-ups."""
        named = sa.select(_ROW.provider, _ROW.named).where(_ROW.day.between(*days)).distinct()
        if after is not None:
            provider, name = map(sa.literal, after)
            named = named.where(sa.tuple_(_ROW.named, _ROW.provider) > sa.tuple_(name, provider))
        with self._aside.snapshot() as core:
            wanted = [tuple(it) for it in core.execute(named.order_by(_ROW.named, _ROW.provider).limit(most))]
            told = self._told(core, wanted)
            topups = self._topups_named(core, wanted)
        return [(told[it], topups.get(it)) for it in wanted]

    def topups(
        self, from_ms: int, until_ms: int, after: tuple[int, str] | None, most: int
    ) -> tuple[Sequence[tuple[HeldTopUp, Told | None]], Mapping[bytes, PostedTransfer], Collection[tuple[str, int]]]:
        """Credited top-ups made in this time; the transfers of theirs; (provider, day) of statements that are held."""
        asked = _TOPUPS.where(
            TOPUP.c.created_ms >= from_ms, TOPUP.c.created_ms < until_ms, TOPUP.c.status.in_(sorted(CREDITED))
        )
        if after is not None:
            ms, name = after
            asked = asked.where((TOPUP.c.created_ms > ms) | ((TOPUP.c.created_ms == ms) & (TOPUP.c.id > name)))
        with self._aside.snapshot() as core:
            rows = core.execute(asked.order_by(TOPUP.c.created_ms, TOPUP.c.id).limit(most))
            found = [_topup(row) for row in rows]
            told = self._told(core, [(it.provider, it.named) for it in found])
            transfers = self._by_keys(core, [key for it in found for some in keys_of(it.id) for key in some], ())
            held = {tuple(it) for it in core.execute(sa.select(STATEMENT_DAY.c.provider, STATEMENT_DAY.c.day))}
        return [(it, told.get((it.provider, it.named))) for it in found], transfers, held

    def _topups_named(self, core: sa.Connection, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], HeldTopUp]:
        by_authority = (("authority",), [(name,) for _, name in named], "")
        found = {}
        for key, values, where in ((("provider", "receipt"), named, HAS_RECEIPT.text), by_authority):
            for row in rows_of(self._driver, raw(core), "topup", key, values, _TOPUP, where=where):
                it = _topup(row)
                found[it.provider, it.named] = it
        return found

    def _told(self, core: sa.Connection, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Told]:
        """All rows of these payments, whatever their day."""
        found: dict[tuple[str, str], list[Row]] = defaultdict(list)
        names = [(it,) for it in {name for _, name in named}]
        for row in rows_of(self._driver, raw(core), "statement_row", ("named",), names, _TOLD):
            found[row[0], row[1]].append(row)
        return {it: Told(*it, [_provider_row(row) for row in sorted(found[it])]) for it in named if it in found}

    def days_held(self, provider: str) -> Collection[int]:
        """Days of which this provider's statement is held; '': the bank's."""
        asked = sa.select(STATEMENT_DAY.c.day).where(STATEMENT_DAY.c.provider == provider)
        with self._aside.reading() as core:
            return set(core.execute(asked).scalars())


_TOPUP = "id, credential, rials, status, provider, receipt, authority, created_ms"
_TOLD = "provider, named, day, digest, line, kind, rials, fee_rials, at_ms, payout"
_TOPUPS = sa.select(*(TOPUP.c[name] for name in _TOPUP.split(", ")))


def _topup(row: Sequence[Any]) -> HeldTopUp:
    name, credential, rials, status, provider, receipt, authority, created_ms = row
    return HeldTopUp(name, bytes(credential), rials, status, provider, receipt or authority, created_ms)


def _provider_row(row: Row) -> ProviderRow:
    _, named, _, _, line, kind, rials, fee_rials, at_ms, payout = row
    return ProviderRow(line, named, rials, at_ms, _KINDS[kind], fee_rials, payout)


def _put(core: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        core.execute(insert(core.dialect.name, table).on_conflict_do_nothing(), rows)


def _put_unreadable(core: sa.Connection, digest: str, days: tuple[int, int], lines: Collection[Unreadable]) -> None:
    _put(core, UNREADABLE, [{"source": digest, "line": it.line, "why": it.why, "day": days[1]} for it in lines])
