"""One journal of a run, proven and read: every signature, the chain, the receipt kept, and what each tap was."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from backend.core.tickets import Issue
from edge.adapters.journal_file import open_journal
from edge.app.journal_tools import verify
from edge.core.ports import StoredRecord
from protocol.errors import ProofError, WireError
from protocol.localtime import service_day
from protocol.wire import chain
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.passes import Presentation, open_long_pass
from protocol.wire.records import CodeKind, DayKeyRecord, Tap, decode_record
from protocol.wire.seal import DayKey, unwrap_day_key
from protocol.wire.short_passes import FindRider, open_short_pass
from protocol.wire.tickets import open_ticket
from simulators.checkers import JournalTap, ShownTicket


@dataclass(frozen=True, slots=True)
class Keys:
    """What an audit needs of the city: whose signatures to believe, and how to open what riders proved."""

    receipts: Sequence[VerifyingKey]
    issuers: Sequence[VerifyingKey]
    sealing: SigningKey
    riders: FindRider  # by whose key a short pass must hold
    issues: Callable[[bytes], Issue | None] = lambda _: None  # on whose list a printed ticket is


@dataclass(slots=True)
class JournalFacts:
    """What one journal says. `hashes` is sequence → hash of its record; `broken` is one line for each thing wrong."""

    device: str
    epoch: int
    taps: list[JournalTap] = field(default_factory=list)
    hashes: dict[int, bytes] = field(default_factory=dict)
    receipted: int = 0  # the highest sequence that a proven receipt covers
    broken: list[str] = field(default_factory=list)


def read_journal(path: Path, tap_keys: Mapping[str, VerifyingKey], keys: Keys) -> JournalFacts:
    """Prove and read a journal of a stopped validator. `tap_keys`: device → its enrolled key.

    Raises JournalForeign (no journal) and JournalFailed (in use, or its file cannot be read).
    """
    with open_journal(path) as journal:
        facts = JournalFacts(journal.device, journal.epoch)
        key = tap_keys.get(journal.device)
        if key is None:
            facts.broken.append(f"{journal.device} is not enrolled: nothing in its journal can be believed")
            return facts
        reader = RecordReader(facts, keys)
        report = verify(journal, reader.watch, key, keys.receipts)
    if not report["ok"]:
        broken = report["broken"]
        facts.broken.append(f"journal of {facts.device} at {broken['sequence']}: {broken['message']}")
    elif report["receipt_proven"]:
        facts.receipted = report["receipted"]
    if report["pruned_without_receipt"]:
        facts.broken.append(
            f"journal of {facts.device}: {report['pruned_without_receipt']} records without receipt gone"
        )
    return facts


class RecordReader:
    """Looks at rows on their way to the proof."""

    def __init__(self, facts: JournalFacts, keys: Keys) -> None:
        self._facts = facts
        self._keys = keys
        self._day_keys: dict[bytes, DayKey] = {}

    def watch(self, rows: Iterable[StoredRecord]) -> Iterator[StoredRecord]:
        """Note each row and pass it on."""
        for row in rows:
            with suppress(WireError):  # the proof names it
                self._note(row)
            yield row

    def _note(self, row: StoredRecord) -> None:
        record = decode_record(row.raw)
        facts = self._facts
        facts.hashes[row.sequence] = chain.head_of(row.raw)
        if isinstance(record, DayKeyRecord):
            self._take_up(record)
        elif isinstance(record, Tap):
            tap = (facts.device, facts.epoch, row.sequence)
            raw = self._unsealed(record)
            shown, ticket = (None, None) if raw is None else (self._shown(record, raw), self._ticket(record, raw))
            facts.taps.append(JournalTap(tap, record.verdict, record.fare_rials, shown, ticket))

    def _take_up(self, record: DayKeyRecord) -> None:
        facts = self._facts
        try:
            secret = unwrap_day_key(
                record.wrapped, self._keys.sealing, device=facts.device, epoch=facts.epoch, day=record.day
            )
        except ProofError as error:
            facts.broken.append(f"journal of {facts.device}: {error}")
            return
        self._day_keys[record.key_id] = DayKey.load(secret, record.day)

    def _unsealed(self, tap: Tap) -> bytes | None:
        key = None if tap.key_id is None else self._day_keys.get(tap.key_id)
        try:
            return None if key is None else key.open(tap.link.sequence, tap.sealed, tap.public)
        except ProofError:
            return None

    def _shown(self, tap: Tap, raw: bytes) -> Presentation | None:
        """The presentation that the sealed proof shows, every signature of it verified."""
        try:
            if tap.code_kind is CodeKind.SHORT_PASS:
                return open_short_pass(raw, self._keys.riders).presentation
            return open_long_pass(raw, self._keys.issuers).presentation if tap.code_kind is CodeKind.LONG_PASS else None
        except (ProofError, WireError):
            return None

    def _ticket(self, tap: Tap, raw: bytes) -> ShownTicket | None:
        """The printed ticket that is sealed, if it is genuine and on a list."""
        if tap.code_kind is not CodeKind.BEARER_TICKET:
            return None
        try:
            ticket = open_ticket(raw, self._keys.issuers)
        except (ProofError, WireError):
            return None
        issue = self._keys.issues(ticket.ticket_id)
        if issue is None:
            return None
        if ticket.single_use:
            return ShownTicket(ticket.ticket_id, issue.name, 1, None)
        day = service_day(tap.at.wall_ms) if tap.at.trusted else None
        return ShownTicket(ticket.ticket_id, issue.name, None if day is None else ticket.rides_a_day, day)
