"""A ledger verified: rows, balances and receipts of devices held against each other. Nothing is written."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.reading import LedgerReading, reading
from backend.adapters.sqlite.connection import open_to_read
from backend.app.config import BackendConfig
from backend.core.backups import Tick
from backend.core.errors import StoreForeign
from backend.core.ledger import Transfer
from backend.core.ledger.verifying import (
    Findings,
    Told,
    Walk,
    check_accounts,
    check_keys,
    check_open,
    check_receipts,
)
from backend.core.limits import VERIFY_TOLD_EVERY
from backend.core.staff.subjects import PayOut, Posting, read
from backend.core.staff.two_people import Kind
from protocol.localtime import service_day


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what is wrong. `receipts`: name → row of the head that it names; None: no row has it."""

    incarnation: int
    head: str
    transfers: int
    accounts: int
    pending: int
    receipts: dict[str, int | None]
    findings: Findings

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings.count


def verify_ledger(config: BackendConfig, receipts: Sequence[Told], tick: Tick) -> Verified:
    """The ledger of this configuration. Raises StoreForeign, StoreFailed."""
    with closing(_opened(config)) as guarded:
        return verify(guarded, config.city, receipts, tick)


def verify(guarded: Guarded, city: str, receipts: Sequence[Told], tick: Tick) -> Verified:
    """Everything of one moment: memory is bounded by what is pending, whatever the rows. Raises StoreForeign."""
    findings = Findings()
    with reading(guarded) as ledger:
        held, incarnation, head = ledger.mark()
        if held != city:
            raise StoreForeign(f"this is the ledger of {held}, not of {city}", fix="give that city's backend.toml")
        walk = _walked(ledger, Walk(findings, [it.head for it in receipts], _decided(ledger)), tick)
        walk.end(head)
        tick("keys", 0, 1)
        check_keys(findings, ledger.doubled())
        tick("balances, by the rows' sums", 0, 1)
        accounts = check_accounts(findings, ledger.sums(), ledger.accounts(), walk.pending())
        tick("what is pending", 0, 1)
        check_open(findings, walk.open, ledger.open())
    check_receipts(findings, receipts, walk.seen, incarnation)
    return Verified(
        incarnation, head.hex(), walk.rows, accounts, len(walk.open),
        {it.name: walk.seen.get(it.head) for it in receipts}, findings,
    )  # fmt: skip


def _walked(ledger: LedgerReading, walk: Walk, tick: Tick) -> Walk:
    whole = ledger.last_row()
    for row in ledger.rows():
        walk.take(row)
        if walk.rows % VERIFY_TOLD_EVERY == 0:
            tick("transfers", row.id, whole)
    return walk


def _decided(ledger: LedgerReading) -> dict[bytes, Transfer]:
    """What two people approved that moves money by itself, by its key. As many as people decide: held at once."""
    made = []
    for kind in (Kind.POSTING, Kind.PAYOUT):
        for name, content, decided_ms in ledger.decided(kind):
            it = read(kind, content)
            if isinstance(it, Posting):
                made.append(it.transfer(name, service_day(decided_ms)))
            elif isinstance(it, PayOut):
                made.append(it.transfer(name))
    return {it.key: it for it in made}


def _opened(config: BackendConfig) -> Guarded:
    if config.database is None:
        return open_to_read(config.data_dir / "ledger.db", config.city)
    from backend.adapters.postgresql.connection import GuardedSession  # noqa: PLC0415 - for those who have one

    return GuardedSession(config.database.postgresql, durable=False)  # nothing is written that would have to last
