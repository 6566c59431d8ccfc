"""The other door of a bus as one station has it: the link, its sister and courier, and what is at stake while apart.

link's thread   came, link_changed      leave a message or a count; the station wakes its step
sync thread     everything else
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.app.boarding import Boarding
from edge.app.courier import Courier
from edge.app.inbox import Inbox
from edge.app.receipt_trust import ReceiptTrust
from edge.app.sister import OnRecords, Sister
from edge.core.exposure import Exposure
from edge.core.limits import COURIER_AFTER_MS, SISTER_SILENT_MS, SISTER_WORDS_WAITING_MAX
from edge.core.ports import Copies, Peer
from edge.core.uplink import Publish, Word
from protocol.wire.health import SisterLink
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.records import Instant
from protocol.wire.sister import DoorCondition, Witness


@dataclass(frozen=True, slots=True)
class SisterSide:
    """What a bus with two doors adds: the sister's name and tap key, the copies held of it, the link."""

    name: str
    key: VerifyingKey
    copies: Copies
    peer: Peer
    courier_after_ms: int = COURIER_AFTER_MS
    on_records: OnRecords = lambda _records, _now: None


class OtherDoor:
    """One link and what goes over it. `publish` carries the sister's records to the backend."""

    def __init__(
        self,
        side: SisterSide,
        *,
        device: str,
        epoch: int,
        boarding: Boarding,
        signer: Signer,
        believed: ReceiptTrust,
        publish: Callable[[bytes], bool],
    ) -> None:
        self._device, self._epoch, self._boarding, self._peer = device, epoch, boarding, side.peer
        self._words = Inbox(SISTER_WORDS_WAITING_MAX, "a message of the other door")
        self._links = self._links_seen = 0
        self._lost_ms: int | None = None
        self._exposure = Exposure()
        self.courier = Courier(
            sister=side.name, copies=side.copies, believed=believed, publish=publish,
            after_ms=side.courier_after_ms, on_receipted=boarding.seen_elsewhere,
        )  # fmt: skip
        self.sister = Sister(
            device=device, sister=side.name, key=side.key, signer=signer, copies=side.copies,
            courier=self.courier, doorway=boarding, send=side.peer.send, on_records=side.on_records,
        )  # fmt: skip

    def begin(self, now: Instant) -> None:
        """Copies that cannot be read keep nobody from boarding."""
        self.courier.begin(now)
        self._lost_ms = now.mono_ms

    # --- from any thread ----------------------------------------------------------------------------------------------

    def came(self, payload: bytes) -> None:
        """The link brought a message."""
        self._words.put(payload)  # what the sister sent is sent again until it is witnessed

    def link_changed(self, *, connected: bool) -> None:
        """The link began or ended."""
        self._links += connected

    # --- the stepping thread ------------------------------------------------------------------------------------------

    def look_at_link(self, receipt: bytes, appended: int, now: Instant) -> bool | None:
        """Whether a session began (True) or there is none (False) since the last step; None: as it was."""
        links = self._links
        linked = self._peer.connected and links == self._links_seen  # a new session has told nobody anything yet
        self._exposure.look(self._boarding.accepted_rials, linked=linked, now_ms=now.mono_ms)
        if not self._peer.connected:
            if self._lost_ms is None:
                self._lost_ms = now.mono_ms
            return False
        self._lost_ms = None
        if links != self._links_seen and self.sister.session_began(receipt, appended, now):
            self._links_seen = links
            return True
        return None

    def words(self, now: Instant) -> Iterator[Word]:
        """What came, taken in; yields what it says of our own records."""
        for data in self._words.take():
            held = self.sister.came(data, now)
            if held is not None:
                yield self._word(held, now)

    def _word(self, held: Witness, now: Instant) -> Word:
        epoch = held.epoch if held.sequence else self._epoch
        return Word(self._device, epoch, held.sequence, held.head, 0, now.mono_ms)

    def tell(self, receipt: bytes, appended: int, now: Instant, condition: DoorCondition | None = None) -> None:
        """Fresh boardings, the newest receipt and how this door is, while there is a link."""
        if self._peer.connected:
            self.sister.tell_boardings(appended, now)
            self.sister.tell_receipt(receipt)
            self.sister.tell_condition(condition)

    def ship(self, order: Publish, batch: bytes, last: int, *, begins: int, receipt: bytes, now: Instant) -> bool:
        """A batch of ours goes over."""
        return self.sister.ship(batch, order.first, last, begins=begins, receipt=receipt, now=now)

    # --- how it is ----------------------------------------------------------------------------------------------------

    def link(self, now: Instant, waiting: int, carried: int) -> SisterLink:
        """For health; `waiting`: our records that it lacks; `carried`: others that the backend may lack."""
        silent_ms = 0 if self._lost_ms is None else max(now.mono_ms - self._lost_ms, 0)
        return SisterLink(self._lost_ms is None, silent_ms // 1000, waiting, carried, self._exposure.rials)

    def problem(self, now: Instant) -> str:
        """The worst fault of the other door as it is seen from here, in words for a person; empty if none."""
        if self.sister.forked:
            return "the other door's journal was rolled back or copied — take that door out of use, keep its card"
        kept = self.sister.problem or self.courier.problem
        if kept is not None:
            return f"the other door's records are not kept: {kept.message}"
        if self.sister.unsigned is not None and self._peer.connected:
            return f"the other door is told nothing: {self.sister.unsigned}"
        if self._lost_ms is not None and now.mono_ms - self._lost_ms >= SISTER_SILENT_MS:
            most = f"so far fares of {self._exposure.apart_rials:,} rials at most"
            return f"the other door is not heard, both may accept one code, {most}: {self._unreached()}"
        return ""

    def _unreached(self) -> str:
        problem = self._peer.problem
        return "look at the cable between the doors" if problem is None else str(problem)
