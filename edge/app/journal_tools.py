"""`savar journal`: inspect, verify, export and recover, each journal → a report. Run apart from the validator."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from edge.adapters.depot import write_batch
from edge.adapters.journal_file import JournalFile
from edge.core.errors import KeyMissing
from edge.core.journal_check import Break, Checked, CutBatch, Walk, check, cut_batches, missing, proven_groups, whole
from edge.core.ports import StoredRecord
from protocol.errors import ProofError, WireError
from protocol.wire.keys import VerifyingKey
from protocol.wire.receipts import Receipt, open_receipt
from protocol.wire.records import Opening, Tap, decode_record

Report: TypeAlias = dict[str, Any]
Watch: TypeAlias = Callable[[Iterable[StoredRecord]], Iterable[StoredRecord]]  # shows progress, passes rows through


def inspect(journal: JournalFile, watch: Watch) -> Report:
    """What a journal says of itself, unproven. Raises JournalFailed."""
    kinds: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    for row in watch(journal.rows()):
        try:
            record = decode_record(row.raw)
        except WireError:
            kinds["UNREADABLE"] += 1
            continue
        kinds[_kind(record)] += 1
        if isinstance(record, Tap):
            verdicts[record.verdict.name] += 1
    extent, kept = journal.extent(), journal.receipt()
    return {
        "file": str(journal.path), "device": journal.device, "epoch": journal.epoch,
        "first": extent.first, "last": extent.last, "records": extent.rows,
        "kinds": dict(kinds), "verdicts": dict(verdicts),
        "receipted": 0 if kept is None else kept[0], "window": extent.window,
    }  # fmt: skip


def _kind(record: object) -> str:
    if isinstance(record, Tap):
        return "TAP"
    return "OPENING" if isinstance(record, Opening) else "DAY_KEY"


def verify(
    journal: JournalFile, watch: Watch, key: VerifyingKey | None, receipt_keys: Sequence[VerifyingKey]
) -> Report:
    """Prove the whole chain, every signature, and the receipt kept (P11). Raises KeyMissing, JournalFailed.

    Without `receipt_keys` the receipt is believed as far as its number: the journal must reach it.
    """
    kept = journal.receipt()
    receipt: Receipt | None = None
    broken: Break | None = None
    if kept is not None and receipt_keys:
        try:
            receipt = open_receipt(kept[1], receipt_keys)
        except (WireError, ProofError) as error:
            broken = Break.of(kept[0], error)
    _require_key(journal, key)
    checked = check(watch(journal.rows()), device=journal.device, epoch=journal.epoch, key=key, receipt=receipt)
    receipted = 0 if kept is None else kept[0]
    broken = checked.broken or broken
    if broken is None and receipted > (checked.last or 0):
        message = "the backend holds more than this journal"
        broken = Break(checked.last or 0, "RolledBack", message, receipted, checked.last)
    return _report(journal, checked, broken, receipted, key, proven_receipt=receipt is not None)


def _report(
    journal: JournalFile, checked: Checked, broken: Break | None, receipted: int, key: VerifyingKey | None, *,
    proven_receipt: bool,
) -> Report:  # fmt: skip
    pruned = (checked.first or 1) - 1
    return {
        "file": str(journal.path), "device": journal.device, "epoch": journal.epoch, "ok": broken is None,
        "first": checked.first, "last": checked.last, "records": checked.records,
        "head": None if checked.head is None else checked.head.hex(),
        "key": None if checked.key is None else checked.key.public.hex(),
        "key_from": "given" if key is not None else "opening",
        "pruned": pruned, "pruned_without_receipt": max(0, pruned - receipted),
        "receipted": receipted, "receipt_proven": proven_receipt,
        "broken": None if broken is None else {
            "sequence": broken.sequence, "error": broken.error, "message": broken.message,
            "expected": broken.expected, "found": broken.found,
        },
    }  # fmt: skip


def export(journal: JournalFile, watch: Watch, key: VerifyingKey | None, out: Path, first: int) -> Report:
    """Every record from `first` as batch files. Raises ChainBroken, KeyMissing, JournalFailed.

    At a break the files written before it stand; each is whole and proven.
    """
    _require_key(journal, key, first)
    walk = Walk(journal.device, journal.epoch, key or opening_key(journal))
    groups = whole(watch(journal.rows(first)), walk)
    files, kept = _write(journal, out, cut_batches(groups, journal.device, journal.epoch))
    return {
        "device": journal.device, "epoch": journal.epoch, "files": files,
        "first": kept[0][0] if kept else None, "last": kept[-1][1] if kept else None, "records": _count(kept),
    }  # fmt: skip


def recover(journal: JournalFile, watch: Watch, key: VerifyingKey | None, out: Path) -> Report:
    """Batch files of all that is readable and proven, and exactly what is lost. Raises KeyMissing, JournalFailed."""
    key = key or opening_key(journal)
    if key is None:
        raise _no_key(journal)
    seen = _Seen()
    rows = watch(seen.of(journal.readable_rows()))
    groups = proven_groups(rows, device=journal.device, epoch=journal.epoch, key=key)
    files, kept = _write(journal, out, cut_batches(groups, journal.device, journal.epoch))
    receipted = _receipted(journal)
    lost = missing(kept, 1, max(seen.last, receipted, kept[-1][1] if kept else 0))
    return {
        "device": journal.device, "epoch": journal.epoch, "files": files, "records": _count(kept),
        "kept": [list(each) for each in kept], "receipted": receipted, "read_to": seen.last,
        "lost": [{"first": a, "last": b, "backend_holds": b <= receipted} for a, b in _split(lost, receipted)],
        "end_known": not seen.cut_short(journal),
    }  # fmt: skip
