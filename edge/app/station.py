"""One door without its threads: boarding, syncing, sister door, courier, health. The bus and the seeded city run it.

    cameras ─▶ boarding.present              from any thread; has its own lock
    sessions ─▶ message_came, …_changed      from any thread; bounded inboxes, then `wake`
    step(now)                                one thread: everything else

Whoever drives it calls `step` after every wake and at the latest after `wait_ms`.
"""

import logging
import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edge.app.boarding import Boarding
from edge.app.courier import Courier
from edge.app.sister import OnRecords, Sister
from edge.app.sync import BACKEND, SISTER, KeptJournal, Sync
from edge.core.condition import NOTHING_TOLD, Condition
from edge.core.errors import JournalFailed, LocalError
from edge.core.exposure import Exposure
from edge.core.limits import (
    COURIER_AFTER_MS,
    HEALTH_PERIOD_MS,
    RECEIPTS_WAITING_MAX,
    SISTER_SILENT_MS,
    SISTER_WORDS_WAITING_MAX,
    STEP_MAX_MS,
)
from edge.core.ports import Clock, Copies, Panel, Peer, Riders, Session, TapSigner
from edge.core.uplink import Publish, ReceiptOutcome, Uplink, Word
from protocol.errors import ProofError, WireError
from protocol.limits import MESSAGE_MAX_BYTES, RECORD_MAX_BYTES
from protocol.wire.bundles import Bundle
from protocol.wire.health import CameraHealth, Health, RunCause, SisterLink, State, encode_health, encode_state
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.receipts import open_receipt
from protocol.wire.records import Instant, Position, Service, decode_record
from protocol.wire.sister import Witness
from protocol.wire.topics import Address, Channel

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SisterSide:
    """What a bus with two doors adds: the sister's name and tap key, the copies held of it, the link."""

    name: str
    key: VerifyingKey
    copies: Copies
    peer: Peer
    courier_after_ms: int = COURIER_AFTER_MS
    on_records: OnRecords = lambda _records, _now: None


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
    ) -> None:
        self._address, self._software = address, software
        self._journal, self._key, self._clock, self._session = journal, key, clock, session
        self._wake, self._heard_clock, self._riders = wake, heard, riders
        self._receipt_keys = [VerifyingKey.load(known) for known in bundle.receipt_keys]
        self.epoch = journal.head.epoch
        self._appended = journal.signed
        sinks = (BACKEND,) if sister is None else (BACKEND, SISTER)
        self._uplink = Uplink(address.device, self.epoch, sinks, last=journal.signed)
        self.boarding = Boarding(
            device=address.device, service=service, bundle=bundle, journal=journal, riders=riders, signer=tap_signer,
            panel=panel, software=software, randomness=randomness, on_appended=self._appended_came,
            position=position,
        )  # fmt: skip
        self._sync = Sync(journal=journal, uplink=self._uplink, send=self._send, forgettable=self.boarding.forgettable)
        self._newer: Bundle | None = None
        self._receipts: queue.Queue[bytes] = queue.Queue(RECEIPTS_WAITING_MAX)
        self._words: queue.Queue[bytes] = queue.Queue(SISTER_WORDS_WAITING_MAX)
        self._sessions = self._sessions_seen = self._links = self._links_seen = 0
        self._health_due_ms = 0
        self._began_after, self._cause = journal.head.sequence, RunCause.UNKNOWN
        self.refused_receipts = 0
        self._wire_sister(sister)

    def _wire_sister(self, side: SisterSide | None) -> None:
        self._peer = None if side is None else side.peer
        self._link_lost_ms: int | None = None
        self._exposure = Exposure()
        self._courier: Courier | None = None
        self._sister: Sister | None = None
        if side is not None:
            self._courier = Courier(
                sister=side.name, copies=side.copies, receipt_keys=self._receipt_keys, publish=self._publish_taps,
                after_ms=side.courier_after_ms,
            )  # fmt: skip
            self._sister = Sister(
                device=self._address.device, sister=side.name, key=side.key, signer=self._key, copies=side.copies,
                courier=self._courier, doorway=self.boarding, send=side.peer.send, on_records=side.on_records,
            )  # fmt: skip

    # --- life ---------------------------------------------------------------------------------------------------------

    def begin(self, now: Instant, cause: RunCause = RunCause.UNKNOWN) -> None:
        """Open the chain, take up window, receipts and copies. `cause`: why this run began, for births and health.

        Raises JournalFull, JournalFailed, SignerFailed.
        """
        self._began_after, self._cause = self._journal.head.sequence, cause
        self.boarding.begin(now)
        self._uplink.on_appended(self._appended)  # the tail was signed anew: what was receipted reaches that far
        kept = self._journal.receipt()
        if kept is not None:
            self._receipt_came(kept, now, kept=True)
        if self._courier is not None:
            self._courier.begin(now)  # copies that cannot be read keep nobody from boarding
        self._link_lost_ms = now.mono_ms

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
        self._put(self._receipts, payload)  # receipts are cumulative: the next one says it all

    def bundle_came(self, bundle: Bundle) -> None:
        """A newer bundle is in force: for the next tap at once, for receipts from the next step on."""
        self.boarding.take_bundle(bundle)
        self._newer = bundle
        self._wake()

    def sister_came(self, payload: bytes) -> None:
        """The link brought a message of the other door."""
        self._put(self._words, payload)  # what the sister sent is sent again until it is witnessed

    def _put(self, inbox: "queue.Queue[bytes]", payload: bytes) -> None:
        try:
            inbox.put_nowait(payload)
        except queue.Full:
            log.info("a message was passed over: %d wait already", inbox.maxsize)
        self._wake()

    def session_changed(self, *, connected: bool) -> None:
        """The backend's session began or ended."""
        self._sessions += connected
        self._wake()

    def link_changed(self, *, connected: bool) -> None:
        """The link to the other door began or ended."""
        self._links += connected
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
            self._receipt_keys[:] = [VerifyingKey.load(known) for known in newer.receipt_keys]  # the courier's too
        self._take_session(now)
        self._take_link(now)
        self._uplink.on_appended(self._appended)
        for data in _waiting(self._receipts):
            self._receipt_came(data, now)
        if self._sister is not None:
            for data in _waiting(self._words):
                self._witnessed(self._sister.came(data, now), now)
        self._sync.step(now)
        if self._courier is not None:
            self._courier.step(now)
        if self._sister is not None and self._peer is not None and self._peer.connected:
            self._sister.tell_boardings(self._appended, now)
            self._sister.tell_receipt(self._sync.newest_receipt)

    def _witnessed(self, held: Witness | None, now: Instant) -> None:
        if held is not None:
            epoch = held.epoch if held.sequence else self.epoch
            word = Word(self._address.device, epoch, held.sequence, held.head, 0, now.mono_ms)
            self._sync.word_came(SISTER, word, now)

    def _take_session(self, now: Instant) -> None:
        """Tell the uplinks about a session that began or ended since the last step; say that we are here."""
        if self._sessions != self._sessions_seen:
            self._sessions_seen = self._sessions
            self._uplink.on_connected(BACKEND)
            self._session.publish(self._address.topic(Channel.STATE), self.state(online=True), retain=True)
            self._health_due_ms = 0
            if self._courier is not None:
                self._courier.connected(now, yes=True)
        elif not self._session.connected:
            self._uplink.on_disconnected(BACKEND)
            if self._courier is not None:
                self._courier.connected(now, yes=False)

    def _take_link(self, now: Instant) -> None:
        if self._peer is None or self._sister is None:
            return
        links = self._links
        linked = self._peer.connected and links == self._links_seen  # a new session has told nobody anything yet
        self._exposure.look(self.boarding.accepted_rials, linked=linked, now_ms=now.mono_ms)
        if self._peer.connected:
            if links != self._links_seen and self._sister.session_began(self._sync.newest_receipt, self._appended, now):
                self._links_seen = links
                self._uplink.on_connected(SISTER)
            self._link_lost_ms = None
        else:
            self._uplink.on_disconnected(SISTER)
            if self._link_lost_ms is None:
                self._link_lost_ms = now.mono_ms

    def _receipt_came(self, data: bytes, now: Instant, *, kept: bool = False) -> None:
        """A receipt's bytes, from whoever. Only what verifies counts; anything else is counted and left."""
        try:
            receipt = open_receipt(data, self._receipt_keys)
        except (WireError, ProofError) as error:
            self.refused_receipts += 1
            log.warning("receipt refused: %s: %s", error.name, error)
            return
        if self._courier is not None:
            self._courier.incarnation_heard(receipt.incarnation, now, kept=kept)
            if receipt.device != self._address.device:
                self._courier.receipt_came(data, receipt, now)
        if receipt.device != self._address.device:
            return
        outcome = self._sync.receipt_came(data, receipt, now, kept=kept)
        if outcome not in (None, ReceiptOutcome.FORKED, ReceiptOutcome.FOREIGN):
            self.boarding.heard(receipt.issued_ms, through=self._uplink.receipted(BACKEND))
            self._heard_clock(receipt.issued_ms)

    def _send(self, order: Publish, batch: bytes, last: int) -> bool:
        if order.sink == BACKEND:
            return self._publish_taps(batch)
        assert self._sister is not None
        now = self._clock.read()
        return self._sister.ship(
            batch, order.first, last, begins=self._uplink.first(SISTER), receipt=self._sync.newest_receipt, now=now
        )

    def _publish_taps(self, batch: bytes) -> bool:
        return self._session.publish(self._address.topic(Channel.TAPS), batch)

    # --- how it is ----------------------------------------------------------------------------------------------------

    def tell_health(self, now: Instant, health: Callable[[], Health]) -> None:
        """Publish health if it is due and there is a session."""
        if now.mono_ms >= self._health_due_ms and self._session.connected:
            self._health_due_ms = now.mono_ms + HEALTH_PERIOD_MS
            self._session.publish(self._address.topic(Channel.HEALTH), encode_health(health(), self._key))

    def state(self, *, online: bool) -> bytes:
        """Birth or will, signed."""
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
            clock_uncertainty_s=now.uncertainty_s, oldest_waiting_s=oldest_s, started=self._cause,
            uptime_s=condition.uptime_s, certificate_until_ms=condition.certificate_until_ms, tamper=condition.tamper,
            machine=condition.machine, sister=self._sister_link(now), unread=tuple(unread),
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
            raise JournalFailed(f"record {first} is not there", fix="run `savar journal check` on the card")
        try:
            written = decode_record(rows[0].raw).at
        except WireError as error:
            raise JournalFailed(f"record {first} is damaged: {error}", fix="run `savar journal check`") from error
        if first > self._began_after:
            return max(now.mono_ms - written.mono_ms, 0) // 1000
        return max(now.wall_ms - written.wall_ms, 0) // 1000 if now.trusted and written.trusted else None

    def _sister_link(self, now: Instant) -> SisterLink | None:
        if self._sister is None:
            return None
        silent_ms = 0 if self._link_lost_ms is None else max(now.mono_ms - self._link_lost_ms, 0)
        waiting, carried, exposed = self.sister_backlog, self.courier_backlog, self._exposure.rials
        return SisterLink(self._link_lost_ms is None, silent_ms // 1000, waiting, carried, exposed)

    @property
    def forked(self) -> bool:
        """Whether another history of our journal is held elsewhere."""
        return self._sync.forked

    def problem(self, now: Instant) -> str:
        """The worst fault of journal, chain, sister door and rider table, in words for a person; empty if none."""
        failed = self.boarding.problem or self._sync.problem
        if failed is not None:
            return str(failed)
        if self.forked:
            return "another history of this journal is held: copied card or restored image — take it out of use"
        if self._sister is not None and self._courier is not None:
            if self._sister.forked:
                return "the other door's journal was rolled back or copied — take that door out of use, keep its card"
            kept = self._sister.problem or self._courier.problem
            if kept is not None:
                return f"the other door's records are not kept: {kept.message}"
            if self._link_lost_ms is not None and now.mono_ms - self._link_lost_ms >= SISTER_SILENT_MS:
                most = f"so far fares of {self._exposure.apart_rials:,} rials at most"
                return f"the other door is not heard, both may accept one code, {most}: {self._unreached()}"
        return "" if self._riders.problem is None else str(self._riders.problem)

    def _unreached(self) -> str:
        problem = None if self._peer is None else self._peer.problem
        return "look at the cable between the doors" if problem is None else str(problem)

    @property
    def backlog(self) -> int:
        """Our records that the backend has not receipted yet."""
        return self._uplink.backlog(BACKEND, last=self._appended)

    @property
    def sister_backlog(self) -> int:
        """Our records that the sister has not witnessed yet; 0 where there is none."""
        return self._uplink.backlog(SISTER, last=self._appended) if self._sister is not None else 0

    @property
    def courier_backlog(self) -> int:
        """The sister's records that lie here and that the backend has not receipted, as far as we know."""
        return sum(self.courier_backlogs.values())

    @property
    def courier_backlogs(self) -> dict[int, int]:
        """The same for each of the sister's epochs."""
        return self._courier.backlogs if self._courier is not None else {}


def _waiting(inbox: "queue.Queue[bytes]") -> Iterator[bytes]:
    """As many as can wait, and not as many as come: who never stops talking does not keep us from our own work."""
    for _ in range(inbox.maxsize):
        if inbox.empty():
            return
        yield inbox.get_nowait()
