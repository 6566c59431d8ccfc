"""A device's journal: edited, cut, copied, rolled back, and deleted by a word that nobody said."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edge.core.journal_check import check
from edge.core.uplink import ReceiptOutcome, Word
from protocol.errors import ProofError
from protocol.limits import RECEIPTED_KEPT_S
from protocol.wire.keys import Purpose
from protocol.wire.standing import Judgement, Standing
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, detected_if, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import Pretender
from tests.backend.bus import Bus, Rider, key
from tests.backend.desk import Desk
from tests.edge.door import BACKEND, STRANGER, at
from tests.edge.journals import rows
from tests.edge.test_sync import SINK
from tests.edge.test_sync import Bus as Syncing
from tests.protocol.samples import DEVICE, EPOCH, TAP_KEY

RIDERS = [Rider(n) for n in range(3)]
DAY_S = 86_400


def _desk(ground: Ground, *buses: Bus) -> Desk:
    desk = Desk(ground.folder, buses, RIDERS)
    ground.closing.callback(desk.close)
    return desk


@attack(Surface.JOURNAL, Who.CARD, Outcome.REFUSED, unchecked(Purpose.RECORD))
def journal_written_at_home(ground: Ground) -> Outcome:
    """Who has a card but not its device's tap key writes a day of rides after it, and hands them in as that device."""
    bus = Bus()
    bus.ride(1, RIDERS, 5)
    desk = _desk(ground, bus)
    desk.take((bus, bus.batch(signer=key("thief"))))
    return refused_if(desk.records() == 0)


def _gap_is_news(judge: Callable[..., Judgement]) -> Callable[..., Judgement]:
    def believing(walked: Any, mark: Any, held: Any) -> Judgement:
        told = judge(walked, mark, held)
        return Judgement(Standing.NEW, fresh=walked) if told.standing is Standing.GAP else told

    return believing


@attack(Surface.JOURNAL, Who.DRIVER, Outcome.REFUSED, off("protocol.wire.standing:judge", _gap_is_news))
def evening_left_out(ground: Ground) -> Outcome:
    """A bus's owner holds an evening's records back and hands in what follows, to have the receipt cover all of it."""
    bus = Bus()
    bus.ride(1, RIDERS, 12)
    desk = _desk(ground, bus)
    desk.take((bus, bus.batch(1, 5)))
    receipts = desk.take((bus, bus.batch(10)))
    return refused_if(max(it.sequence for it in receipts) == 5)


def _fork_is_known(judge: Callable[..., Judgement]) -> Callable[..., Judgement]:
    def believing(walked: Any, mark: Any, held: Any) -> Judgement:
        told = judge(walked, mark, held)
        return Judgement(Standing.KNOWN) if told.standing is Standing.FORK else told

    return believing


@attack(Surface.JOURNAL, Who.CARD, Outcome.DETECTED, off("protocol.wire.standing:judge", _fork_is_known))
def cloned_card(ground: Ground) -> Outcome:
    """A card is cloned with its keys; the twin rides on in another bus under the same name."""
    bus = Bus()
    bus.ride(1, RIDERS, 5)
    twin = bus.fork(5)
    bus.ride(2, RIDERS, 5)
    twin.ride(3, RIDERS, 5)
    desk = _desk(ground, bus)
    desk.take_whole(bus)
    desk.take_whole(twin)
    kept = [reason for _, reason, _, _ in desk.quarantined()]
    return detected_if(("fork", bus.name) in desk.alarms and kept == ["Fork"])


@attack(Surface.JOURNAL, Who.CARD, Outcome.DETECTED, off("backend.app.ingest:Ingest._watch_new_epoch", gives(None)))
def journal_begun_anew(ground: Ground) -> Outcome:
    """A device's journal is deleted, with whatever was in it that nobody had heard, and a new one begun."""
    bus, anew = Bus(), Bus(epoch=2_002)
    bus.ride(1, RIDERS, 5)
    anew.ride(2, RIDERS, 5)
    desk = _desk(ground, bus)
    desk.take_whole(bus)
    desk.take_whole(anew)
    return detected_if(("new-journal", bus.name) in desk.alarms)


@attack(
    Surface.JOURNAL, Who.CARD, Outcome.DETECTED,
    off("edge.core.uplink:Uplink.on_word", gives(ReceiptOutcome.REPEATED)),
)  # fmt: skip
def card_put_back(ground: Ground) -> Outcome:
    """Last week's image of a card is put back; the device hears receipts beyond the end of its own journal."""
    bus = Syncing(3)
    bus.took(bus.receipt(bus.last + 100, head=bytes(32)), at())
    return detected_if(bus.sync.forked)


@attack(Surface.JOURNAL, Who.BROKER, Outcome.REFUSED, unchecked(Purpose.RECEIPT))
def receipt_that_nobody_gave(ground: Ground) -> Outcome:
    """A captured broker drops what a bus sends and answers with receipts of its own, until the card forgets the taps."""
    bus = Syncing(3)

    def told(seconds: float) -> None:
        forged = bus.receipt(3, Pretender(STRANGER, BACKEND), issued_ms=at(seconds).wall_ms)
        try:
            bus.took(forged, at(seconds))
        except ProofError:
            return

    for seconds in (0, 20, RECEIPTED_KEPT_S + DAY_S, RECEIPTED_KEPT_S + DAY_S + 7_200):
        told(seconds)
        bus.sync.step(at(seconds))
    return refused_if(len(bus.journal.rows) == bus.last)


def _late_is_news(on_word: Callable[..., ReceiptOutcome]) -> Callable[..., ReceiptOutcome]:
    def believing(uplink: Any, sink: str, word: Word, our_hash: bytes | None, now_ms: int) -> ReceiptOutcome:
        held = uplink._sinks[sink].incarnation
        return on_word(uplink, sink, replace(word, incarnation=max(held, word.incarnation)), our_hash, now_ms)

    return believing


@attack(Surface.JOURNAL, Who.BROKER, Outcome.REFUSED, off("edge.core.uplink:Uplink.on_word", _late_is_news))
def receipt_of_a_ledger_that_is_gone(ground: Ground) -> Outcome:
    """After a restore a captured broker replays the lost ledger's receipts, so that its taps are not sent again."""
    bus = Syncing(3)
    before = bus.receipt(bus.last, incarnation=1, issued_ms=at(50).wall_ms)
    bus.took(before, at(50))
    bus.took(bus.receipt(1, incarnation=2, issued_ms=at(60).wall_ms), at(60))
    assert bus.uplink.receipted(SINK) == 1
    bus.took(before, at(70))
    return refused_if(bus.uplink.receipted(SINK) == 1)


@attack(
    Surface.JOURNAL, Who.CARD, Outcome.DETECTED,
    off("protocol.wire.chain:follow", gives(None)), unchecked(Purpose.RECORD),
)  # fmt: skip
def row_taken_out_of_a_card(ground: Ground) -> Outcome:
    """A row is deleted from a card with an SQLite tool, and the rows behind it get its number and those after it."""
    stored = rows(5)
    behind = [replace(row, sequence=row.sequence - 1) for row in stored[4:]]
    found = check([*stored[:3], *behind], device=DEVICE, epoch=EPOCH, key=TAP_KEY.verifying, receipt=None)
    return detected_if(found.broken is not None)
