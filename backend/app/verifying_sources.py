"""Every row of a ledger held against what it has to come from (rules: `backend.core.verifying.sources`).

The walk adds each row to its family's sums; then all that rows come from is read through and takes off what is its
own. What nothing corrected is known to the rial and looked up nowhere; the rest is looked up by its keys, many at
once. Where the sums come to nothing that is all. Else what was taken for granted is looked up where it differs; what
is on the ledger's side alone after that is read once more, from the newest on, and named.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from backend.adapters.ledger.reading import LedgerReading
from backend.adapters.ledger.verifying_sources import SourceReading
from backend.core.backups import Tick
from backend.core.ledger.verifying import Findings, Row
from backend.core.limits import (
    VERIFY_DAYS_WAIT_MAX,
    VERIFY_FINDINGS_MAX,
    VERIFY_KEYS_AT_ONCE,
    VERIFY_LOOKED_MAX,
)
from backend.core.reconciliation.taps import PostedTransfer
from backend.core.verifying.sources import (
    FAMILY,
    SUMMED,
    Family,
    Source,
    check_set_aside,
    of_cash,
    of_claim,
    of_closing,
    of_free_ride,
    of_given,
    of_paid_in,
    of_record,
    of_standing,
    of_statements,
    of_topup,
    tell,
    tell_differ,
    tell_of_none,
    tell_phase,
)
from backend.core.verifying.sums import Entry, Sums, bucket_of

_NONE = 0  # no row before the first


@dataclass(slots=True)
class Forgotten:
    """Taps of forgotten days that have rows, held against nothing but their records; and those rows' rials."""

    taps: int = 0
    rials: int = 0


class _LookUps:
    """Sources whose rows are looked up many at once, by the day that these name; what is found is judged."""

    def __init__(
        self, read: SourceReading, findings: Findings, family: Family, sums: Sums, forgotten: Forgotten
    ) -> None:
        self._read, self._findings, self._forgotten = read, findings, forgotten
        self._family, self._sums = family, sums
        self._by_day: defaultdict[int | None, list[Source]] = defaultdict(list)
        self._keys: Counter[int | None] = Counter()

    def add(self, source: Source) -> None:
        """One more; where enough wait, they are looked up."""
        day = source.day
        self._by_day[day].append(source)
        self._keys[day] += len(source.keys)
        if self._keys[day] >= VERIFY_KEYS_AT_ONCE:
            self._look_up(day)
        elif len(self._by_day) >= VERIFY_DAYS_WAIT_MAX:
            self.flush()

    def flush(self) -> None:
        """All that wait."""
        for day in [*self._by_day]:
            self._look_up(day)

    def _look_up(self, day: int | None) -> None:
        del self._keys[day]
        some = self._by_day.pop(day)
        found = {row.key: row for row in self._read.posted([key for it in some for key in it.keys], day)}
        for source in some:
            whole, rows = whole_of(self._read, source, [found[key] for key in source.keys if key in found])
            tell(self._findings, whole, rows)
            for row in rows:
                if FAMILY.get(row.kind) is self._family:  # of another kind it came elsewhere
                    self._sums.is_from(_entry(row))
            if source.forgotten and rows:
                self._forgotten.taps += 1
                self._forgotten.rials += sum(row.rials for row in rows)


def whole_of(
    read: SourceReading, source: Source, rows: list[PostedTransfer]
) -> tuple[Source, list[PostedTransfer]]:  # fmt: skip
    """With rows that name another day, and keys that only what was found tells of."""
    if not rows:
        rows = read.posted(source.keys, source.day, anywhere=True)
    while source.longer is not None and (longer := source.longer(rows)) is not None:
        source = longer
        rows = read.posted(source.keys, source.day, anywhere=True)
    return source, rows


