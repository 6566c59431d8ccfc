"""One boarding: code → decision → durable, signed record → lamp.

Rules:
- nothing is shown before the journal's commit has returned and the signature exists (P1); they are made side by side;
- a record that could not be signed is taken back: it was not shown, and nobody was told of it;
- both forms of one render are one showing (see `forms`): the second gets the first's answer, no record and no lamp;
- after a power cut between the commit and the signature, the last record is signed before anything follows it.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edge.app.given_back import given_back
from edge.core.accepted import Accepted, RecordId
from edge.core.asked import Decision, Door
from edge.core.decide import decide, decide_proxy
from edge.core.errors import JournalFailed, JournalFull, LocalError, SignerFailed, SupplyFails
from edge.core.forms import Forms
from edge.core.memory import Memory
from edge.core.opening import LongFormWanted, Paid, Unproven, open_code
from edge.core.ports import ChainedRecord, Journal, Panel, Riders, Showing, TapSigner
from edge.core.showings import out_of_service, shown
from edge.core.spending import LetRide, Spending
from edge.core.taps import chained, day_key_record, next_link, opening_record, tap_record
from protocol.fares.verdicts import TABLE, Reason
from protocol.localtime import service_day
from protocol.wire.bundles import Bundle
from protocol.wire.codes import is_ours
from protocol.wire.keys import VerifyingKey
from protocol.wire.records import Instant, Link, Position, Record, Service
from protocol.wire.riders import row_of
from protocol.wire.seal import DAY_KEY_BYTES, DayKey, wrap_day_key
from protocol.wire.short_passes import Pass, ShortPass
from protocol.wire.sister import Along, FreshBoarding

_BOOK_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one showing. `sequence` is the stored record's, None if nothing could be stored.

    `again`: the other form of a render that was answered before; nothing was recorded or shown anew.
    """

    showing: Showing
    sequence: int | None
    problem: LocalError | None = None
    again: bool = False


