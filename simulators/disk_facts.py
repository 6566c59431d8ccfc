"""Reads journals and ledger from the disk after a run, read-only, with sqlite3 and the contract alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from backend.core.ledger import LEDGER_GENESIS, Transfer, TransferKind, next_head, tap_key
from protocol.errors import ProofError, WireError
from protocol.wire import chain
from protocol.wire.records import Opening, Tap, decode_record
from simulators.checkers import JournalTap, Posting, TapId
from simulators.errors import SimulatorError


class NothingToAudit(SimulatorError):
    """The folder holds no city with a ledger."""


class InUse(SimulatorError):
    """A journal is still owned by a running validator."""


@dataclass(slots=True)
class Facts:
    """What the disk says. `broken` names every chain that does not hold."""

    taps: list[JournalTap] = field(default_factory=list)
    journaled: int = 0
    receipted: int = 0
    postings: list[Posting] = field(default_factory=list)
    balances: list[tuple[str, int]] = field(default_factory=list)
    charges: list[tuple[bytes, int, int]] = field(default_factory=list)
    quarantined: int = 0
    broken: list[str] = field(default_factory=list)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            yield connection
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise InUse(f"{path} is in use by a running validator", fix="stop it, then audit again") from error
            raise


def read_city(root: Path) -> Facts:
    """Every journal under `devices/`, and the ledger. Raises NothingToAudit, InUse."""
    ledger = root / "backend" / "data" / "ledger.db"
    if not ledger.is_file():
        raise NothingToAudit(f"{root} holds no ledger", fix="give --run the city's folder, e.g. run/demo-…")
    facts = Facts()
    held = _read_ledger(ledger, facts)
    for path in sorted(root.glob("devices/*/data/journal.db")):
        _read_journal(path, facts, held)
    return facts


def _read_journal(path: Path, facts: Facts, held: dict[TapId, bytes]) -> None:
    """Records into facts: the chain walked, the last signature checked, what the ledger holds compared by hash."""
    with _opened(path) as connection:
        device, epoch = connection.execute("SELECT device, epoch FROM identity").fetchone()
        rows = connection.execute("SELECT sequence, bytes FROM record ORDER BY sequence").fetchall()
    previous, first, expected = None, True, 0
    for sequence, raw in rows:
        try:
            record = decode_record(raw)
            before = record.link.previous if previous is None else previous
            chain.follow(record.link, device=device, epoch=epoch, sequence=expected or sequence, previous=before)
        except (WireError, ProofError) as error:
            facts.broken.append(f"journal of {device} at {sequence}: {error}")
            return
        if first and sequence == 1 and not isinstance(record, Opening):
            facts.broken.append(f"journal of {device} does not begin with its opening")
        previous, first, expected = chain.next_hash(before, raw), False, sequence + 1
        facts.journaled += 1
        tap: TapId = (device, epoch, sequence)
        if tap in held:
            facts.receipted += 1
            if held[tap] != previous:
                facts.broken.append(f"the ledger holds another record {sequence} of {device}")
        if isinstance(record, Tap):
            facts.taps.append(JournalTap(tap, record.verdict, record.fare_rials))


def _read_ledger(path: Path, facts: Facts) -> dict[TapId, bytes]:
    """Transfers, balances, charges into facts → hash of every record held."""
    with _opened(path) as connection:
        held: dict[TapId, bytes] = {}
        tap_of: dict[bytes, TapId] = {}
        for device, epoch, sequence, record_hash in connection.execute(
            "SELECT device, epoch, sequence, hash FROM record"
        ):
            held[device, epoch, sequence] = record_hash
            for kind in (TransferKind.FARE, TransferKind.SUBSIDY):
                tap_of[tap_key(device, epoch, sequence, kind)] = (device, epoch, sequence)
        head = LEDGER_GENESIS
        for key, kind, debit, credit, rials, stored in connection.execute(
            "SELECT key, kind, debit, credit, rials, hash FROM transfer ORDER BY id"
        ):
            head = next_head(head, Transfer(key, TransferKind(kind), debit, credit, rials))
            if head != stored:
                facts.broken.append(f"the ledger's chain breaks at transfer {key.hex()}")
                head = stored
            facts.postings.append(Posting(kind, debit, credit, rials, tap_of.get(key)))
        if connection.execute("SELECT head FROM ledger").fetchone()[0] != head:
            facts.broken.append("the ledger's head is not the hash of its last transfer")
        facts.balances = connection.execute("SELECT id, credits - debits FROM account").fetchall()
        facts.charges = connection.execute("SELECT credential, time_s, counter FROM presentation").fetchall()
        (facts.quarantined,) = connection.execute("SELECT coalesce(sum(times), 0) FROM quarantine").fetchone()
    return held
