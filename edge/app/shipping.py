"""What an uplink asks for, read from where the records lie, and published as batches."""

from collections.abc import Callable, Sequence

from edge.core.errors import JournalFailed
from edge.core.ports import StoredRecord
from edge.core.uplink import Publish, Uplink
from protocol import limits
from protocol.wire.batches import encode_batch
from protocol.wire.records import Instant

# Record bytes in one batch: what is left of the limit after device, epoch and signature.
_BATCH_RECORD_BYTES = limits.BATCH_MAX_BYTES - 256
Read = Callable[[int, int, int], Sequence[StoredRecord]]  # first, most, most bytes
Send = Callable[[Publish, bytes, int], bool]  # the order, the batch, its last sequence → whether it went out


def ship(uplink: Uplink, read: Read, send: Send, now: Instant) -> None:
    """Publish what may go out now. Raises JournalFailed where records are missing that no receipt covers.

    A sink that takes nothing now is asked again with the next event or deadline. One that cannot be served keeps no
    other from being served.
    """
    stuck: set[str] = set()
    failed: JournalFailed | None = None
    while (order := uplink.next_publish(now.mono_ms, but=stuck)) is not None:
        rows = read(order.first, order.most, _BATCH_RECORD_BYTES)
        if (fault := _unfit(rows, order.first)) is not None:
            failed = failed or fault
            stuck.add(order.sink)
            continue
        batch = encode_batch(uplink.device, uplink.epoch, order.first, [row.raw for row in rows], rows[-1].signature)
        if send(order, batch, rows[-1].sequence):
            uplink.on_sent(order.sink, rows[-1].sequence, now.mono_ms)
        else:
            stuck.add(order.sink)
    if failed is not None:
        raise failed


def _unfit(rows: Sequence[StoredRecord], first: int) -> JournalFailed | None:
    """Why these rows make no batch from `first` on, if they do not."""
    if not rows or rows[0].sequence != first:
        return JournalFailed(
            "the journal lacks records that no receipt covers",
            fix="stop the device and run `savar journal recover`", first=first,
        )  # fmt: skip
    if not rows[-1].signature:  # the uplink is told of signed records only: this one's neighbour rotted
        return JournalFailed(
            "a record inside the journal has lost its signature",
            fix="stop the device and run `savar journal recover --tap-key`", sequence=rows[-1].sequence,
        )  # fmt: skip
    return None
