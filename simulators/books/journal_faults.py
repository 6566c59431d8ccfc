"""Faults of device journals planted in a ledger: records that do not come, a second history, refused bytes."""

from typing import Final

from backend.adapters.ledger.store import LedgerStore
from backend.core.ports import FORK, Quarantined, branch_prefix
from protocol.wire.batches import encode_batch
from protocol.wire.driver_records import Shift, ShiftStep, encode_shift
from protocol.wire.health import Health
from protocol.wire.record_parts import Link
from protocol.wire.records import ClockQuality, Instant
from simulators.books.ordinary import EPOCH

REFUSED: Final = "BadSignature"


def plant_journal_faults(store: LedgerStore, at_ms: int) -> set[str]:
    """One of each, on buses of their own → what each must be found as. `at_ms`: when they were told."""
    gap, fork, refused = "bus-0-d1", "bus-1-d1", "bus-2-d1"
    held = store.watermark(gap, EPOCH).sequence
    store.keep_health(
        Health(
            gap, EPOCH, at_ms, 2, "books", held + 12, held, 0, 0, 1 << 30, (), "", oldest_waiting_s=600,
        ), at_ms,
    )  # fmt: skip
    link = Link(fork, EPOCH, 5, bytes(32))
    record = encode_shift(
        Shift(link, Instant(at_ms, 1, ClockQuality.TRUSTED, 2), ShiftStep.BEGIN, "bus-1", "d-1", "s-9", "r9", 0)
    )
    batch = encode_batch(fork, EPOCH, 5, [record], bytes(64))
    store.quarantine(Quarantined(fork, "taps", FORK, f"{branch_prefix(EPOCH)} planted", batch, at_ms))
    store.quarantine(Quarantined(refused, "taps", REFUSED, "planted", b"no batch", at_ms))
    return {f"journal-gap:{gap}/{EPOCH}", f"journal-fork:{fork}/{EPOCH}", f"quarantined:{refused}/{REFUSED}"}
