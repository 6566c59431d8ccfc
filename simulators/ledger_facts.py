"""The ledger of a run, read from its file: every transfer with its chain, the balances, and what it holds of whom."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from backend.adapters.sqlite.connection import APPLICATION_ID
from backend.core.ledger import (
    CORRECTIONS,
    FIRST_OF_TAP,
    LEDGER_GENESIS,
    OF_TAPS,
    Transfer,
    TransferKind,
    next_head,
    revised_key,
    tap_key,
)
from backend.core.ledger.two_phase import Entry, Phase, next_head_of
from simulators.checkers import Posting, TapId
from simulators.errors import SimulatorError


class LedgerUnreadable(SimulatorError):
    """The ledger's file is missing, is none, is in use, or is damaged."""


@dataclass(slots=True)
class LedgerFacts:
    """What the ledger says. `hashes`: tap → hash of the record it holds; `credentials`: as registered.

    `broken`: one line for each thing wrong.
    """

    city: str = ""
    postings: list[Posting] = field(default_factory=list)
    balances: list[tuple[str, int]] = field(default_factory=list)
    hashes: dict[TapId, bytes] = field(default_factory=dict)
    credentials: list[bytes] = field(default_factory=list)
    quarantined: int = 0
    broken: list[str] = field(default_factory=list)


def read_ledger(path: Path) -> LedgerFacts:
    """Read only, with sqlite3 and the ledger's own rules of hashing. Raises LedgerUnreadable."""
    facts = LedgerFacts()
    with _opened(path) as connection:
        (found,) = connection.execute("PRAGMA application_id").fetchone()
        if found != APPLICATION_ID:
            raise LedgerUnreadable(f"{path} is not a ledger", fix="give --run the city's folder")
        (facts.city, head) = connection.execute("SELECT city, head FROM ledger").fetchone()
        taps_by_key = _read_records(connection, facts)
        _read_transfers(connection, facts, taps_by_key, head)
        facts.credentials = [raw for (raw,) in connection.execute("SELECT credential FROM rider")]
        facts.balances = connection.execute("SELECT id, credits - debits FROM account").fetchall()
        (facts.quarantined,) = connection.execute("SELECT coalesce(sum(times), 0) FROM quarantine").fetchone()
    return facts


def _read_records(connection: sqlite3.Connection, facts: LedgerFacts) -> dict[bytes, TapId]:
    """Hashes of the records held → the taps, by the keys that their transfers must have."""
    taps_by_key: dict[bytes, TapId] = {}
    for device, epoch, sequence, stored in connection.execute("SELECT device, epoch, sequence, hash FROM record"):
        tap = (device, epoch, sequence)
        facts.hashes[tap] = stored
        for kind in FIRST_OF_TAP:
            taps_by_key[tap_key(device, epoch, sequence, kind)] = tap
    for device, epoch, sequence, revision in connection.execute(
        "SELECT device, epoch, sequence, revision FROM claim WHERE revision UNION ALL"
        " SELECT device, epoch, sequence, revision FROM proxy WHERE revision UNION ALL"
        " SELECT device, epoch, sequence, revision FROM ticket_ride WHERE revision UNION ALL"
        " SELECT device, epoch, sequence, revision FROM unproven WHERE revision"
    ):
        for kind in CORRECTIONS:
            for number in range(1, revision + 1):
                key = revised_key(device, epoch, sequence, kind, number)
                taps_by_key[key] = (device, epoch, sequence)
    return taps_by_key


def _read_transfers(
    connection: sqlite3.Connection, facts: LedgerFacts, taps_by_key: dict[bytes, TapId], head: bytes
) -> None:
    walked = LEDGER_GENESIS
    for key, name, debit, credit, rials, stored, phase, resolves, expires_ms, at_ms, day in connection.execute(
        "SELECT key, kind, debit, credit, rials, hash, phase, resolves, expires_ms, at_ms, day"
        " FROM transfer ORDER BY id"
    ):
        kind = TransferKind(name)
        transfer = Transfer(key, kind, debit, credit, rials, day)
        if phase is None:
            walked = next_head(walked, transfer)
        else:
            walked = next_head_of(walked, Entry(transfer, Phase(phase), resolves, expires_ms), at_ms)
        if walked != stored:
            facts.broken.append(f"the ledger's chain breaks at transfer {key.hex()}")
            walked = stored  # and go on from what stands there
        tap = taps_by_key.get(key)
        if tap is None and kind in OF_TAPS:
            facts.broken.append(f"transfer {key.hex()} is a {name} for no tap that the ledger holds")
        if phase in (None, Phase.POSTED.value):
            facts.postings.append(Posting(kind, debit, credit, rials, tap))
    if walked != head:
        facts.broken.append("the ledger's head is not the hash of its last transfer")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise LedgerUnreadable(f"no ledger at {path}", fix="give --run the city's folder, e.g. run/demo-…")
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            raise LedgerUnreadable(
                f"{path} cannot be read: {error}", fix="stop the backend if it runs; else restore the ledger"
            ) from error
