"""One door without its threads: boarding, syncing, sister door, courier, health. The bus and the seeded city run it.

    cameras ─▶ boarding.present              from any thread; has its own lock
    sessions ─▶ message_came, …_changed      from any thread; bounded inboxes, then `wake`
    step(now)                                one thread: everything else

Whoever drives it calls `step` after every wake and at the latest after `wait_ms`.
"""

import logging
from collections.abc import Callable, Sequence

from edge.app.boarding import Boarding
from edge.app.couriers import Couriers, former_couriers
from edge.app.inbox import Inbox
from edge.app.other_door import OtherDoor, SisterSide
from edge.app.receipt_trust import ReceiptTrust
from edge.app.sync import BACKEND, SISTER, KeptJournal, Sync
from edge.core.condition import NOTHING_TOLD, Condition
from edge.core.errors import JournalFailed, JournalFull, LocalError, SignerFailed, UnannouncedLedger
from edge.core.former import Former
from edge.core.limits import HEALTH_PERIOD_MS, RECEIPTS_WAITING_MAX, SIGN_AGAIN_MS, STEP_MAX_MS
from edge.core.ports import Clock, Panel, Riders, Session, TapSigner
from edge.core.uplink import Publish, ReceiptOutcome, Uplink
from protocol.errors import ProofError, WireError
from protocol.limits import MESSAGE_MAX_BYTES, RECORD_MAX_BYTES
from protocol.wire.bundles import Bundle
from protocol.wire.health import CameraHealth, Health, RunCause, SisterLink, State, encode_health, encode_state
from protocol.wire.keys import Signer
from protocol.wire.records import Instant, Position, Service, decode_record
from protocol.wire.sister import Along, DoorCondition
from protocol.wire.topics import Address, Channel

_VERIFY = "stop the device and run `savar journal verify`"
log = logging.getLogger(__name__)


