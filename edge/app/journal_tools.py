"""`savar journal`: inspect, verify, export and recover, each journal → a report. Run apart from the validator."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from edge.adapters.depot import write_batch
from edge.adapters.journal_file import JournalFile
from edge.core.errors import JournalFailed, KeyMissing
from edge.core.journal_check import (
    Break,
    Checked,
    Proven,
    Walk,
    check,
    cut_batches,
    missing,
    proven_groups,
    whole,
)
from edge.core.ports import StoredRecord
from protocol.errors import ProofError, WireError
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.receipts import Receipt, open_receipt
from protocol.wire.records import Opening, Tap, decode_record, kind_of

Report: TypeAlias = dict[str, Any]
_LEFT_OUT = "it is left out; give --tap-key with the device's own tap.key.pem to sign it here"
_UNSIGNED = "the last record is chained but not yet signed"  # a power cut between its commit and its signature
Watch: TypeAlias = Callable[[Iterable[StoredRecord]], Iterable[StoredRecord]]  # shows progress, passes rows through


def inspect(journal: JournalFile, watch: Watch) -> Report:
    """What a journal says of itself, unproven. Raises JournalFailed."""
    kinds: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    signed = 0
    for row in watch(journal.rows()):
        signed = row.sequence if row.signature else signed
        try:
            record = decode_record(row.raw)
        except WireError:
            kinds["UNREADABLE"] += 1
            continue
        kinds[kind_of(record).name] += 1
        if isinstance(record, Tap):
            verdicts[record.verdict.name] += 1
    extent = journal.extent()
    return {
        "file": str(journal.path), "device": journal.device, "epoch": journal.epoch,
        "first": extent.first, "last": extent.last, "records": extent.rows,
        "signed": signed, "note": _note(signed, extent.last),
        "kinds": dict(kinds), "verdicts": dict(verdicts),
        "receipted": _receipted(journal), "window": extent.window,
    }  # fmt: skip


def _note(signed: int | None, last: int | None, then: str = "the validator signs it at its next start") -> str | None:
    return None if (signed or 0) == (last or 0) else f"{_UNSIGNED}: {then}"


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
    receipted = _receipted(journal)
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
        "first": checked.first, "last": checked.last, "records": checked.records, "signed": checked.signed,
        "note": None if broken is not None else _note(checked.signed, checked.last),
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


def export(
    journal: JournalFile, watch: Watch, key: VerifyingKey | None, out: Path, first: int,
    *, tap_key: Signer | None = None,
) -> Report:  # fmt: skip
    """Every record from `first` as batch files. Raises ChainBroken, KeyMissing, JournalFailed.

    A last record without a signature is signed with the device's own `tap_key`, else left out and said in `note`.
    At a break the files written before it stand; each is whole and proven.
    """
    key = _one_key(journal, key, tap_key)
    _require_key(journal, key)
    walk = Walk(journal.device, journal.epoch, key)
    files, kept = _write(journal, out, whole(watch(journal.rows(first)), walk, tap_key))
    return {
        "device": journal.device, "epoch": journal.epoch, "files": files,
        "first": kept[0][0] if kept else None, "last": kept[-1][1] if kept else None, "records": _count(kept),
        "note": _left_out(walk, tap_key),
    }  # fmt: skip


def _left_out(walk: Walk, tap_key: Signer | None) -> str | None:
    return _note(walk.signed, walk.sequence, _LEFT_OUT if tap_key is None else "signed here with --tap-key")


def _one_key(journal: JournalFile, key: VerifyingKey | None, tap_key: Signer | None) -> VerifyingKey | None:
    """The tap key to believe: the one given, else the opening's. A private one must be the same. Raises KeyMissing."""
    key = key or opening_key(journal)
    if tap_key is None:
        return key
    if key is not None and key.public != tap_key.public:
        raise KeyMissing(
            "--tap-key is not the key that this journal is signed with", fix="give the tap.key.pem of its own device"
        )
    return VerifyingKey.load(tap_key.public)


