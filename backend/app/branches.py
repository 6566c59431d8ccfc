"""What is kept of the other history of a journal: each record once, however often and however cut it comes.

A forked device cannot know what arrived and sends its branch anew, from its beginning to an end that moves. Kept as
they come, those batches would fill the device's share of the quarantine with themselves, and the newest records would
not be kept (P3).
"""

from backend.core.ports import IngestStore, Quarantined
from protocol.wire.batches import decode_batch


def keep_branch(store: IngestStore, it: Quarantined, epoch: int) -> None:
    """Keep a proven batch of a branch, in place of those that it contains; not one that others contain already.

    Raises StoreFailed.
    """
    fresh = set(decode_batch(it.payload).records)
    contained: list[int] = []
    held: set[bytes] = set()
    for row, payload in store.branches(it.device, epoch):
        records = set(decode_batch(payload).records)
        if records < fresh:
            contained.append(row)
        else:
            held |= records
    if not fresh <= held:
        store.quarantine(it, instead_of=contained)