class Station:
    """Build it, `begin` it, `step` it. Raises nothing for what comes from outside."""

    def __init__(
        self,
        *,
        address: Address,
        service: Service,
        bundle: Bundle,
        journal: KeptJournal,
        riders: Riders,
        tap_signer: TapSigner,
        key: Signer,
        panel: Panel,
        clock: Clock,
        session: Session,
        sister: SisterSide | None,
        software: str,
        randomness: Callable[[int], bytes],
        wake: Callable[[], None],
        heard: Callable[[int], None],
        position: Callable[[int], Position | None] = lambda _: None,
        along: Callable[[int], tuple[Along | None, Along | None]] = lambda _: (None, None),
        condition: Callable[[], DoorCondition | None] = lambda: None,
        formers: Sequence[Former] = (),
    ) -> None:
        self._address, self._software = address, software
        self._journal, self._key, self._clock, self._session = journal, key, clock, session
        self._wake, self._heard_clock, self._riders = wake, heard, riders
        self._tell_condition = condition
        self._believed = ReceiptTrust(bundle)
        self.epoch = journal.head.epoch
        self._appended = journal.signed
        sinks = (BACKEND,) if sister is None else (BACKEND, SISTER)
        self._uplink = Uplink(address.device, self.epoch, sinks, last=journal.signed)
        self.boarding = Boarding(
            device=address.device, service=service, bundle=bundle, journal=journal, riders=riders, signer=tap_signer,
            panel=panel, software=software, randomness=randomness, on_appended=self._appended_came,
            position=position, along=along,
        )  # fmt: skip
        self._sync = Sync(
            journal=journal, uplink=self._uplink, send=self._send, forgettable=self.boarding.forgettable,
            keep_tickets=self.boarding.keep_tickets,
        )  # fmt: skip
        self._newer: Bundle | None = None
        self._receipts = Inbox(RECEIPTS_WAITING_MAX, "a receipt")
        self._sessions = self._sessions_seen = 0
        self._there = self._there_seen = 0  # how often the backend said that it is there
        self._health_due_ms = 0
        self._open_due_ms: int | None = None  # the chain is not open: the key did not sign
        self._birth_owed = False  # the session has not heard that we are here
        self._unsigned: SignerFailed | None = None  # why a word could not be signed, until health told it
        self._began_after, self._cause = journal.head.sequence, RunCause.UNKNOWN
        self.refused_receipts = 0
        self._unannounced: UnannouncedLedger | None = None
        self._other = None if sister is None else OtherDoor(
            sister, device=address.device, epoch=self.epoch, boarding=self.boarding, signer=key,
            believed=self._believed, publish=self._publish_taps,
        )  # fmt: skip
        before = former_couriers(formers, believed=self._believed, publish=self._publish_taps)
        self._couriers = Couriers(None if self._other is None else self._other.courier, before)

    # --- life ---------------------------------------------------------------------------------------------------------

    def begin(self, now: Instant, cause: RunCause = RunCause.UNKNOWN) -> None:
        """Open the chain, take up receipts, copies and window. `cause`: why this run began, for births and health.

        A key that does not sign yet keeps no door from starting: taps are refused, and what is stored goes out.
        Raises JournalFull, JournalFailed.
        """
        self._began_after, self._cause = self._journal.head.sequence, cause
        try:
            self.boarding.begin(now, lambda: self._take_up(now))
        except SignerFailed as error:
            self._open_due_ms = now.mono_ms + SIGN_AGAIN_MS
            log.error("the door starts out of service: %s", error)

    def _take_up(self, now: Instant) -> None:
        """The receipts that were kept, of both doors' journals."""
        self._uplink.on_appended(self._appended)  # the tail was signed anew: what was receipted reaches that far
        kept = self._journal.receipt()
        if kept is not None:
            self._receipt_came(kept, now, kept=True)
        if self._other is not None:
            self._other.begin(now)
        self._couriers.begin_formers(now)

    def end(self, now: Instant) -> None:
        """The newest receipt is written down. Raises JournalFull, JournalFailed."""
        self._sync.keep_receipt(now)

    # --- from any thread ----------------------------------------------------------------------------------------------

    def _appended_came(self, sequence: int) -> None:
        self._appended = sequence
        self._wake()

    def message_came(self, payload: bytes) -> None:
        """The backend's session brought a receipt. One too long to be any is not kept: an inbox is bounded in bytes."""
        if len(payload) > MESSAGE_MAX_BYTES:
            log.warning("a message of %d bytes is no receipt, and is dropped", len(payload))
            return
        self._receipts.put(payload)  # receipts are cumulative: the next one says it all
        self._wake()

    def bundle_came(self, bundle: Bundle) -> None:
        """A newer bundle is in force: for the next tap at once, for receipts from the next step on."""
        self.boarding.take_bundle(bundle)
        self._newer = bundle
        self._wake()

    def sister_came(self, payload: bytes) -> None:
        """The link brought a message of the other door."""
        if self._other is not None:
            self._other.came(payload)
            self._wake()

    def session_changed(self, *, connected: bool) -> None:
        """The backend's session began or ended."""
        self._sessions += connected
        self._wake()

    def backend_there(self) -> None:
        """The backend told everybody of its bundle just now: it listens, perhaps since a moment ago."""
        self._there += 1
        self._wake()

    def link_changed(self, *, connected: bool) -> None:
        """The link to the other door began or ended."""
        if self._other is not None:
            self._other.link_changed(connected=connected)
            self._wake()

    # --- the stepping thread ------------------------------------------------------------------------------------------

    def wait_ms(self, now: Instant) -> int:
        """Milliseconds until `step` should run without a wake."""
        deadline = self._sync.next_deadline()
        if self._sync.problem is not None:
            deadline = None  # what is due cannot be done: a card that fails must not keep a processor busy
        return STEP_MAX_MS if deadline is None else min(max(deadline - now.mono_ms, 0), STEP_MAX_MS)

    def step(self, now: Instant) -> None:
        """Everything that is due."""
        if (newer := self._newer) is not None:
            self._newer = None
            self._believed.renew(newer)  # the courier's too
        self._open_late(now)
        self._take_session(now)
        self._take_there(now)
        self._take_link(now)
        self._uplink.on_appended(self._appended)
        for data in self._receipts.take():
            self._receipt_came(data, now)
        if self._other is not None:
            for word in self._other.words(now):
                self._sync.word_came(SISTER, word, now)
        self._sync.step(now)
        self._couriers.step(now)
        if self._other is not None:
            self._other.tell(self._sync.newest_receipt, self._appended, now, self._tell_condition())

    def _open_late(self, now: Instant) -> None:
        """The chain of a door that started without its key; a tap does the same."""
        if self._open_due_ms is not None and now.mono_ms >= self._open_due_ms:
            self._open_due_ms = now.mono_ms + SIGN_AGAIN_MS
            try:
                self.boarding.open_late()
            except (JournalFull, JournalFailed, SignerFailed) as error:
                log.warning("the door stays out of service: %s", error)
            else:
                self._open_due_ms = None

    def _take_session(self, now: Instant) -> None:
        """Tell the uplinks about a session that began or ended since the last step; say that we are here."""
        if self._sessions != self._sessions_seen:
            self._sessions_seen = self._sessions
            self._uplink.on_connected(BACKEND)
            self._birth_owed = not self._say(Channel.STATE, lambda: self.state(online=True), retain=True)
            self._health_due_ms = 0
            self._couriers.connected(now, yes=True)
        elif not self._session.connected:
            self._uplink.on_disconnected(BACKEND)
            self._couriers.connected(now, yes=False)

    def _take_there(self, now: Instant) -> None:
        if self._there != self._there_seen:
            self._there_seen = self._there
            self._uplink.on_there(BACKEND, now.mono_ms)
            self._couriers.backend_there(now)

    def _take_link(self, now: Instant) -> None:
        if self._other is None:
            return
        began = self._other.look_at_link(self._sync.newest_receipt, self._appended, now)
        if began:
            self._uplink.on_connected(SISTER)
        elif began is False:
            self._uplink.on_disconnected(SISTER)

    def _receipt_came(self, data: bytes, now: Instant, *, kept: bool = False) -> None:
        """A receipt's bytes, from whoever. Only what verifies counts; anything else is counted and left."""
        try:
            receipt = self._believed.open(data)
        except (WireError, ProofError) as error:
            self.refused_receipts += 1
            self._unannounced = error if isinstance(error, UnannouncedLedger) else self._unannounced
            log.warning("receipt refused: %s: %s", error.name, error)
            return
        self._unannounced = None
        ours = receipt.device == self._address.device
        self._couriers.receipt_came(data, receipt, now, ours=ours, kept=kept)
        if not ours:
            return
        outcome = self._sync.receipt_came(data, receipt, now, kept=kept)
        if outcome not in (None, ReceiptOutcome.FORKED, ReceiptOutcome.FOREIGN):
            self.boarding.heard(receipt.issued_ms, through=self._uplink.receipted(BACKEND))
            self._heard_clock(receipt.issued_ms)

    def _send(self, order: Publish, batch: bytes, last: int) -> bool:
        if order.sink == BACKEND:
            return self._publish_taps(batch)
        assert self._other is not None
        begins, receipt = self._uplink.first(SISTER), self._sync.newest_receipt
        return self._other.ship(order, batch, last, begins=begins, receipt=receipt, now=self._clock.read())

    def _publish_taps(self, batch: bytes) -> bool:
        return self._session.publish(self._address.topic(Channel.TAPS), batch)

    # --- how it is ----------------------------------------------------------------------------------------------------

    def tell_health(self, now: Instant, health: Callable[[], Health]) -> None:
        """Publish health if it is due and there is a session; before it that we are here, if that is not said yet."""
        if now.mono_ms >= self._health_due_ms and self._session.connected:
            self._health_due_ms = now.mono_ms + HEALTH_PERIOD_MS
            if self._birth_owed:
                self._birth_owed = not self._say(Channel.STATE, lambda: self.state(online=True), retain=True)
            if not self._birth_owed and self._say(Channel.HEALTH, lambda: encode_health(health(), self._key)):
                self._unsigned = None  # it is told

    def say_goodbye(self) -> None:
        """The last word of a run, where it can be signed."""
        self._say(Channel.STATE, lambda: self.state(online=False), retain=True)

    def _say(self, channel: Channel, word: Callable[[], bytes], *, retain: bool = False) -> bool:
        """Whether the word could be signed. One that could not is not said now; health says why when it can be."""
        try:
            signed = word()
        except SignerFailed as error:
            log.warning("%s is not told: %s", channel.value, error)
            self._unsigned = error
            return False
        self._session.publish(self._address.topic(channel), signed, retain=retain)
        return True

    def state(self, *, online: bool) -> bytes:
        """Birth or farewell, signed. Raises SignerFailed."""
        wall_ms, cause = max(self._clock.read().wall_ms, 0), self._cause if online else RunCause.STOPPED
        return encode_state(State(self._address.device, online, self.epoch, wall_ms, self._software, cause), self._key)

    def health(
        self,
        now: Instant,
        *,
        disk_free: int,
        cameras: Sequence[CameraHealth],
        problem: str,
        condition: Condition = NOTHING_TOLD,
    ) -> Health:
        """The device as it is now."""
        unread = list(condition.unread)
        try:
            oldest_s = self._oldest_waiting_s(now)
        except LocalError as error:
            log.warning("the oldest record without a receipt cannot be read: %s", error)
            oldest_s = None
            unread.append("journal")
        return Health(
            device=self._address.device, epoch=self.epoch, wall_ms=max(now.wall_ms, 0),
            clock_quality=int(now.quality), software=self._software, last_sequence=self._journal.signed,
            receipted_sequence=self._uplink.receipted(BACKEND), accepted=self.boarding.accepted,
            refused=self.boarding.refused, disk_free_bytes=disk_free, cameras=tuple(cameras), problem=problem[:200],
            bundle_number=self.boarding.bundle.number, bundle_issued_ms=self.boarding.bundle.issued_ms,
            clock_uncertainty_s=now.uncertainty_s, oldest_waiting_s=oldest_s,
            started=RunCause.CARD_COPY if condition.card_copy else self._cause,
            uptime_s=condition.uptime_s, certificate_until_ms=condition.certificate_until_ms, tamper=condition.tamper,
            machine=condition.machine, sister=self._link(now), unread=tuple(unread),
            board=condition.board,
        )  # fmt: skip

    def _oldest_waiting_s(self, now: Instant) -> int | None:
        """Age of the oldest record without a receipt; 0 if none waits, None if no clock can say. Raises LocalError.

        A record of this run is as old as the monotonic clock says; one of an earlier run has only its wall time.
        """
        first = self._uplink.receipted(BACKEND) + 1
        if first > self._journal.signed:
            return 0
        rows = self._journal.read(first, 1, RECORD_MAX_BYTES)
        if not rows:
            raise JournalFailed(f"record {first} is not there", fix=_VERIFY)
        try:
            written = decode_record(rows[0].raw).at
        except WireError as error:
            raise JournalFailed(f"record {first} is damaged: {error}", fix=_VERIFY) from error
        if first > self._began_after:
            return max(now.mono_ms - written.mono_ms, 0) // 1000
        age_ms = written.age_ms(now)
        return None if age_ms is None else age_ms // 1000

    def _link(self, now: Instant) -> SisterLink | None:
        return None if self._other is None else self._other.link(now, self.sister_backlog, self.courier_backlog)

    @property
    def forked(self) -> bool:
        """Whether another history of our journal is held elsewhere."""
        return self._sync.forked

    def problem(self, now: Instant) -> str:
        """The worst fault of journal, chain, other door, riders and tickets, in words for a person; empty if none."""
        unsigned = self._unsigned if self._session.connected else None  # without a session nobody asks the key again
        failed = self.boarding.problem or self._sync.problem or unsigned
        if failed is not None:
            return str(failed)
        if self.forked:
            return "another history of this journal is held: copied card or restored image — take it out of use"
        if self._unannounced is not None:
            return str(self._unannounced)
        if self._other is not None and (worst := self._other.problem(now)):
            return worst
        if (former := self._couriers.problem) is not None:
            return f"the records of a door that was here before are not carried: {former.message}"
        if self._riders.problem is not None:
            return str(self._riders.problem)
        forgotten = self.boarding.tickets.forgotten
        return (
            f"there was no room to remember {forgotten} rides by printed tickets: copies may ride" if forgotten else ""
        )

    @property
    def backlog(self) -> int:
        """Our records that the backend has not receipted yet."""
        return self._uplink.backlog(BACKEND, last=self._appended)

    @property
    def sister_backlog(self) -> int:
        """Our records that the sister has not witnessed yet; 0 where there is none."""
        return self._uplink.backlog(SISTER, last=self._appended) if self._other is not None else 0

    @property
    def far_condition(self) -> DoorCondition | None:
        """The other door's last word of itself; None if it has said nothing to this process."""
        return None if self._other is None else self._other.sister.condition

    @property
    def courier_backlog(self) -> int:
        """Records of the sister, and of those before it, that lie here without a receipt, as far as we know."""
        return sum(self.courier_backlogs.values())

    @property
    def courier_backlogs(self) -> dict[int, int]:
        """The same for each of their epochs."""
        return self._couriers.backlogs