def recover(
    journal: JournalFile, watch: Watch, key: VerifyingKey | None, out: Path, *, tap_key: Signer | None = None
) -> Report:
    """Batch files of all that is readable and proven, and exactly what is lost. Raises KeyMissing, JournalFailed.

    `lost` names every sequence that is not in the files, and whether the receipt kept says that the backend holds it.
    `receipted` is null if the receipt cannot be read. `end_known` is false if the file's end cannot be read: records
    behind the last one named may be lost too. A record that lacks only its signature, because the one behind it is gone
    or was never written, is in `unsigned`; the device's own `tap_key` signs it if it follows a proven one.
    """
    key = _one_key(journal, key, tap_key)
    if key is None:
        raise _no_key(journal)
    seen = [0]
    unsigned: list[int] = []

    def noted() -> Iterator[StoredRecord]:
        for row in journal.readable_rows():
            seen[0] = row.sequence
            if row.raw and not row.signature:
                unsigned.append(row.sequence)
            yield row

    groups = proven_groups(watch(noted()), device=journal.device, epoch=journal.epoch, key=key, tap_key=tap_key)
    files, kept = _write(journal, out, groups)
    last, receipted = _readable(journal.last), _readable(lambda: _receipted(journal))
    held = receipted or 0
    lost = _split(missing(kept, 1, max(seen[0], last or 0, held)), held)
    return {
        "device": journal.device, "epoch": journal.epoch, "files": files, "records": _count(kept),
        "kept": [{"first": first, "last": last} for first, last in kept], "receipted": receipted,
        "lost": [{"first": first, "last": last, "backend_holds": last <= held} for first, last in lost],
        "end_known": last is not None, "unsigned": unsigned, "note": _unsigned_note(unsigned, tap_key),
    }  # fmt: skip


def _unsigned_note(unsigned: list[int], tap_key: Signer | None) -> str | None:
    if not unsigned:
        return None
    then = _LEFT_OUT if tap_key is None else "signed here with --tap-key where it follows a proven record"
    return f"a record in `unsigned` is chained but not signed: {then}"


def _write(journal: JournalFile, out: Path, groups: Iterable[Proven]) -> tuple[list[str], list[tuple[int, int]]]:
    """Write batches as they are cut → (file names, ranges of sequences in them, joined where they follow)."""
    files: list[str] = []
    kept: list[tuple[int, int]] = []
    for batch in cut_batches(groups, journal.device, journal.epoch):
        files.append(write_batch(out, journal.device, journal.epoch, batch).name)
        if kept and kept[-1][1] + 1 == batch.first:
            kept[-1] = (kept[-1][0], batch.last)
        else:
            kept.append((batch.first, batch.last))
    return files, kept


def _count(ranges: Iterable[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def _split(ranges: Iterable[tuple[int, int]], at: int) -> list[tuple[int, int]]:
    """Ranges, cut behind `at` where it lies inside one."""
    out: list[tuple[int, int]] = []
    for first, last in ranges:
        out += [(first, at), (at + 1, last)] if first <= at < last else [(first, last)]
    return out


def _readable(read: Callable[[], int]) -> int | None:
    """What a damaged file says, or None where it cannot be read."""
    try:
        return read()
    except JournalFailed:
        return None


def _receipted(journal: JournalFile) -> int:
    kept = journal.receipt()
    return 0 if kept is None else kept[0]


def rows_from(journal: JournalFile, first: int) -> int | None:
    """How many rows a walk from `first` will meet, for a progress display; None if the file cannot say."""
    try:
        extent = journal.extent()
    except JournalFailed:
        return None
    return 0 if extent.last is None else max(0, extent.last - max(first, extent.first or 1) + 1)


def opening_key(journal: JournalFile) -> VerifyingKey | None:
    """The tap key that the journal's opening names, if there is one to be read. It is the journal's own word."""
    row = journal.row(1)
    try:
        record = None if row is None else decode_record(row.raw)
        return VerifyingKey.load(record.tap_key) if isinstance(record, Opening) else None
    except (WireError, ProofError):
        return None


def _require_key(journal: JournalFile, key: VerifyingKey | None) -> None:
    """A pruned journal has no opening to take the tap key from."""
    first = next(journal.rows(), None)
    if key is None and first is not None and first.sequence != 1:
        raise _no_key(journal)


def _no_key(journal: JournalFile) -> KeyMissing:
    return KeyMissing(
        f"the journal of {journal.device} has no readable opening, so its tap key is not known",
        fix="give --key with the tap key from the device's registry entry",
    )
