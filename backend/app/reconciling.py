"""The reconciliation as a job, which can be ended at any moment and goes on where it was.

It goes in bounded steps, each kept in the ledger in one short transaction. Reads have a connection of their own: ingest
waits for none of them.

Stages, in their order: statements are taken in; journals; taps against their transfers; payments that statements tell
of; credited top-ups; payouts and the bank; and last the transfers that nothing of that accounts for. Their taps may be
of other days, so those are looked for there, back to STRAY_DAYS_BACK_MAX, before one is told.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from itertools import islice
from pathlib import Path
from typing import TypeVar

from backend.app.stray_transfers import StrayTransfers
from backend.app.tap_spans import Alone, Lookers, Span, behind, kept, read, spans_of
from backend.app.uncollected import uncollected
from backend.core.limits import PAYOUT_DAYS_MAX, RECONCILE_ROWS_A_STEP, RECONCILE_TAPS_A_STEP
from backend.core.reconciliation.classes import Class
from backend.core.reconciliation.discrepancies import Discrepancy
from backend.core.reconciliation.journals import judge_journal, judge_refused
from backend.core.reconciliation.paid_in import agreed, judge_posted
from backend.core.reconciliation.payments import covered, judge_entry, judge_payout, judge_told, judge_topup
from backend.core.reconciliation.ports import ReconcilingStore, Run
from backend.core.reconciliation.sent import judge_outgoing, judge_sent
from backend.core.reconciliation.statements import Unreadable, bank_rows, provider_rows
from protocol.localtime import day_begins_ms, service_day

LOAD, JOURNALS, TAPS, UNDATED, TOLD, TOPUPS, BANK, STRAYS, END = (
    "statements", "journals", "taps", "taps without a clock", "payments", "top-ups", "bank", "transfers", "end",
)  # fmt: skip
THE_BANK = "the bank's"  # whose a statement is; no provider has such a name
_Row = TypeVar("_Row")
Tick = Callable[[str, int], None]  # a stage, and how much of it is done


@dataclass(frozen=True, slots=True)
class Source:
    """A statement's file. `provider` '': the bank's."""

    provider: str
    path: Path
    digest: str

    @classmethod
    def of(cls, provider: str, path: Path) -> "Source":
        """Read through once, for its digest. Raises OSError."""
        with path.open("rb") as file:
            return cls(provider, path, file_digest(file, "sha256").hexdigest())


class Reconciling:
    """One run of service days, both ends included; an unended one of the same days and files goes on."""

    def __init__(
        self,
        store: ReconcilingStore,
        days: tuple[int, int],
        sources: Sequence[Source],
        *,
        now_ms: Callable[[], int],
        tick: Tick = lambda _stage, _done: None,
        taps_a_step: int = RECONCILE_TAPS_A_STEP,
        lookers: Lookers | None = None,
    ) -> None:
        """`lookers`: who looks at taps; several spans at once, if it has several processes."""
        self._store, self._days, self._sources, self._now_ms, self._tick = store, days, sources, now_ms, tick
        self._taps_a_step, self._lookers = taps_a_step, lookers or Alone(store)
        self._due = (days[0] - PAYOUT_DAYS_MAX, days[1] - PAYOUT_DAYS_MAX)  # what must be at the bank in these days
        self._from_ms, self._until_ms = day_begins_ms(days[0]), day_begins_ms(days[1] + 1)
        told = json.dumps(sorted([it.provider, it.digest] for it in sources))
        self.run = store.go_on(*days, told, now_ms(), LOAD)
        self._strays: StrayTransfers | None = None

    def finish(self) -> Run:
        """Step until it has ended. Raises StatementUnfit, StoreFailed, OSError (a statement)."""
        while self.step():
            pass
        return self.run

    def step(self) -> bool:
        """One bounded step, and keep it → whether there is more to do."""
        run = self.run
        if run.ended_ms is not None:
            return False
        self._tick(run.stage, run.totals.get(run.stage, 0))
        steps: dict[str, Callable[[], list[Discrepancy]]] = {
            LOAD: self._load, JOURNALS: self._journals, TAPS: self._taps, UNDATED: self._undated_taps,
            TOLD: self._told, TOPUPS: self._topups, BANK: self._bank, STRAYS: self._stray_transfers,
        }  # fmt: skip
        if run.stage == END:
            self._store.end_run(run, self._checks, self._now_ms())
            return False
        with uncollected():
            found = steps[run.stage]()
        for name, number in Counter(it.of.value for it in found).items():
            self._count(f"found:{name}", number)
        self._store.keep_step(run, found, self._now_ms())
        return True

    def _checks(self, it: Discrepancy) -> bool:
        """Lines that cannot be read are looked for by a run that has statements of whom theirs was, and by no other."""
        return it.of is not Class.UNREADABLE_LINE or it.facts.get("statement") in self._whose().values()

    def _whose(self) -> dict[str, str]:
        """Digest → whose statement it is, in words."""
        return {it.digest: it.provider or THE_BANK for it in self._sources}

    def _next(self, stage: str, place: Sequence[int | str] = ()) -> None:
        self.run.stage, self.run.place = stage, list(place)

    def _count(self, name: str, number: int) -> None:
        self.run.totals[name] = self.run.totals.get(name, 0) + number

    # --- statements ---------------------------------------------------------------------------------------------------

    def _load(self) -> list[Discrepancy]:
        """One file, in transactions of some rows; taken in anew it is the same, so a kill costs a file at most."""
        at = int(self.run.place[0]) if self.run.place else 0
        if at < len(self._sources):
            source = self._sources[at]
            with source.path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
                if source.provider:
                    for some in _some(provider_rows(lines), RECONCILE_ROWS_A_STEP):
                        fit, unfit = _parted(some)
                        self._store.keep_provider_rows(source.provider, source.digest, self._days, fit, unfit)
                        self._told_of(len(some))
                else:
                    for more in _some(bank_rows(lines), RECONCILE_ROWS_A_STEP):
                        entries, unread = _parted(more)
                        self._store.keep_bank_rows(source.digest, self._days, entries, unread)
                        self._told_of(len(more))
            self._next(LOAD, [at + 1])
            return []
        for provider in sorted({it.provider for it in self._sources}):
            self._store.cover(provider, self._days, {it.digest for it in self._sources if it.provider == provider})
        self._next(JOURNALS)
        whose = self._whose()
        return [
            Discrepancy(
                Class.UNREADABLE_LINE,
                f"{source[:16]}:{line}",
                0,
                day_begins_ms(day),
                day,
                {"why": why, "statement": whose[source]},
            )
            for source, line, why, day in self._store.unreadable([it.digest for it in self._sources])
        ]

    def _told_of(self, rows: int) -> None:
        self._count(LOAD, rows)
        self._tick(LOAD, self.run.totals[LOAD])

    # --- journals, taps -----------------------------------------------------------------------------------------------

    def _journals(self) -> list[Discrepancy]:
        now_ms = self._now_ms()
        held, refused = self._store.journals(), self._store.refused()
        self._count(JOURNALS, len(held) + len(refused))
        self._next(TAPS)
        return [
            *(found for it in held for found in judge_journal(it, now_ms)),
            *(found for it in refused for found in judge_refused(it)),
        ]

    def _taps(self) -> list[Discrepancy]:
        return self._some_taps(TAPS, UNDATED, spans_of(self._days))

    def _undated_taps(self) -> list[Discrepancy]:
        """Of these days by what stands for them, while their records, of a bus without a clock, name others."""
        return self._some_taps(UNDATED, TOLD, [Span(self._from_ms, self._until_ms, undated=True)])

    def _some_taps(self, stage: str, then: str, all_of_it: list[Span]) -> list[Discrepancy]:
        """The next taps of as many spans as are looked at at once."""
        run, many = self.run, self._lookers.many
        undated = stage == UNDATED
        if len(run.place) == 2:  # a run that began before there were spans
            run.place = [self._from_ms, self._until_ms, *run.place]
        spans = read(run.place, undated=undated) if run.place else all_of_it
        looked = self._lookers([(it, self._taps_a_step) for it in spans[:many]])
        found: list[Discrepancy] = []
        for it in looked:
            found += it.found
            for transfer in it.ids:
                run.mark(transfer)
            self._count(TAPS, it.taps)
            self._count("late_taps", it.late)
            self._count("moved_rials", it.rials)
        left = [it for it in map(behind, spans, looked) if it is not None] + spans[many:]
        self._next(*((stage, kept(left)) if left else (then,)))
        return found

    # --- money from outside -------------------------------------------------------------------------------------------

    def _told(self) -> list[Discrepancy]:
        after = (str(self.run.place[0]), str(self.run.place[1])) if self.run.place else None
        some = self._store.told(self._days, after, RECONCILE_ROWS_A_STEP)
        self._count(TOLD, len(some))
        whole = len(some) == RECONCILE_ROWS_A_STEP
        self._next(*((TOLD, (some[-1][0].provider, some[-1][0].named)) if whole else (TOPUPS,)))
        return [found for told, topup in some for found in judge_told(told, topup)]

    def _topups(self) -> list[Discrepancy]:
        run = self.run
        after = (int(run.place[0]), str(run.place[1])) if run.place else None
        some, transfers, held = self._store.topups(self._from_ms, self._until_ms, after, RECONCILE_ROWS_A_STEP)
        for it in transfers.values():
            run.mark(it.id)
        found: list[Discrepancy] = []
        for topup, told in some:
            found += judge_topup(topup, transfers, told, covered=covered(topup, transfers, held))
        self._count(TOPUPS, len(some))
        whole = len(some) == RECONCILE_ROWS_A_STEP
        self._next(*((TOPUPS, (some[-1][0].created_ms, some[-1][0].id)) if whole else (BANK,)))
        return found

    def _bank(self) -> list[Discrepancy]:
        """What came in and what went out: told where it is due and the bank's days are held; what agrees is posted."""
        held = self._store.days_held("")
        found = self._came_in(held)
        for entry, many in self._store.entries(self._days):
            found += judge_entry(entry, payouts=many)
            self._count(BANK, 1)
        for sent, rials in self._store.sent(self._due):
            found += judge_sent(sent, rials, covered=sent.covered(held))
            self._count(BANK, 1)
        for entry, many in self._store.outgoing(self._days):
            found += judge_outgoing(entry, payouts=many)
            self._count(BANK, 1)
        self._next(STRAYS)
        return found

    def _came_in(self, held: Collection[int]) -> list[Discrepancy]:
        """Providers' payouts that are due in these days, and those of before that the bank has now."""
        store, found = self._store, list[Discrepancy]()
        names = {name for _, name in store.paid_in(self._due)}
        payouts = store.payouts(self._due, self._days, names)
        posted = store.paid_in(self._due, {it.payout.name for it in payouts})
        for it in payouts:
            day = service_day(it.payout.last_ms)
            there = it.bank_rials is not None or all(one in held for one in range(day, day + PAYOUT_DAYS_MAX + 1))
            if it.due and there:
                found += judge_payout(it.payout, it.bank_rials)
        by_name = {(it.payout.provider, it.payout.name): it.payout for it in payouts}
        for key, was in posted.items():
            found += judge_posted(was, by_name.get(key))
        anew = [agreed(it) for it in payouts if (it.payout.provider, it.payout.name) not in posted]
        self._count("posted_payouts", store.post_paid_in([it for it in anew if it is not None], self._now_ms()))
        self._count(BANK, len(payouts))
        return found

    # --- what is left -------------------------------------------------------------------------------------------------

    def _stray_transfers(self) -> list[Discrepancy]:
        if self._strays is None:
            self._strays = StrayTransfers(self._store, self.run, self._taps_a_step)
        found, done = self._strays.step(self.run.place)
        self._count(STRAYS, 1)
        self._next(*((END,) if done is None else (STRAYS, done)))
        return found


def _some(rows: Iterator[_Row], most: int) -> Iterator[list[_Row]]:
    while some := list(islice(rows, most)):
        yield some


def _parted(rows: Sequence[_Row | Unreadable]) -> tuple[list[_Row], list[Unreadable]]:
    unfit = [it for it in rows if isinstance(it, Unreadable)]
    return [it for it in rows if not isinstance(it, Unreadable)], unfit
