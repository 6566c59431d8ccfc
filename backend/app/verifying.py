"""A ledger verified: rows, balances and receipts of devices held against each other. Nothing is written."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.reading import LedgerReading, reading
from backend.adapters.ledger.verifying_sources import SourceReading
from backend.adapters.sqlite.connection import open_to_read
from backend.app.config import BackendConfig
from backend.app.verifying_sources import Forgotten, Sources
from backend.core.backups import Tick
from backend.core.errors import StoreForeign
from backend.core.holding import Hold
from backend.core.ledger import TapId, Transfer
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
from backend.core.staff.log import check
from backend.core.staff.subjects import HeldMoney, PayOut, Posting, Refund, read
from backend.core.staff.two_people import Kind
from backend.core.verifying.approvals import check_approval, check_log
from backend.core.verifying.given_back import check_refunds, check_resolved
from backend.core.verifying.listed import check_day, tell_told
from backend.core.verifying.sums import SECRET_BYTES
from protocol.localtime import service_day

NONE_KNOWN: Mapping[int, bytes] = MappingProxyType({})


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
    forgotten: Forgotten

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings.count


def verify_ledger(
    config: BackendConfig, receipts: Sequence[Told], tick: Tick, known: Mapping[int, bytes] = NONE_KNOWN
) -> Verified:
    """The ledger of this configuration. Raises StoreForeign, StoreFailed."""
    with closing(_opened(config)) as guarded:
        return verify(guarded, config.city, receipts, tick, known)


def verify(
    guarded: Guarded, city: str, receipts: Sequence[Told], tick: Tick, known: Mapping[int, bytes] = NONE_KNOWN
) -> Verified:
    """Everything of one moment: memory is bounded by what is pending, whatever the rows. Raises StoreForeign.

    `known`: hashes of the staff's log by number, as somebody kept them.
    """
    findings = Findings()
    with reading(guarded) as ledger:
        held, incarnation, head = ledger.mark()
        if held != city:
            raise StoreForeign(f"this is the ledger of {held}, not of {city}", fix="give that city's backend.toml")
        sources = Sources(ledger, ledger.sources, findings, os.urandom(SECRET_BYTES))
        walk = _walked(ledger, Walk(findings, [it.head for it in receipts], _decided(ledger)), sources, tick)
        walk.end(head)
        tick("keys", 0, 1)
        check_keys(findings, ledger.doubled())
        tick("balances, by the rows' sums", 0, 1)
        accounts = check_accounts(findings, ledger.sums(), ledger.accounts(), walk.pending())
        tick("what is pending", 0, 1)
        check_open(findings, walk.open, ledger.open())
        sources.hold(tick)
        tick("what riders are shown, against records", 0, 1)
        for told, recorded in ledger.sources.told_otherwise():
            tell_told(findings, told, recorded)
        for day in ledger.sources.claim_days():
            check_day(findings, day)
        _people(findings, ledger.sources, known, tick)
    check_receipts(findings, receipts, walk.seen, incarnation)
    return Verified(
        incarnation, head.hex(), walk.rows, accounts, len(walk.open),
        {it.name: walk.seen.get(it.head) for it in receipts}, findings, sources.forgotten,
    )  # fmt: skip


def _walked(ledger: LedgerReading, walk: Walk, sources: Sources, tick: Tick) -> Walk:
    whole = ledger.last_row()
    for row in ledger.rows():
        walk.take(row)
        sources.came(row)
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


def _people(findings: Findings, ledger: SourceReading, known: Mapping[int, bytes], tick: Tick) -> None:
    """What two people decided, against the log of the staff, and what was given back by it."""
    tick("the staff's log", 0, 1)
    check_log(findings, check(ledger.log(), ledger.log_mark(), known))
    digests_from = ledger.first_digest()
    refunds: dict[str, tuple[int, bool]] = {}
    held: dict[TapId, Hold] = {}
    for approval in ledger.approvals():
        check_approval(findings, approval, digests_from)
        if approval.it.kind is Kind.REFUND:
            it = read(Kind.REFUND, approval.it.content)
            assert isinstance(it, Refund), "the kind says what the content is"
            refunds[it.dispute] = (it.rials, it.by_house)
        elif approval.it.kind is Kind.HELD:
            money = read(Kind.HELD, approval.it.content)
            assert isinstance(money, HeldMoney), "the kind says what the content is"
            held[money.tap] = money.hold
    remembered = ledger.remembered_day()
    for of_rider in ledger.given_back():
        check_refunds(findings, of_rider, refunds, remembered)
    for tap, hold in ledger.resolved():
        check_resolved(findings, tap, hold, held)


def _opened(config: BackendConfig) -> Guarded:
    if config.database is None:
        return open_to_read(config.data_dir / "ledger.db", config.city)
    from backend.adapters.postgresql.connection import GuardedSession  # noqa: PLC0415 - for those who have one

    return GuardedSession(config.database.postgresql, durable=False)  # nothing is written that would have to last