class Boarding:
    """The service behind one door. `present` may be called from several camera threads."""

    def __init__(
        self,
        *,
        device: str,
        service: Service,
        bundle: Bundle,
        journal: Journal,
        riders: Riders,
        signer: TapSigner,
        panel: Panel,
        software: str,
        randomness: Callable[[int], bytes],
        on_appended: Callable[[int], None] = lambda _: None,
        position: Callable[[int], Position | None] = lambda _: None,
        along: Callable[[int], tuple[Along | None, Along | None]] = lambda _: (None, None),
    ) -> None:
        self._device, self._service, self._bundle = device, service, bundle
        self._issuers = [VerifyingKey.load(key) for key in bundle.issuer_keys]
        self._journal, self._riders, self._signer, self._panel = journal, riders, signer, panel
        self._software, self._randomness = software, randomness
        self._unopened: Instant | None = None  # begun then, and the chain is not open: the key has not signed yet
        self._on_appended, self._position, self._along = on_appended, position, along
        self._memory = Memory(bundle.window_s, randomness(_BOOK_KEY_BYTES))
        self._spending = Spending()
        self.tickets = self._memory.tickets
        self._door = Door(service, bundle, self._memory.window, self._memory.daybook, bundle.issued_ms,
                          spending=self._spending, tickets=self.tickets)  # fmt: skip
        self._day_key: DayKey | None = None
        self._forms: Forms[Outcome] = Forms()
        self._lock = threading.Lock()
        self._shut = False  # the supply fails: nothing is begun any more
        self.orders = 0  # how often somebody told where to serve
        self.accepted = self.refused = 0
        self.accepted_rials = 0  # of the fares that a code was accepted for: while the doors are apart, by both perhaps
        self.problem: LocalError | None = None

    def begin(self, now: Instant, receipts: Callable[[], None] = lambda: None) -> None:
        """Open the chain if it is new, sign its end if a power cut left it unsigned, take up the repeat window.

        `receipts`: tells of those that were kept, in between: what a ride cost in the end is weighed by what is seen.
        Raises JournalFull, JournalFailed; SignerFailed with all else taken up: the next record opens the chain.
        """
        failed = None
        with self._lock:
            head, self._unopened = self._journal.head, now
            try:
                self._open_chain()
            except SignerFailed as failure:
                self.problem = failed = failure
        receipts()
        with self._lock:
            self._memory.begin(now, RecordId(head.epoch, head.sequence), self._journal.window())
            self.tickets.load(self._journal.used_tickets(), now, epoch=head.epoch)
            self._spending.load(self._journal.let_ride())
        if failed is not None:
            raise failed

    def open_late(self) -> None:
        """Open the chain if it is not, now that its key may sign. Raises JournalFull, JournalFailed, SignerFailed."""
        with self._lock:
            if self._unopened is not None:
                self._open_chain()
                self.problem = None

    def _open_chain(self) -> None:
        """Nothing goes before this: the record that opens a journal, or the signature that a power cut left out."""
        if (now := self._unopened) is None:
            return
        head = self._journal.head
        if head.sequence == 0:
            self._store(opening_record(next_link(self._device, head), now, self._software, self._signer.public), None)
        elif self._journal.signed < head.sequence:
            self._journal.sign_tail(self._signer.start(head.hash).result())
            self._on_appended(head.sequence)
        self._unopened = None

    def shut(self) -> None:
        """Take no more taps; one that is being committed is finished. From any thread; returns at once."""
        self._shut = True

    def forgettable(self, now: Instant) -> int:
        """The last sequence whose plain ids are past the repeat window and may be wiped; 0 if there is none new."""
        with self._lock:
            return self._memory.forgettable(now)

    def fresh(self, now: Instant, *, first: int, last: int) -> list[FreshBoarding]:
        """Our own boardings within the window whose records lie in first…last, for the other door."""
        with self._lock:
            return self._memory.fresh(now, first, last)

    def known(self, now: Instant) -> list[FreshBoarding]:
        """Every boarding of this bus within the window: a door with a blank card gets its own back from the other."""
        with self._lock:
            return self._memory.known(now)

    def heard_of(self, boardings: Sequence[FreshBoarding], now: Instant) -> None:
        """The other door's fresh boardings: what was paid there is paid (P7)."""
        with self._lock:
            self._memory.heard_of(boardings, now, own_door=self._service.door)

    def unproven(self, boardings: Sequence[FreshBoarding]) -> list[RecordId]:
        """Those of the other door whose records have not come yet."""
        with self._lock:
            return self._memory.unproven(boardings)

    def records_came(self, records: Sequence[Record]) -> None:
        """Verified records of the other door, which are held here now."""
        with self._lock:
            self._memory.records_came(records)

    def keep_tickets(self, now: Instant) -> None:
        """What the other door told of tickets, and what is forgotten of them, onto the card.

        Raises JournalFull, JournalFailed; then it is done the next time.
        """
        with self._lock:
            more, gone = self.tickets.unkept(now)
        if more or gone:
            self._journal.keep_tickets(more, gone)
            with self._lock:
                self.tickets.kept(len(more), len(gone))

    def seen_elsewhere(self, epoch: int, through: int) -> None:
        """The backend holds the records 1…`through` of that journal of the other door."""
        with self._lock:
            self._memory.daybook.receipted(epoch, through)

    def heard(self, wall_ms: int, *, through: int) -> None:
        """The backend's signed word of this time has arrived: it holds our records 1…`through`."""
        with self._lock:
            self._memory.daybook.receipted(self._journal.head.epoch, through)
            self._door = replace(self._door, heard_ms=max(self._door.heard_ms, wall_ms))

    def take_bundle(self, bundle: Bundle) -> None:
        """A newer bundle is in force: the next tap is decided under it, the one in hand under the one before."""
        issuers = [VerifyingKey.load(key) for key in bundle.issuer_keys]
        with self._lock:
            self._bundle, self._issuers = bundle, issuers
            self._memory.window.follow(bundle.window_s)
            heard_ms = max(self._door.heard_ms, bundle.issued_ms)
            self._door = replace(self._door, bundle=bundle, heard_ms=heard_ms)

    def serve(self, service: Service) -> None:
        """From the next tap on, this is where the device serves: line, direction, stop, shift."""
        with self._lock:
            self._service, self._door = service, replace(self._door, service=service)
            self.orders += 1

    def move(self, before: Service, after: Service, *, fare_line: str | None) -> bool:
        """As `serve`, for what is inferred, by nobody's order: only if the device still serves as before.

        Records say `after`; prices and refusals go by `fare_line`, None where no person has said which it is (P14).
        """
        with self._lock:
            if self._service != before:
                return False
            self._service, self._door = after, replace(self._door, service=replace(after, route=fare_line))
            return True

    @property
    def fare_line(self) -> str | None:
        """The line that prices go by; None is decided for the rider."""
        return self._door.service.route

    def let_ride(self, why: Reason) -> None:
        """The driver lets everybody ride free from the next tap on; NONE: no more."""
        with self._lock:
            self._door = replace(self._door, free_ride=why)

    def write(self, encode: Callable[[Link], bytes]) -> int:
        """A record of something that is no tap, durable and signed → its sequence.

        Raises JournalFull, JournalFailed, SignerFailed; then nothing of it stands.
        """
        with self._lock:
            return self._write(encode).sequence

    def _write(self, encode: Callable[[Link], bytes], *, annuls: int | None = None,
               let_ride: LetRide | None = None) -> Link:  # fmt: skip
        self._open_chain()
        link = next_link(self._device, self._journal.head)
        self._store(chained(link, encode(link)), None, annuls=annuls, let_ride=let_ride)
        return link

    def remembers(self, sequence: int, now: Instant) -> bool:
        """Whether a boarding of our own record is within the window."""
        with self._lock:
            return self._memory.window.of_record(RecordId(self._journal.head.epoch, sequence), now) is not None

    def annul(self, sequence: int, encode: Callable[[Link], bytes]) -> int:
        """The record that takes the boarding of record `sequence` back → its own sequence; then the bus forgets it.

        Its code stays a copy for as long as it could pass. Raises JournalFull, JournalFailed, SignerFailed; then the
        boarding stands.
        """
        with self._lock:
            # To the bound of its policy, once: by its record as it was signed, while the boarding stands.
            stands = self._memory.window.stands(RecordId(self._journal.head.epoch, sequence))
            back = given_back(self._journal, sequence, self._signer.public) if stands else None
            link = self._write(encode, annuls=sequence, let_ride=back)
            self._memory.taken_back(RecordId(link.epoch, sequence))
            if back is not None:
                self._spending.note(back)
            return link.sequence

    def proxy(self, party: int, now: Instant) -> Outcome:
        """Somebody without a code boards with `party` companions: the driver's float pays the adult fare of each."""
        with self._lock:
            if self._shut:
                return Outcome(out_of_service(), None, SupplyFails("the supply fails", fix="start the engine"))
            return self._tap(decide_proxy(party, self._door, now), now)

    @property
    def service(self) -> Service:
        """Where the device serves."""
        return self._service

    @property
    def bundle(self) -> Bundle:
        """The bundle in force."""
        return self._bundle

    def present(self, text: bytes, now: Instant, *, settled: bool, unseen: bool = False) -> Outcome | None:
        """Decide on one showing, record it, then show it.

        `settled`: the same bytes were seen in enough frames. An unproven code with our prefix that is not settled may
        be a misread, and a short pass without a row waits for its long form (R0): None, and neither record nor lamp.
        `unseen`: before no camera. It boards, or it is None: who stands there has shown nothing that is to be refused.
        """
        issuers = self._issuers
        code = open_code(text, issuers, self._riders.find)
        if isinstance(code, Unproven) and is_ours(text) and not settled:
            return None
        with self._lock:
            if self._shut:
                return None
            if self._issuers is not issuers:  # a bundle came into force since: the record will name the newer one
                code = open_code(text, self._issuers, self._riders.find)
            judged = self._without_row(code, text, now, settled=settled) if isinstance(code, LongFormWanted) else code
            if judged is None or (unseen and not self._decided(judged, now).boards):
                return None
            return self._answer(judged, text, now)

    def _without_row(self, code: LongFormWanted, text: bytes, now: Instant, *, settled: bool) -> Pass | Unproven | None:
        """R0: proven by the long form that was answered before it; else nothing, until it is overdue."""
        row = self._forms.vouched(code.claimed, now.mono_ms)
        if row is not None:
            twin = open_code(text, [], lambda _: row)
            if isinstance(twin, ShortPass):
                return twin
        if not settled or not self._forms.unknown(code.claimed, now.mono_ms, version=code.version):
            return None
        self._forms.refused(code.claimed, version=code.version)
        return code.otherwise

    def still_seen(self, texts: Sequence[bytes], mono_ms: int) -> None:
        """These were answered and are still held before a camera: their phones may go on to their other form."""
        with self._lock:
            for text in texts:
                self._forms.still_seen(text, mono_ms)

    def decide_and_record(self, code: Pass | Paid | Unproven, text: bytes, now: Instant) -> Outcome:
        """The tap behind the verification: decide, record durably, then show; once for both forms of one render.

        `text`: what was read, of which `code` was proven.
        """
        with self._lock:
            return self._answer(code, text, now)

    def _answer(self, code: Pass | Paid | Unproven, text: bytes, now: Instant) -> Outcome:
        """One answer for one showing, whichever of its forms was seen first."""
        if isinstance(code, Unproven | Paid):  # of one form
            return self._tap(self._decided(code, now), now)
        shown, short = code.presentation, isinstance(code, ShortPass)
        row = code.credential if isinstance(code, ShortPass) else row_of(code.credential)
        stands = self._forms.proven(shown, now.mono_ms, row=row, short=short, text=text)
        if stands is not None:
            return replace(stands, again=True)
        outcome = self._tap(self._decided(code, now), now)
        if outcome.problem is None:
            self._forms.answered(shown, outcome, now.mono_ms)
        return outcome

    def _decided(self, code: Pass | Paid | Unproven, now: Instant) -> Decision:
        return decide(code, replace(self._door, along=self._along(now.mono_ms)), now)

    def _tap(self, decision: Decision, now: Instant) -> Outcome:
        try:
            sequence = self._record(decision, now)
        except (JournalFull, JournalFailed, SignerFailed) as problem:
            self.problem = problem
            # The failed write may have reached the card; its sequence will be sealed again, so under another key.
            self._day_key = None
            return self._show(out_of_service(), None, problem)
        self.problem = None
        if decision.accepted is not None:
            self.accepted_rials += decision.fare_rials if TABLE[decision.verdict].charged else 0
            self._memory.accepted(decision.accepted, RecordId(self._journal.head.epoch, sequence), now)
        if decision.let_ride is not None:
            self._spending.note(decision.let_ride)
        if decision.boards:
            self.accepted += 1
        elif TABLE[decision.verdict].refuses or decision.accepted is None:
            self.refused += 1
        return self._show(shown(decision), sequence, None)

    def _show(self, showing: Showing, sequence: int | None, problem: LocalError | None) -> Outcome:
        self._panel.show(showing)
        return Outcome(showing, sequence, problem)

    def _record(self, decision: Decision, now: Instant) -> int:
        self._open_chain()
        key = self._key_of_the_day(now)
        link = next_link(self._device, self._journal.head)
        record = tap_record(link, now, decision, service=self._service, bundle=self._bundle, key=key,
                            line_told=self.fare_line is not None, position=self._position(now.mono_ms))  # fmt: skip
        self._store(record, decision.accepted, let_ride=decision.let_ride)
        return link.sequence

    def _key_of_the_day(self, now: Instant) -> DayKey:
        """The day key in memory; a new day or a new run makes a new one and records it first."""
        day = service_day(now.wall_ms)
        if self._day_key is None or self._day_key.day != day:
            secret = self._randomness(DAY_KEY_BYTES)
            link = next_link(self._device, self._journal.head)
            wrapped = wrap_day_key(secret, self._bundle.sealing_key, device=self._device, epoch=link.epoch, day=day)
            key = DayKey.load(secret, day)
            self._store(day_key_record(link, now, key, wrapped), None)
            self._day_key = key
        return self._day_key

    def _store(self, record: ChainedRecord, accepted: Accepted | None, *, annuls: int | None = None,
               let_ride: LetRide | None = None) -> None:  # fmt: skip
        """Commit and sign side by side; return when both are done, and only then tell of it."""
        pending = self._signer.start(record.head)
        self._journal.append(record, accepted, annuls=annuls, let_ride=let_ride)
        try:
            signature = pending.result()
        except SignerFailed:
            self._journal.drop_tail()
            raise
        self._journal.sign_tail(signature)
        self._on_appended(record.sequence)
