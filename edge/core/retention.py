"""What may be deleted from the card: what a receipt covers, 35 days old by a trusted clock (P2, P14)."""

from collections.abc import Iterable

from protocol import limits
from protocol.wire.records import Instant, Record


def prunable_through(oldest: Iterable[Record], *, receipted: int, now: Instant) -> int:
    """Oldest records in order → the last sequence that may go, 0 if none may.

    Stops at the first record that is not receipted or not old enough: the journal stays one run of sequences. A record
    whose own clock was untrusted is as old as the next trusted one behind it: 1970 makes nothing old, 2046 nothing
    young.
    """
    through = 0
    if not now.trusted:
        return through
    for record in oldest:
        if record.link.sequence > receipted:
            break
        if not record.at.trusted:
            continue
        if now.wall_ms - record.at.wall_ms < limits.RECEIPTED_KEPT_S * 1000:
            break
        through = record.link.sequence
    return through
