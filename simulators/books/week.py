"""A week of books, filled into a ledger, and the same with faults planted, as files and as what must be found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from backend.adapters.ledger.store import LedgerStore
from protocol.localtime import day_begins_ms
from simulators.books.faults import Planter
from simulators.books.journal_faults import plant_journal_faults
from simulators.books.ordinary import DAYS, FIRST_DAY, MadeTap, OrdinaryTaps
from simulators.books.payments import PROVIDER, Credits, MadeTopUp, Statement, statement_of, topups_of
from simulators.books.posted_faults import plant_posted_faults
from simulators.books.sent_faults import plant_sent_faults
from simulators.books.tampering import Tables

LAST_DAY: Final = FIRST_DAY + DAYS - 1
NOW_MS: Final = day_begins_ms(LAST_DAY + 4)  # what was told in these days is overdue
_BANK_SHARE: Final = 20  # of so many faults one is of what was posted of a payout, and one of what we paid out
Files = Sequence[tuple[str, Path]]  # (provider, statement); '': the bank's


@dataclass(frozen=True, slots=True)
class Week:
    """What a ledger was filled with; of its taps a sample."""

    taps: Sequence[MadeTap]
    topups: Sequence[MadeTopUp]


def fill_week(
    store: LedgerStore, tables: Tables, *, taps: int, topups: int, seed: int, buses: int,
    tick: Callable[[int], None] = lambda _: None,
) -> Week:  # fmt: skip
    """Without a fault."""
    paid = topups_of(topups=topups, seed=seed)
    credited = Credits(tables, paid)
    made = OrdinaryTaps(store, taps=taps, buses=buses, seed=seed).fill(credited.until, tick)
    return Week(made.sample, paid)


def plant_week(
    store: LedgerStore, tables: Tables, week: Week, folder: Path, *, faults: int, seed: int
) -> tuple[set[str], Files]:
    """Faults into a ledger and its statements → the names of what must be found, and the statements."""
    planter = Planter(tables, week.taps, week.topups, statement_of(week.topups), seed)
    planter.plant(faults)
    expected = plant_journal_faults(store, day_begins_ms(FIRST_DAY + 1))
    told, few = planter.statement, faults // _BANK_SHARE
    expected |= plant_posted_faults(tables, told, planter.expected, faults=few, seed=seed)
    expected |= plant_sent_faults(tables, told, faults=few, seed=seed)
    files = write_statements(planter.statement, folder, str(seed))
    digest = sha256(files[0][1].read_bytes()).hexdigest()
    return expected | planter.names(digest), files


def write_statements(statement: Statement, folder: Path, name: str) -> Files:
    """As files: the provider's, then the bank's."""
    files = []
    for provider, lines in ((PROVIDER, statement.provider_lines()), ("", statement.bank_lines())):
        path = folder / f"{provider or 'bank'}-{name}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        files.append((provider, path))
    return files
