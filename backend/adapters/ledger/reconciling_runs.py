"""Runs of a reconciliation, what they found, and what became of it: in the ledger, step by step."""

import json
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.hot import cut
from backend.adapters.ledger.reconciling_reads import ReconcilingReads
from backend.adapters.ledger.reconciling_tables import (
    DISCREPANCY,
    DISCREPANCY_ENTRY,
    RECONCILING,
    RECONCILING_FOUND,
    RECONCILING_SEEN,
)
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.upsert import insert, upsert
from backend.core.errors import NotFound, Refused, StoreFailed
from backend.core.reconciliation.classes import Class
from backend.core.reconciliation.discrepancies import (
    BY_ITSELF,
    CLOSING,
    TELLING,
    Discrepancy,
    Entry,
    Kept,
    when_found,
)
from backend.core.reconciliation.ports import BLOCK_BITS, Run
from backend.core.staff.log import Entry as LogEntry
from protocol.localtime import day_begins_ms

_NAMES_A_QUERY = 500
_TELLS = DISCREPANCY_ENTRY.c.entry.in_(sorted(it.value for it in TELLING))  # those that say how much there is
_TOLD, _LAST = DISCREPANCY_ENTRY.alias("told"), DISCREPANCY_ENTRY.alias("last")


def _newest(*which: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    """Of a discrepancy its newest entry of these. Its own are looked up: all there ever were are many."""
    own = DISCREPANCY_ENTRY.c.name == DISCREPANCY.c.name
    newest = sa.select(sa.func.max(DISCREPANCY_ENTRY.c.id)).where(own, *which)
    return newest.correlate(DISCREPANCY).scalar_subquery()


_KEPT = (
    sa.select(DISCREPANCY, _LAST.c.entry, _LAST.c.who, _LAST.c.why, _LAST.c.at_ms, _TOLD.c.extent)
    .join_from(DISCREPANCY, _LAST, _LAST.c.id == _newest())
    .join(_TOLD, _TOLD.c.id == _newest(_TELLS))
)
_IS_OPEN = _LAST.c.entry.not_in(sorted(it.value for it in CLOSING))


class ReconcilingRuns(ReconcilingReads):
    """Part of `ReconcilingStore`."""

    _writer: Guarded
    _reader: Guarded

    def go_on(self, from_day: int, to_day: int, sources: str, now_ms: int, first_stage: str) -> Run:
        """The run of these days and files that has not ended, or a new one."""
        same = (
            RECONCILING.c.from_day == from_day, RECONCILING.c.to_day == to_day, RECONCILING.c.sources == sources,
            RECONCILING.c.ended_ms.is_(None),
        )  # fmt: skip
        first, last = self.transfer_range(day_begins_ms(from_day), day_begins_ms(to_day + 1))
        with self._writer.transaction() as core:
            row = core.execute(sa.select(RECONCILING).where(*same)).first()
            if row is None:
                core.execute(RECONCILING.insert().values(
                    from_day=from_day, to_day=to_day, sources=sources, begun_ms=now_ms, stage=first_stage, place="[]",
                    totals="{}", steps=0, first_transfer=first, last_transfer=last,
                ))  # fmt: skip
                row = core.execute(sa.select(RECONCILING).where(*same)).one()
            seen = bytearray(((max(row.last_transfer - row.first_transfer, -1) + 1) >> 3) + 1)
            kept = sa.select(RECONCILING_SEEN.c.block, RECONCILING_SEEN.c.bits).where(RECONCILING_SEEN.c.run == row.id)
            for block, bits in core.execute(kept):
                seen[block << BLOCK_BITS : (block << BLOCK_BITS) + len(bits)] = bits
        return Run(
            row.id, from_day, to_day, sources, row.begun_ms, row.stage, json.loads(row.place), json.loads(row.totals),
            row.first_transfer, row.last_transfer, seen, steps=row.steps,
        )  # fmt: skip

    def keep_step(self, run: Run, found: Collection[Discrepancy], now_ms: int) -> int:
        """What one step found and where the run now is, in one transaction."""
        with self._writer.transaction() as core:
            opened = _open(core, run, found, now_ms)
            run.totals["opened"] = run.totals.get("opened", 0) + opened
            self._stands(core, run, None)
        return opened

    def end_run(self, run: Run, checked: Callable[[Discrepancy], bool], now_ms: int) -> int:
        """The run has ended: open ones of its days match that it did not find, and no run that began after it."""
        among = (
            _IS_OPEN,
            DISCREPANCY.c.day.is_(None) | DISCREPANCY.c.day.between(run.from_day, run.to_day),
            DISCREPANCY.c.name.not_in(sa.select(RECONCILING_FOUND.c.name).where(RECONCILING_FOUND.c.run >= run.id)),
        )  # fmt: skip
        with self._writer.transaction() as core:
            gone = [row.name for row in core.execute(_KEPT.where(*among)) if checked(_kept(row).it)]
            why = f"run {run.id} of days {run.from_day} to {run.to_day} does not find it any more"
            _enter(core, [(name, Entry.MATCHED, BY_ITSELF, why, None) for name in gone], now_ms)
            run.totals["matched"] = len(gone)
            self._stands(core, run, now_ms)
            core.execute(RECONCILING_SEEN.delete().where(RECONCILING_SEEN.c.run == run.id))
            core.execute(_nobody_waits_for(run.id))
        return len(gone)

    def _stands(self, core: sa.Connection, run: Run, ended_ms: int | None) -> None:
        """Where it is. Raises StoreFailed if another process took it on meanwhile."""
        values = {
            "stage": run.stage, "place": json.dumps(run.place), "ended_ms": ended_ms, "totals": json.dumps(run.totals),
            "steps": run.steps + 1,
        }  # fmt: skip
        going = RECONCILING.update().where(
            RECONCILING.c.id == run.id, RECONCILING.c.ended_ms.is_(None), RECONCILING.c.steps == run.steps
        )
        if not core.execute(going.values(values)).rowcount:
            raise StoreFailed(
                "another process goes on with this reconciliation", fix="let it; ask again when it has ended"
            )
        run.steps += 1
        for block in sorted(run.dirty):
            bits = bytes(run.seen[block << BLOCK_BITS : (block + 1) << BLOCK_BITS])
            core.execute(_seen(core.dialect.name), {"run": run.id, "block": block, "bits": bits})
        run.dirty.clear()
        run.ended_ms = ended_ms

    def discrepancies(self, *, open_only: bool, after: str | None, most: int) -> Sequence[Kept]:
        """By name."""
        asked = _KEPT.order_by(DISCREPANCY.c.name).limit(most)
        if open_only:
            asked = asked.where(_IS_OPEN)
        if after is not None:
            asked = asked.where(DISCREPANCY.c.name > after)
        with self._reader.reading() as core:
            return [_kept(row) for row in core.execute(asked)]

    def entries_of(self, name: str) -> Sequence[tuple[Entry, int, str, str]]:
        """(what, when, who, why) of one, in their order."""
        columns = (DISCREPANCY_ENTRY.c[of] for of in ("entry", "at_ms", "who", "why"))
        asked = sa.select(*columns).where(DISCREPANCY_ENTRY.c.name == name).order_by(DISCREPANCY_ENTRY.c.id)
        with self._reader.reading() as core:
            return [(Entry(entry), at_ms, who, why) for entry, at_ms, who, why in core.execute(asked)]

    def open_among(self, names: Collection[str]) -> Collection[str]:
        """Those of them that are open."""
        asked, found = sorted(names), set()
        with self._aside.reading() as core:
            for some in cut(asked, _NAMES_A_QUERY):
                found |= {row.name for row in core.execute(_KEPT.where(DISCREPANCY.c.name.in_(some), _IS_OPEN))}
        return found

    def resolve_discrepancy(self, name: str, why: str, entry: LogEntry) -> Kept:
        """A person says why it needs no more acting, with a log entry. Raises NotFound; Refused if it is not open."""
        with self._writer.transaction() as core:
            row = core.execute(_KEPT.where(DISCREPANCY.c.name == name)).first()
            if row is None:
                raise NotFound("there is no such discrepancy", fix="`savar reconcile cases` lists them", name=name)
            if not _kept(row).is_open:
                raise Refused("it is not open any more", fix=f"it {row.entry} by {row.who}: {row.why}", name=name)
            _enter(core, [(name, Entry.RESOLVED, entry.person, why, None)], entry.at_ms)
            tell(core, entry)
            return _kept(core.execute(_KEPT.where(DISCREPANCY.c.name == name)).one())


def _nobody_waits_for(run: int) -> sa.Delete:
    """What ended runs found that is of no use any more: no run that began before goes on, or a later one found it."""
    found, later = RECONCILING_FOUND, RECONCILING_FOUND.alias("later")
    oldest = sa.select(sa.func.min(RECONCILING.c.id)).where(RECONCILING.c.ended_ms.is_(None)).scalar_subquery()
    going = sa.select(RECONCILING.c.id).where(RECONCILING.c.ended_ms.is_(None))
    again = sa.exists().where(later.c.run == run, later.c.name == found.c.name, found.c.run < run)
    return found.delete().where(found.c.run.not_in(going), again | oldest.is_(None) | (found.c.run < oldest))


@cache
def _seen(dialect: str) -> Any:
    return upsert(dialect, RECONCILING_SEEN, keys=["run", "block"], anew=["bits"])


def _open(core: sa.Connection, run: Run, found: Collection[Discrepancy], now_ms: int) -> int:
    """New ones are opened, and those that matched by themselves or are more than was explained → how many.

    What was told of known ones stays.
    """
    if not found:
        return 0
    by_name = {it.name: it for it in found}
    names = sorted(by_name)
    known: dict[str, tuple[Entry, int | None]] = {}
    for some in cut(names, _NAMES_A_QUERY):
        asked = _KEPT.where(DISCREPANCY.c.name.in_(some))
        known |= {row.name: (Entry(row.entry), row.extent) for row in core.execute(asked)}
    core.execute(
        insert(core.dialect.name, RECONCILING_FOUND).on_conflict_do_nothing(),
        [{"run": run.id, "name": name} for name in names],
    )
    new = [it for name, it in by_name.items() if name not in known]
    if new:
        core.execute(DISCREPANCY.insert(), [
            {
                "name": it.name, "of": it.of.value, "item": it.item, "rials": it.rials, "since_ms": it.since_ms,
                "day": it.day, "facts": json.dumps(it.facts, ensure_ascii=False), "opened_ms": now_ms, "run": run.id,
            }
            for it in new
        ])  # fmt: skip
    why = f"found by run {run.id} of days {run.from_day} to {run.to_day}"
    made = [entry for it in by_name.values() if (entry := _entry(it, known.get(it.name), why)) is not None]
    _enter(core, made, now_ms)
    return sum(entry is not Entry.GREW for _, entry, *_ in made)


def _entry(it: Discrepancy, known: tuple[Entry, int | None] | None, why: str) -> "_Made | None":
    """What becomes of one that is found. What was told of its extent before there was one is anybody's guess."""
    last, told = (None, None) if known is None else known
    grown = told is not None and it.much > told
    entry = when_found(last, grown=grown)
    if entry is None:
        return None
    if grown:
        why = f"{why}, with more of it: " + ", ".join(f"{name} {value}" for name, value in it.facts.items())
    return it.name, entry, BY_ITSELF, why, it.much


_Made = tuple[str, Entry, str, str, int | None]  # name, what, who, why, how much there is


def _enter(core: sa.Connection, entries: Sequence[_Made], now_ms: int) -> None:
    if entries:
        core.execute(DISCREPANCY_ENTRY.insert(), [
            {"name": name, "entry": entry.value, "at_ms": now_ms, "who": who, "why": why, "extent": extent}
            for name, entry, who, why, extent in entries
        ])  # fmt: skip


def _kept(row: Any) -> Kept:
    found = Discrepancy(Class(row.of), row.item, row.rials, row.since_ms, row.day, json.loads(row.facts))
    return Kept(found, row.opened_ms, Entry(row.entry), row.who, row.why, row.at_ms)
