"""Deliberate defects, planted into the product's own classes for a run: each must be found, or the simulation is blind.

A defect is a context manager that replaces one method or function while it lasts. Nothing of this is in the product:
it can only be switched on from here.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import backend.adapters.ledger.ingest as ledger_tables
from backend.app import claims, ingest, tickets
from backend.core import repeats
from backend.core import standing as standing_of
from backend.core.ports import Commit, LedgerMark
from backend.core.repeats import Claim
from edge.adapters import card, copies, house, journal
from edge.app import boarding, courier, receipt_trust, station
from edge.core import forms, retention, uplink, used_tickets
from edge.core.asked import Decision
from edge.core.errors import JournalFailed, JournalFull
from edge.core.ports import Head, Showing
from protocol.fares.verdicts import row_for
from protocol.limits import MESSAGE_MAX_BYTES
from protocol.wire import cbor, manifests, receipts, standing
from protocol.wire.receipts import Receipt, encode_receipt
from protocol.wire.records import Instant
from protocol.wire.signed import cut
from protocol.wire.standing import Judgement, Standing
from simulators.seeded.office import OfficeDied, SimOffice

Plant: TypeAlias = Callable[[], Any]  # makes a context manager


@contextmanager
def _replaced(owner: Any, **members: Any) -> Iterator[None]:
    """Other members while it lasts."""
    before = {name: getattr(owner, name) for name in members}
    for name, member in members.items():
        setattr(owner, name, member)
    try:
        yield
    finally:
        for name, member in before.items():
            setattr(owner, name, member)


# --- the card ---------------------------------------------------------------------------------------------------------


def _synchronous(level: str) -> Plant:
    real = card.connect

    def connect(*args: Any) -> Any:
        connection = real(*args)
        connection.execute(f"PRAGMA synchronous={level}")
        return connection

    return lambda: _replaced(house, connect=connect)


def _green_before_commit() -> Any:
    real_record, real_show = boarding.Boarding._record, boarding.Boarding._show

    def record(self: Any, decision: Decision, now: Instant) -> int:
        row = row_for(decision.verdict, decision.reason)
        self._panel.show(Showing(decision.verdict, decision.reason, row, decision.fare_rials, decision.party))
        self.shown_early = True
        return real_record(self, decision, now)

    def show(self: Any, showing: Showing, sequence: int | None, problem: Any) -> Any:
        if getattr(self, "shown_early", False):
            self.shown_early = False
            return boarding.Outcome(showing, sequence, problem)
        return real_show(self, showing, sequence, problem)

    return _replaced(boarding.Boarding, _record=record, _show=show)


def _failed_write_accepted() -> Any:
    real = journal.ApswJournal.append

    def append(self: Any, record: Any, accepted: Any, **beside: Any) -> None:
        try:
            real(self, record, accepted, **beside)
        except (JournalFailed, JournalFull):
            self._suspect = False
            self._head, self._signature = Head(self._epoch, record.sequence, record.head), None

    return _replaced(journal.ApswJournal, append=append)


def _window_lost_at_restart() -> Any:
    return _replaced(journal.ApswJournal, window=lambda _self: [])


def _wall_clock_orders() -> Any:
    real = boarding.Boarding.present

    def present(self: Any, text: bytes, now: Instant, *, settled: bool) -> Any:
        return real(self, text, replace(now, mono_ms=now.wall_ms), settled=settled)

    return _replaced(boarding.Boarding, present=present)


# --- the uplink -------------------------------------------------------------------------------------------------------


def _puback_is_proof() -> Any:
    real = uplink.Uplink.on_sent

    def on_sent(self: Any, sink: str, last: int, now_ms: int) -> None:
        real(self, sink, last, now_ms)
        if sink == "backend":
            state = self._sinks[sink]
            state.receipted = max(state.receipted, last)
            state.flights.clear()

    return _replaced(uplink.Uplink, on_sent=on_sent)


def _pruned_too_young() -> Any:
    return _replaced(retention, _KEPT_DAYS=2)


def _old_incarnation_believed() -> Any:
    real = uplink.Uplink.on_word

    def on_word(self: Any, sink: str, word: Any, our_hash: bytes | None, now_ms: int) -> Any:
        state = self._sinks[sink]
        if word.sequence < state.receipted and word.epoch == self.epoch:
            return uplink.ReceiptOutcome.LATE
        return real(self, sink, replace(word, incarnation=max(word.incarnation, state.incarnation)), our_hash, now_ms)

    return _replaced(uplink.Uplink, on_word=on_word)


def _forged_receipt_believed() -> Any:
    def open_receipt(data: bytes, _keys: Any) -> Receipt:
        payload = cut(data, max_bytes=MESSAGE_MAX_BYTES).payload
        fields = receipts._FIELDS
        values = cbor.decode_structure("receipt", payload, fields, version=1, max_bytes=MESSAGE_MAX_BYTES)
        return Receipt(*values)

    return _replaced(receipt_trust, open_receipt=open_receipt)


def _forms_not_joined() -> Any:
    return _replaced(forms.Forms, proven=lambda _self, _shown, _mono_ms, **_form: None)


# --- the other door ---------------------------------------------------------------------------------------------------


def _other_door_not_heard() -> Any:
    return _replaced(boarding.Boarding, heard_of=lambda _self, _boardings, _now: None)


def _used_tickets_not_told() -> Any:
    return _replaced(used_tickets.UsedTickets, told=lambda *_: None)


def _used_tickets_lost_at_restart() -> Any:
    return _replaced(journal.ApswJournal, used_tickets=lambda _self: [])


def _witness_before_durable() -> Any:
    return _replaced(copies.ApswCopies, add=lambda *_: None)


def _courier_never_carries() -> Any:
    return _replaced(courier.Courier, step=lambda _self, _now: None)


def _older_bundle_taken() -> Any:
    return _replaced(manifests, _require_not_older=lambda *_: None)


def _faults_not_said() -> Any:
    return _replaced(station.Station, problem=lambda _self, _now: "")


# --- the backend ------------------------------------------------------------------------------------------------------


def _judged(change: Callable[[Judgement, Any, Any], Judgement]) -> Any:
    real = standing.judge

    def judge(walked: Any, mark: Any, held_hash: bytes | None) -> Judgement:
        return change(real(walked, mark, held_hash), walked, mark)

    return _replaced(ingest, judge=judge)


def _receipt_above_a_gap() -> Any:
    def change(found: Judgement, walked: Any, mark: Any) -> Judgement:
        return Judgement(Standing.NEW, fresh=walked) if found.standing is Standing.GAP and mark.sequence else found

    return _judged(change)


def _fork_overwritten() -> Any:
    def change(found: Judgement, _walked: Any, _mark: Any) -> Judgement:
        return Judgement(Standing.KNOWN) if found.standing is Standing.FORK else found

    return _judged(change)


def _quarantine_drops() -> Any:
    return _replaced(ledger_tables.IngestTables, quarantine=lambda *_, **__: None)


def _repeats_not_known() -> Any:
    return _replaced(repeats, same_boarding=lambda *_: False)


def _copies_of_tickets_paid() -> Any:
    return _replaced(tickets, stand_rides=lambda rides, **_: [replace(it, paid=not it.annulled) for it in rides])


def _charged_above_shown() -> Any:
    def post(before: Claim | None, after: Claim) -> Any:
        return standing_of.posted(before, after._replace(rials=after.rials + 1_000 * after.charged))

    return _replaced(claims, posted=post)


def _receipt_before_commit() -> Any:
    def take(self: Any, messages: Sequence[Any]) -> list[Any]:
        group = ingest._Group(self._postings.group())
        for message in messages:
            self._add(group, message)
        ledger = self._store.ledger_mark()
        for to, device, epoch in group.touched:
            mark = group.marks.get((device, epoch)) or self._store.watermark(device, epoch)
            word = Receipt(device, epoch, mark.sequence, mark.head, ledger.incarnation, ledger.head, self._now_ms())
            self.publish_early(to, encode_receipt(word, self._signer))
        self._commit(group)
        return []

    real = SimOffice.make_worker

    def make_worker(self: Any, store: Any) -> None:
        real(self, store)
        self.ingest.publish_early = self._publish_receipt

    @contextmanager
    def both() -> Iterator[None]:
        with _replaced(ingest.Ingest, _take=take), _replaced(SimOffice, make_worker=make_worker):
            yield

    return both()


def _posting_split_in_two() -> Any:
    real = ledger_tables.IngestTables.commit

    def commit(self: Any, commits: Sequence[Commit], at_ms: int) -> LedgerMark:
        real(self, [replace(one, transfers=[]) for one in commits], at_ms)
        if getattr(self, "die_after", False):
            raise OfficeDied
        with self._writer.transaction() as core:
            self.post(core, [t for one in commits for t in one.transfers], at_ms)
        mark: LedgerMark = self.ledger_mark()
        return mark

    return _replaced(ledger_tables.IngestTables, commit=commit)


def _revoked_still_taken() -> Any:
    real = ingest.Ingest.__init__
    known: dict[str, Any] = {}

    def init(self: Any, *, find_device: Any, **more: Any) -> None:
        def find(name: str) -> Any:
            known[name] = find_device(name) or known.get(name)
            return known[name]

        real(self, find_device=find, **more)

    return _replaced(ingest.Ingest, __init__=init)


PLANTED: dict[str, Plant] = {
    "no-fsync-before-green": _synchronous("OFF"),
    "fsync-at-checkpoints-only": _synchronous("NORMAL"),
    "green-before-commit": _green_before_commit,
    "failed-write-accepted": _failed_write_accepted,
    "window-lost-at-restart": _window_lost_at_restart,
    "wall-clock-orders": _wall_clock_orders,
    "prune-on-puback": _puback_is_proof,
    "pruned-too-young": _pruned_too_young,
    "old-incarnation-believed": _old_incarnation_believed,
    "forged-receipt-believed": _forged_receipt_believed,
    "forms-not-joined": _forms_not_joined,
    "other-door-not-heard": _other_door_not_heard,
    "used-tickets-not-told": _used_tickets_not_told,
    "used-tickets-lost-at-restart": _used_tickets_lost_at_restart,
    "witness-before-durable": _witness_before_durable,
    "courier-never-carries": _courier_never_carries,
    "faults-not-said": _faults_not_said,
    "older-bundle-taken": _older_bundle_taken,
    "receipt-above-a-gap": _receipt_above_a_gap,
    "fork-overwritten": _fork_overwritten,
    "quarantine-drops": _quarantine_drops,
    "repeats-not-known": _repeats_not_known,
    "copies-of-tickets-paid": _copies_of_tickets_paid,
    "charged-above-shown": _charged_above_shown,
    "receipt-before-commit": _receipt_before_commit,
    "posting-split-in-two": _posting_split_in_two,
    "revoked-still-taken": _revoked_still_taken,
}