class Sources:
    """`came` for each row, then `hold`."""

    def __init__(self, ledger: LedgerReading, sources: SourceReading, findings: Findings, secret: bytes) -> None:
        self._ledger, self._read, self._findings = ledger, sources, findings
        self._sums: dict[Family, Sums] = {family: Sums(secret) for family in SUMMED}
        self.forgotten = Forgotten()

    def came(self, row: Row) -> None:
        """The next row of the walk."""
        family = FAMILY.get(row.kind)
        if family is Family.DECISION:  # V6 has looked at it
            return
        if family is Family.SET_ASIDE:
            check_set_aside(self._findings, row)
        elif family is None:
            tell_of_none(self._findings, row.id, _entry(row))
        elif row.phase is not None:
            tell_phase(self._findings, row.id, row.kind, row.phase)
        else:
            self._sums[family].came(_entry(row))

    def hold(self, tick: Tick) -> None:
        """All families, one after the other; what is wrong is told."""
        differ: list[Family] = []
        for family, sums in self._sums.items():
            tick(f"rows against {family.value}", 0, 1)
            look = _LookUps(self._read, self._findings, family, sums, self.forgotten)
            self._account(sums, self._sources(family), look)
            if sums.differ():
                self._doubt(sums, self._sources(family, again=True), look)
            if family is Family.TAP and sums.differ():
                self._account(sums, self._recorded(sums), look)
            if sums.differ():
                differ.append(family)
        self._name_all(differ, tick)

    # --- what rows come from ------------------------------------------------------------------------------------------

    def _sources(self, family: Family, *, again: bool = False) -> Iterator[Source]:
        """`again`: once more, to name what differs; what is wrong with statements themselves was told."""
        read = self._read
        match family:
            case Family.TAP:
                made = (of_claim(*it) for it in read.plain_claims())
                yield from (it for it in chain(made, map(of_standing, read.other_standing())) if it is not None)
            case Family.FREE_RIDE:
                yield from (of_free_ride(*it) for it in read.free_rides())
            case Family.TOP_UP:
                yield from map(of_topup, read.topups())
            case Family.STATEMENT:
                yield from of_statements(Findings() if again else self._findings, read.statements())
            case Family.PAID_IN:
                yield from map(of_paid_in, read.paid_in())
            case Family.WARD:
                yield from map(of_given, read.given())
            case Family.CASH:
                yield from map(of_cash, read.cash())
            case Family.CLOSED:
                yield from map(of_closing, read.closings())

    def _recorded(self, sums: Sums) -> Iterator[Source]:
        """Only those one of whose keys may be of a row that nothing accounts for so far."""
        remembered = self._read.remembered_day()
        for it in self._read.recorded():
            source = of_record(it, remembered)
            if any(map(sums.differs, source.keys)):
                yield source

    # --- sums ---------------------------------------------------------------------------------------------------------

    def _account(self, sums: Sums, sources: Iterable[Source], look: _LookUps) -> None:
        """Take off what has to be there; what may be otherwise is looked up."""
        for source in sources:
            if source.rows is None:
                look.add(source)
            else:
                for row in source.rows:
                    sums.is_from(row)
        look.flush()

    def _doubt(self, sums: Sums, sources: Iterable[Source], look: _LookUps) -> None:
        """What was taken for granted is looked up, after all, where something differs."""
        differ = sums.open()
        for source in sources:
            if source.rows is not None and any(bucket_of(key) in differ for key in source.keys):
                for row in source.rows:
                    sums.came(row)
                look.add(source)
        look.flush()

    # --- names --------------------------------------------------------------------------------------------------------

    def _name_all(self, differ: Sequence[Family], tick: Tick) -> None:
        """Rows that nothing has, so many at once, until the sums come to nothing or no more findings are kept."""
        before: int | None = None
        while before != _NONE and len(self._findings.kept) < VERIFY_FINDINGS_MAX:
            differ = [family for family in differ if self._sums[family].differ()]
            if not differ:
                return
            left, before = self._left(differ, before)
            for family in differ:
                tick(f"rows of none: {family.value}", 0, 1)
                self._name(family, left[family])
        for family in differ:
            if self._sums[family].differ():
                tell_differ(self._findings, family)

    def _left(
        self, families: Sequence[Family], before: int | None
    ) -> tuple[dict[Family, dict[bytes, tuple[int, Entry]]], int]:
        """Rows before this one in whose buckets something differs, up to so many; and the last one looked at.

        The newest first: a row is forged behind all others, or else every hash behind it is.
        """
        left: dict[Family, dict[bytes, tuple[int, Entry]]] = {family: {} for family in families}
        many = 0
        for row in self._ledger.newest(before):
            family = FAMILY.get(row.kind)
            if family in left and row.phase is None and self._sums[family].differs(row.key):
                left[family][row.key] = (row.id, _entry(row))
                many += 1
                if many == VERIFY_LOOKED_MAX:
                    return left, row.id
        return left, _NONE

    def _name(self, family: Family, left: dict[bytes, tuple[int, Entry]]) -> None:
        """Rows that nothing has; those of something, right or wrong, were judged with it."""
        sums = self._sums[family]
        recorded = self._recorded(sums) if family is Family.TAP else ()
        for source in chain(self._sources(family, again=True), recorded) if left else ():
            if not any(key in left for key in source.keys):
                continue
            whole, _ = whole_of(self._read, source, self._read.posted(source.keys, source.day))
            for key in whole.keys:
                left.pop(key, None)
        for number, it in sorted(left.values()):
            tell_of_none(self._findings, number, it)
            sums.is_from(it)


def _entry(row: Row | PostedTransfer) -> Entry:
    return Entry(row.key, row.kind, row.debit, row.credit, row.rials)
